// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace gnomon {

// xoshiro256++ (Blackman and Vigna 2021, ACM TOMS 47:36), seeded through SplitMix64. The
// distributions are our own, so that the same seed gives the same numbers with every standard
// library.
class Random {
 public:
  // The stream `name` of the run's root seed: streams with different names are independent, so that
  // adding a use of randomness does not shift the numbers of another.
  Random(std::uint64_t seed, std::string_view name);

  std::uint64_t next();
  double uniform();                      // [0, 1), 53 bits
  std::uint64_t below(std::uint64_t n);  // [0, n) without bias (Lemire 2019); n > 0
  double normal();                       // standard normal, polar method

  // Fisher-Yates.
  template <class T>
  void shuffle(std::vector<T>& values) {
    for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
  }

 private:
  std::array<std::uint64_t, 4> state_;
  double spare_normal_ = 0;
  bool has_spare_ = false;
};

}  // namespace gnomon
