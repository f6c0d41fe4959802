// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "gnomon/kernels/attention.h"
#include "kernels/kernel_cases.h"

namespace gnomon::test {

template <class T>
struct Text {
  AttentionShape shape;
  std::vector<Index> position;
  std::vector<T> q, k, v;

  Text(Index n_heads, Index n_kv_heads, Index d_head, Index n_k, std::vector<Index> q_position)
      : shape{n_heads, n_kv_heads, d_head, 1 / std::sqrt(static_cast<double>(d_head))},
        position(std::move(q_position)),
        q(normal_values<T>(n_q() * n_heads * d_head, "q")),
        k(normal_values<T>(n_k * n_kv_heads * d_head, "k")),
        v(normal_values<T>(n_k * n_kv_heads * d_head, "v")) {}

  Index n_q() const { return static_cast<Index>(position.size()); }
  Index n_k() const { return static_cast<Index>(k.size()) / (shape.n_kv_heads * shape.d_head); }
  Index q_width() const { return shape.n_heads * shape.d_head; }
  Index k_width() const { return shape.n_kv_heads * shape.d_head; }
  StridedMatrix<T> q_rows() const { return {n_q(), q_width(), q}; }
  StridedMatrix<T> k_rows() const { return {n_k(), k_width(), k}; }
  StridedMatrix<T> v_rows() const { return {n_k(), k_width(), v}; }
};

inline std::vector<Index> all_positions(Index n) {
  std::vector<Index> result(static_cast<std::size_t>(n));
  std::iota(result.begin(), result.end(), Index{0});
  return result;
}

// Heads narrower, equal to and wider than a tile; texts around tiles, blocks of 24 queries and 16
// sums; grouped queries; queries that are few, late and out of order.
template <class T>
std::vector<Text<T>> cases() {
  std::vector<Text<T>> result;
  result.emplace_back(1, 1, 1, 1, all_positions(1));
  for (const Index n : {2, 5, 8, 15, 16, 17, 24, 25, 33, 40})
    result.emplace_back(2, 2, 64, n, all_positions(n));
  result.emplace_back(9, 3, 64, 31, all_positions(31));
  result.emplace_back(4, 2, 5, 19, all_positions(19));
  result.emplace_back(6, 1, 80, 50, all_positions(50));
  result.emplace_back(2, 1, 33, 130, all_positions(130));
  result.emplace_back(3, 3, 16, 70, std::vector<Index>{69});
  result.emplace_back(3, 3, 16, 70, std::vector<Index>{69, 3, 3, 40, 0});
  return result;
}

}  // namespace gnomon::test
