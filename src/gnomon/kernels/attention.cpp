// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/attention.h"

#include <algorithm>
#include <string_view>

#include "gnomon/kernels/detail/attention_blocks.h"
#include "gnomon/kernels/detail/instruction_set.h"
#include "gnomon/kernels/detail/product.h"

namespace gnomon {
namespace {

// scores = scale products for j < n_key and -inf from there to n.
struct ScaleAndMask {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(T* scores, const T* products, T scale, Index n_key,
                                       Index n) {
    for (Index j = 0; j < n_key; ++j) scores[j] = scale * products[j];
    for (Index j = n_key; j < n; ++j) scores[j] = detail::kMinusInfinity<T>;
  }
};

}  // namespace

template <class T>
void attention_scores_forward(MatrixView<T> scores, MatrixView<const T> q, MatrixView<const T> k,
                              std::span<const Index> q_position, const AttentionShape& shape) {
  constexpr std::string_view kOp = "attention_scores_forward";
  detail::check_queries(kOp, "q", q, "k", k, q_position, shape);
  detail::check_matrix(kOp, "scores", scores.rows, scores.cols, shape.n_heads * q.rows, k.rows,
                       "[n_heads n_q, n_k]");
  thread_local detail::PackedKeys<T> keys;
  thread_local detail::Scratch<T> scratch;
  const Index group = shape.n_heads / shape.n_kv_heads;
  for (Index h = 0; h < shape.n_heads && q.rows > 0; ++h) {
    if (h % group == 0) keys.pack(k.columns(h / group * shape.d_head, shape.d_head));
    const auto q_h = q.columns(h * shape.d_head, shape.d_head);
    for (Index first = 0; first < q.rows; first += detail::kBlockRows) {
      const Index n_row = std::min(detail::kBlockRows, q.rows - first);
      const auto products = detail::multiply_keys(keys, scratch, q_h, q_position, first, n_row);
      for (Index i = 0; i < n_row; ++i) {
        detail::dispatch<ScaleAndMask>(scores.row(h * q.rows + first + i).data(), &products(i, 0),
                                       static_cast<T>(shape.scale),
                                       q_position[static_cast<std::size_t>(first + i)] + 1, k.rows);
      }
    }
  }
}

template <class T>
void attention_pattern_forward(MatrixView<T> pattern, MatrixView<const T> scores) {
  detail::check_matrix("attention_pattern_forward", "pattern", pattern.rows, pattern.cols,
                       scores.rows, scores.cols, "the shape of scores");
  thread_local detail::Scratch<T> scratch;
  T* padded = scratch.at_least(detail::round_up(scores.cols, detail::kLanes));
  for (Index row = 0; row < scores.rows; ++row) {
    std::ranges::copy(scores.row(row), padded);
    detail::dispatch<detail::Softmax>(padded, scores.cols, T{1});
    std::copy_n(padded, scores.cols, pattern.row(row).data());
  }
}

template <class T>
void attention_values_forward(MatrixView<T> z, MatrixView<const T> pattern, MatrixView<const T> v,
                              const AttentionShape& shape) {
  constexpr std::string_view kOp = "attention_values_forward";
  detail::check_heads(kOp, shape);
  detail::check_matrix(kOp, "z", z.rows, z.cols, z.rows, shape.n_heads * shape.d_head,
                       "[n_q, n_heads d_head]");
  detail::check_matrix(kOp, "v", v.rows, v.cols, v.rows, shape.n_kv_heads * shape.d_head,
                       "[n_k, n_kv_heads d_head]");
  detail::check_matrix(kOp, "pattern", pattern.rows, pattern.cols, shape.n_heads * z.rows, v.rows,
                       "[n_heads n_q, n_k]");
  thread_local detail::PackedValues<T> values;
  const Index group = shape.n_heads / shape.n_kv_heads;
  for (Index h = 0; h < shape.n_heads && z.rows > 0; ++h) {
    if (h % group == 0) values.pack(v.columns(h / group * shape.d_head, shape.d_head));
    for (Index first = 0; first < z.rows; first += detail::kBlockRows) {
      const Index n_row = std::min(detail::kBlockRows, z.rows - first);
      const auto pattern_h = pattern.row_range(h * z.rows + first, n_row);
      Index n_key[detail::kBlockRows];
      for (Index i = 0; i < n_row; ++i)
        n_key[i] = detail::end_of_nonzero(pattern_h.row(i).data(), v.rows);
      values.multiply(z.columns(h * shape.d_head, shape.d_head).row_range(first, n_row), pattern_h,
                      n_key);
    }
  }
}

template <class T>
void attention_forward(MatrixView<T> z, MatrixView<const T> q, MatrixView<const T> k,
                       MatrixView<const T> v, std::span<const Index> q_position,
                       const AttentionShape& shape) {
  constexpr std::string_view kOp = "attention_forward";
  detail::check_queries(kOp, "q", q, "k", k, q_position, shape);
  detail::check_matrix(kOp, "z", z.rows, z.cols, q.rows, q.cols, "the shape of q");
  detail::check_matrix(kOp, "v", v.rows, v.cols, k.rows, k.cols, "the shape of k");
  thread_local detail::PackedKeys<T> keys;
  thread_local detail::PackedValues<T> values;
  thread_local detail::Scratch<T> scratch;
  const Index group = shape.n_heads / shape.n_kv_heads;
  for (Index h = 0; h < shape.n_heads && q.rows > 0; ++h) {
    const auto columns = [&](auto view, Index head) {
      return view.columns(head * shape.d_head, shape.d_head);
    };
    if (h % group == 0) {
      keys.pack(columns(k, h / group));
      values.pack(columns(v, h / group));
    }
    for (Index first = 0; first < q.rows; first += detail::kBlockRows) {
      const Index n_row = std::min(detail::kBlockRows, q.rows - first);
      const auto rows =
          detail::multiply_keys(keys, scratch, columns(q, h), q_position, first, n_row);
      const auto position =
          q_position.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(n_row));
      const Index n_seen = 1 + *std::ranges::max_element(position);
      detail::dispatch<detail::PatternOfProducts>(rows.data, rows.stride, n_row, position.data(),
                                                  static_cast<T>(shape.scale), n_seen);
      Index n_key[detail::kBlockRows];
      for (Index i = 0; i < n_row; ++i) {
        n_key[i] = detail::end_of_nonzero(&rows(i, 0), position[static_cast<std::size_t>(i)] + 1);
      }
      values.multiply(columns(z, h).row_range(first, n_row), rows, n_key);
    }
  }
}

template void attention_scores_forward(MatrixView<float>, MatrixView<const float>,
                                       MatrixView<const float>, std::span<const Index>,
                                       const AttentionShape&);
template void attention_scores_forward(MatrixView<double>, MatrixView<const double>,
                                       MatrixView<const double>, std::span<const Index>,
                                       const AttentionShape&);
template void attention_pattern_forward(MatrixView<float>, MatrixView<const float>);
template void attention_pattern_forward(MatrixView<double>, MatrixView<const double>);
template void attention_values_forward(MatrixView<float>, MatrixView<const float>,
                                       MatrixView<const float>, const AttentionShape&);
template void attention_values_forward(MatrixView<double>, MatrixView<const double>,
                                       MatrixView<const double>, const AttentionShape&);
template void attention_forward(MatrixView<float>, MatrixView<const float>, MatrixView<const float>,
                                MatrixView<const float>, std::span<const Index>,
                                const AttentionShape&);
template void attention_forward(MatrixView<double>, MatrixView<const double>,
                                MatrixView<const double>, MatrixView<const double>,
                                std::span<const Index>, const AttentionShape&);

}  // namespace gnomon
