// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string_view>

#include "gnomon/kernels/attention.h"
#include "gnomon/kernels/detail/attention_blocks.h"
#include "gnomon/kernels/detail/instruction_set.h"
#include "gnomon/kernels/detail/product.h"

namespace gnomon {
namespace {

using detail::check_heads;
using detail::check_matrix;
using detail::check_queries;
using detail::kBlockRows;
using detail::PackedKeys;
using detail::PackedValues;
using detail::Scratch;

// to = factor from for j < n_key and zeros from there to n.
struct ScaleAndZero {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(T* to, const T* from, T factor, Index n_key, Index n) {
    GNOMON_INDEPENDENT_ITERATIONS
    for (Index j = 0; j < n_key; ++j) to[j] = factor * from[j];
    for (Index j = n_key; j < n; ++j) to[j] = T{0};
  }
};

// The softmax's gradient in its first n_key places, times scale; zeros from there to n. Term j of
// the sum goes to sum j mod 16: zeros of the pattern change no bit.
struct SoftmaxBackward {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(T* grad_scores, const T* grad_pattern, const T* pattern,
                                       T scale, Index n_key, Index n) {
    double sum[detail::kLanes] = {};
    Index j = 0;
    for (; j + detail::kLanes <= n_key; j += detail::kLanes) {
#pragma GCC unroll 1
      for (int lane = 0; lane < detail::kLanes; ++lane) {
        sum[lane] +=
            static_cast<double>(pattern[j + lane]) * static_cast<double>(grad_pattern[j + lane]);
      }
    }
    for (Index lane = 0; j + lane < n_key; ++lane) {
      sum[lane] +=
          static_cast<double>(pattern[j + lane]) * static_cast<double>(grad_pattern[j + lane]);
    }
    detail::add_as_tree<detail::kLanes / 2>(sum);
    const T mean = static_cast<T>(sum[0]);
    GNOMON_INDEPENDENT_ITERATIONS
    for (Index c = 0; c < n_key; ++c) {
      grad_scores[c] = pattern[c] * (grad_pattern[c] - mean) * scale;
    }
    for (Index c = n_key; c < n; ++c) grad_scores[c] = T{0};
  }
};

// grad += cellᵀ row: what n_row queries, each with a row of n_key cells, give the keys.
template <class T>
void add_to_keys(MatrixView<T> grad, MatrixView<const T> cell, MatrixView<const T> row,
                 Index n_key) {
  detail::multiply_serial(grad.row_range(0, n_key), detail::Factor<T>{cell.data, 1, cell.stride},
                          detail::Factor<T>{row.data, row.stride, 1}, row.rows, Output::add);
}

// One block of queries of one head.
struct Block {
  Index first, n_row;
  std::span<const Index> position;
  Index n_seen;  // keys that one of them sees

  Index n_key(Index i) const { return position[static_cast<std::size_t>(i)] + 1; }
};

template <class Body>
void for_each_block(std::span<const Index> q_position, const Body& body) {
  const auto n_q = static_cast<Index>(q_position.size());
  for (Index first = 0; first < n_q; first += kBlockRows) {
    const Index n_row = std::min(kBlockRows, n_q - first);
    const auto position =
        q_position.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(n_row));
    body(Block{first, n_row, position, 1 + *std::ranges::max_element(position)});
  }
}

// The columns of one head.
template <class T>
MatrixView<T> head(MatrixView<T> rows, Index h, const AttentionShape& shape) {
  return rows.columns(h * shape.d_head, shape.d_head);
}

}  // namespace

template <class T>
void attention_values_backward(MatrixView<T> grad_pattern, MatrixView<T> grad_v,
                               MatrixView<const T> grad_z, MatrixView<const T> pattern,
                               MatrixView<const T> v, std::span<const Index> q_position,
                               const AttentionShape& shape) {
  constexpr std::string_view kOp = "attention_values_backward";
  // Values stand where a product's keys do.
  check_queries(kOp, "grad_z", grad_z, "v", v, q_position, shape);
  check_matrix(kOp, "grad_v", grad_v.rows, grad_v.cols, v.rows, v.cols, "the shape of v");
  check_matrix(kOp, "pattern", pattern.rows, pattern.cols, shape.n_heads * grad_z.rows, v.rows,
               "[n_heads n_q, n_k]");
  check_matrix(kOp, "grad_pattern", grad_pattern.rows, grad_pattern.cols, pattern.rows,
               pattern.cols, "the shape of pattern");
  thread_local PackedKeys<T> values;
  thread_local Scratch<T> scratch;
  const Index group = shape.n_heads / shape.n_kv_heads;
  for (Index h = 0; h < shape.n_heads && grad_z.rows > 0; ++h) {
    if (h % group == 0) values.pack(head(v, h / group, shape));
    const auto grad_z_h = head(grad_z, h, shape);
    for_each_block(q_position, [&](const Block& block) {
      const auto products =
          detail::multiply_keys(values, scratch, grad_z_h, q_position, block.first, block.n_row);
      const Index row = h * grad_z.rows + block.first;
      const auto pattern_h = pattern.row_range(row, block.n_row);
      Index n_key = 0;
      for (Index i = 0; i < block.n_row; ++i) {
        detail::dispatch<ScaleAndZero>(grad_pattern.row(row + i).data(),
                                       static_cast<const T*>(&products(i, 0)), T{1}, block.n_key(i),
                                       v.rows);
        n_key = std::max(n_key, detail::end_of_nonzero(&pattern_h(i, 0), v.rows));
      }
      add_to_keys(head(grad_v, h / group, shape), pattern_h,
                  grad_z_h.row_range(block.first, block.n_row), n_key);
    });
  }
}

template <class T>
void attention_pattern_backward(MatrixView<T> grad_scores, MatrixView<const T> grad_pattern,
                                MatrixView<const T> pattern) {
  constexpr std::string_view kOp = "attention_pattern_backward";
  check_matrix(kOp, "grad_pattern", grad_pattern.rows, grad_pattern.cols, pattern.rows,
               pattern.cols, "the shape of pattern");
  check_matrix(kOp, "grad_scores", grad_scores.rows, grad_scores.cols, pattern.rows, pattern.cols,
               "the shape of pattern");
  for (Index row = 0; row < pattern.rows; ++row) {
    detail::dispatch<SoftmaxBackward>(grad_scores.row(row).data(), grad_pattern.row(row).data(),
                                      pattern.row(row).data(), T{1}, pattern.cols, pattern.cols);
  }
}

template <class T>
void attention_scores_backward(MatrixView<T> grad_q, MatrixView<T> grad_k,
                               MatrixView<const T> grad_scores, MatrixView<const T> q,
                               MatrixView<const T> k, std::span<const Index> q_position,
                               const AttentionShape& shape) {
  constexpr std::string_view kOp = "attention_scores_backward";
  check_queries(kOp, "q", q, "k", k, q_position, shape);
  check_matrix(kOp, "grad_q", grad_q.rows, grad_q.cols, q.rows, q.cols, "the shape of q");
  check_matrix(kOp, "grad_k", grad_k.rows, grad_k.cols, k.rows, k.cols, "the shape of k");
  check_matrix(kOp, "grad_scores", grad_scores.rows, grad_scores.cols, shape.n_heads * q.rows,
               k.rows, "[n_heads n_q, n_k]");
  thread_local PackedValues<T> keys;
  thread_local Scratch<T> scratch;
  const Index group = shape.n_heads / shape.n_kv_heads;
  const Index stride = k.rows + detail::kLanes;
  for (Index h = 0; h < shape.n_heads && q.rows > 0; ++h) {
    if (h % group == 0) keys.pack(head(k, h / group, shape));
    for_each_block(q_position, [&](const Block& block) {
      const MatrixView<T> scaled(scratch.at_least(kBlockRows * stride), block.n_row, block.n_seen,
                                 stride);
      Index n_key[kBlockRows];
      for (Index i = 0; i < block.n_row; ++i) {
        n_key[i] = block.n_key(i);
        detail::dispatch<ScaleAndZero>(&scaled(i, 0),
                                       grad_scores.row(h * q.rows + block.first + i).data(),
                                       static_cast<T>(shape.scale), n_key[i], block.n_seen);
      }
      keys.multiply(head(grad_q, h, shape).row_range(block.first, block.n_row), scaled, n_key);
      add_to_keys<T>(head(grad_k, h / group, shape), scaled,
                     head(q, h, shape).row_range(block.first, block.n_row), block.n_seen);
    });
  }
}

template <class T>
void attention_backward(MatrixView<T> grad_q, MatrixView<T> grad_k, MatrixView<T> grad_v,
                        MatrixView<const T> grad_z, MatrixView<const T> q, MatrixView<const T> k,
                        MatrixView<const T> v, std::span<const Index> q_position,
                        const AttentionShape& shape) {
  constexpr std::string_view kOp = "attention_backward";
  check_queries(kOp, "q", q, "k", k, q_position, shape);
  check_matrix(kOp, "v", v.rows, v.cols, k.rows, k.cols, "the shape of k");
  check_matrix(kOp, "grad_z", grad_z.rows, grad_z.cols, q.rows, q.cols, "the shape of q");
  check_matrix(kOp, "grad_q", grad_q.rows, grad_q.cols, q.rows, q.cols, "the shape of q");
  check_matrix(kOp, "grad_k", grad_k.rows, grad_k.cols, k.rows, k.cols, "the shape of k");
  check_matrix(kOp, "grad_v", grad_v.rows, grad_v.cols, k.rows, k.cols, "the shape of k");
  thread_local PackedKeys<T> keys_of_scores;
  thread_local PackedKeys<T> values;
  thread_local PackedValues<T> keys;
  thread_local Scratch<T> pattern_scratch;
  thread_local Scratch<T> grad_scratch;
  const Index group = shape.n_heads / shape.n_kv_heads;
  const T scale = static_cast<T>(shape.scale);
  for (Index h = 0; h < shape.n_heads && q.rows > 0; ++h) {
    const Index g = h / group;
    if (h % group == 0) {
      keys_of_scores.pack(head(k, g, shape));
      keys.pack(head(k, g, shape));
      values.pack(head(v, g, shape));
    }
    const auto q_h = head(q, h, shape);
    const auto grad_z_h = head(grad_z, h, shape);
    for_each_block(q_position, [&](const Block& block) {
      const auto pattern = detail::multiply_keys(keys_of_scores, pattern_scratch, q_h, q_position,
                                                 block.first, block.n_row);
      detail::dispatch<detail::PatternOfProducts>(pattern.data, pattern.stride, block.n_row,
                                                  block.position.data(), scale, block.n_seen);
      add_to_keys<T>(head(grad_v, g, shape), pattern, grad_z_h.row_range(block.first, block.n_row),
                     block.n_seen);
      // The pattern's gradient, and in its place that of the products q·k.
      const auto grad = detail::multiply_keys(values, grad_scratch, grad_z_h, q_position,
                                              block.first, block.n_row);
      Index n_key[kBlockRows];
      for (Index i = 0; i < block.n_row; ++i) {
        n_key[i] = block.n_key(i);
        detail::dispatch<SoftmaxBackward>(&grad(i, 0), static_cast<const T*>(&grad(i, 0)),
                                          static_cast<const T*>(&pattern(i, 0)), scale, n_key[i],
                                          block.n_seen);
      }
      keys.multiply(head(grad_q, h, shape).row_range(block.first, block.n_row), grad, n_key);
      add_to_keys<T>(head(grad_k, g, shape), grad, q_h.row_range(block.first, block.n_row),
                     block.n_seen);
    });
  }
}

template void attention_values_backward(MatrixView<float>, MatrixView<float>,
                                        MatrixView<const float>, MatrixView<const float>,
                                        MatrixView<const float>, std::span<const Index>,
                                        const AttentionShape&);
template void attention_pattern_backward(MatrixView<float>, MatrixView<const float>,
                                         MatrixView<const float>);
template void attention_scores_backward(MatrixView<float>, MatrixView<float>,
                                        MatrixView<const float>, MatrixView<const float>,
                                        MatrixView<const float>, std::span<const Index>,
                                        const AttentionShape&);
template void attention_backward(MatrixView<float>, MatrixView<float>, MatrixView<float>,
                                 MatrixView<const float>, MatrixView<const float>,
                                 MatrixView<const float>, MatrixView<const float>,
                                 std::span<const Index>, const AttentionShape&);
template void attention_values_backward(MatrixView<double>, MatrixView<double>,
                                        MatrixView<const double>, MatrixView<const double>,
                                        MatrixView<const double>, std::span<const Index>,
                                        const AttentionShape&);
template void attention_pattern_backward(MatrixView<double>, MatrixView<const double>,
                                         MatrixView<const double>);
template void attention_scores_backward(MatrixView<double>, MatrixView<double>,
                                        MatrixView<const double>, MatrixView<const double>,
                                        MatrixView<const double>, std::span<const Index>,
                                        const AttentionShape&);
template void attention_backward(MatrixView<double>, MatrixView<double>, MatrixView<double>,
                                 MatrixView<const double>, MatrixView<const double>,
                                 MatrixView<const double>, MatrixView<const double>,
                                 std::span<const Index>, const AttentionShape&);

}  // namespace gnomon
