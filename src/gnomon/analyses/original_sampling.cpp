// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/original_sampling.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <numbers>
#include <numeric>
#include <random>
#include <utility>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

constexpr Index kBlock = 16;

double uniform24(std::mt19937& generator) {
  constexpr std::uint32_t kMask = (1U << 24) - 1;
  return std::ldexp(static_cast<double>(generator() & kMask), -24);
}

// Sixteen normals from sixteen uniforms.
void fill_block(std::mt19937& generator, double sd, double* block) {
  for (Index j = 0; j < kBlock; ++j) block[j] = uniform24(generator);
  for (Index j = 0; j < kBlock / 2; ++j) {
    const double radius = std::sqrt(-2 * std::log(1 - block[j]));
    const double angle = 2 * std::numbers::pi * block[j + kBlock / 2];
    block[j] = sd * radius * std::cos(angle);
    block[j + kBlock / 2] = sd * radius * std::sin(angle);
  }
}

Index below(std::mt19937& generator, Index n) {
  const auto mask = static_cast<std::uint32_t>(std::bit_ceil(static_cast<std::uint64_t>(n)) - 1);
  while (true) {
    const auto drawn = static_cast<Index>(generator() & mask);
    if (drawn < n) return drawn;
  }
}

}  // namespace

std::vector<Index> torch_permutation(Index n, std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::vector<Index> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), Index{0});
  for (Index i = 0; i + 1 < n; ++i) {
    const auto chosen = static_cast<Index>(generator() % static_cast<std::uint64_t>(n - i));
    std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(i + chosen)]);
  }
  return order;
}

std::vector<double> torch_normal(Index n, double sd, std::uint32_t seed, Index n_skip) {
  if (n < kBlock) {
    throw ArgumentError(
        fmt::format("torch_normal: found {} elements, expected at least {}", n, kBlock));
  }
  std::vector<double> values(static_cast<std::size_t>(n));
  std::mt19937 generator(seed);
  generator.discard(static_cast<unsigned long long>(n_skip));
  for (Index i = 0; i + kBlock <= n; i += kBlock) fill_block(generator, sd, values.data() + i);
  if (n % kBlock != 0) {
    // Torch draws uniforms for every element first, those of the unfinished block too.
    generator.discard(static_cast<unsigned long long>(n % kBlock));
    fill_block(generator, sd, values.data() + n - kBlock);
  }
  return values;
}

Tensor<double> torch_linear_normal(Index n_out, Index n_in, double sd, std::uint32_t seed) {
  const Index n = n_out * n_in;
  return Tensor<double>({n_out, n_in}, torch_normal(n, sd, seed, n + n_out));
}

std::vector<ChoicePair> numpy_choice_pairs(Index n, Index n_first, Index n_second,
                                           std::uint32_t seed) {
  std::mt19937 generator(seed);
  std::vector<ChoicePair> pairs;
  for (Index i = 0; i < n; ++i) {
    const Index first = below(generator, n_first);
    pairs.push_back({first, below(generator, n_second)});
  }
  return pairs;
}

}  // namespace gnomon
