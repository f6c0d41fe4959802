// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "gnomon/base/threads.h"
#include "gnomon/kernels/detail/instruction_set.h"
#include "gnomon/kernels/detail/product.h"
#include "gnomon/tensor/view.h"

namespace gnomon::test {

template <class T>
constexpr double kEps = std::numeric_limits<T>::epsilon();

// Standard normal numbers from the stream `name`.
template <class T>
std::vector<T> normal_values(Index n, const std::string& name) {
  Random random(1, name);
  std::vector<T> values(static_cast<std::size_t>(n));
  for (T& value : values) value = static_cast<T>(random.normal());
  return values;
}

template <class T>
std::vector<double> widened(std::span<const T> values) {
  return {values.begin(), values.end()};
}

template <class T>
bool same_bits(std::span<const T> a, std::span<const T> b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

// start + Σ_k a(k) b(k) as the backend "packed" sums.
template <class T, class A, class B>
T sum_of_chains(T start, Index n_inner, const A& a, const B& b) {
  T sum = start;
  const Index length = detail::chain_length(n_inner);
  for (Index first = 0; first < n_inner; first += length) {
    T chain = 0;
    for (Index k = first; k < std::min(first + length, n_inner); ++k)
      chain = std::fma(a(k), b(k), chain);
    sum += chain;
  }
  return sum;
}

// A matrix whose rows lie apart and whose first element is not aligned to a vector; the gaps hold a
// number that no kernel may change.
template <class T>
class StridedMatrix {
 public:
  static constexpr T kGap = static_cast<T>(-77.25);

  StridedMatrix(Index rows, Index cols)
      : values_(static_cast<std::size_t>(1 + rows * (cols + 3)), kGap), rows_(rows), cols_(cols) {}
  StridedMatrix(Index rows, Index cols, std::span<const T> values) : StridedMatrix(rows, cols) {
    for (Index i = 0; i < rows * cols; ++i) {
      view()(i / cols, i % cols) = values[static_cast<std::size_t>(i)];
    }
  }

  MatrixView<T> view() { return {values_.data() + 1, rows_, cols_, cols_ + 3}; }
  MatrixView<const T> read() const { return {values_.data() + 1, rows_, cols_, cols_ + 3}; }

  std::vector<T> packed() const {
    std::vector<T> result;
    for (Index i = 0; i < rows_; ++i) {
      const auto row = read().row(i);
      result.insert(result.end(), row.begin(), row.end());
    }
    return result;
  }
  bool gaps_untouched() const {
    if (values_[0] != kGap) return false;
    for (Index i = 0; i < rows_; ++i) {
      for (Index j = cols_; j < cols_ + 3; ++j) {
        if (read().data[i * (cols_ + 3) + j] != kGap) return false;
      }
    }
    return true;
  }

 private:
  std::vector<T> values_;
  Index rows_;
  Index cols_;
};

// The message of the ShapeError that `call` throws.
template <class Call>
std::string shape_error_of(const Call& call) {
  try {
    call();
  } catch (const ShapeError& error) {
    return error.what();
  }
  return "no ShapeError";
}

// Settings that a test changes, restored at its end.
struct Restored {
  Restored() = default;
  Restored(const Restored&) = delete;
  Restored& operator=(const Restored&) = delete;
  ~Restored() {
    set_threads(0);
    detail::limit_instruction_set(detail::InstructionSet::avx512);
  }
};

// Runs `compute` under every instruction set that this machine has.
template <class Compute>
auto with_each_instruction_set(const Compute& compute) {
  const Restored restored;
  std::vector<decltype(compute())> results;
  for (const auto set : {detail::InstructionSet::baseline, detail::InstructionSet::avx2,
                         detail::InstructionSet::avx512}) {
    detail::limit_instruction_set(set);
    if (detail::instruction_set() == set) results.push_back(compute());
  }
  return results;
}

}  // namespace gnomon::test
