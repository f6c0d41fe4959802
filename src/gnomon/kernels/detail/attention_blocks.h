// SPDX-License-Identifier: Apache-2.0
// What attention's forward and backward passes share: heads packed for tiles, and the softmax.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string_view>

#include "gnomon/base/error.h"
#include "gnomon/kernels/attention.h"
#include "gnomon/kernels/detail/instruction_set.h"
#include "gnomon/kernels/detail/product.h"
#include "gnomon/kernels/detail/vector_math.h"

namespace gnomon::detail {

// Queries whose scores are in flight together: a multiple of every tile's rows. 24 rows of 1024
// scores stay in the second-level cache.
inline constexpr Index kBlockRows = 24;

template <class T>
inline constexpr T kMinusInfinity = -std::numeric_limits<T>::infinity();

// Sums of a softmax that run side by side.
inline constexpr Index kLanes = 16;

constexpr Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }
constexpr Index round_up(Index n, Index to) { return ceil_div(n, to) * to; }

// Calls body(first, n_row) on tiles of at most `most` rows that share n_row rows out evenly.
template <class Body>
void for_each_tile(Index n_row, Index most, const Body& body) {
  const Index n_tile = ceil_div(n_row, most);
  for (Index t = 0; t < n_tile; ++t) {
    const Index first = n_row * t / n_tile;
    body(first, n_row * (t + 1) / n_tile - first);
  }
}

// The keys of one head, packed so that a tile's columns are keys: panels [d_head, n_col].
template <class T>
class PackedKeys {
 public:
  void pack(MatrixView<const T> k) {
    tile_ = &tiles<T>();
    d_head_ = k.cols;
    n_panel_ = ceil_div(k.rows, tile_->n_col);
    panels_ = scratch_.at_least(n_panel_ * d_head_ * tile_->n_col);
    for (Index panel = 0; panel < n_panel_; ++panel) {
      const Index first = panel * tile_->n_col;
      pack_panel(panels_ + first * d_head_, Factor<T>{k.data, 1, k.stride}, 0, d_head_, first,
                 std::min(tile_->n_col, k.rows - first), tile_->n_col);
    }
  }

  // Room for whole panels and whole rows of a softmax. The last 16 keep rows of 1024 keys from
  // falling on the same lines of the first-level cache, where a tile reads across them.
  Index padded_keys() const { return round_up(n_panel_ * tile_->n_col, kLanes) + kLanes; }

  // products(i, j) = q[i] · k[j] for the panels that hold keys below n_key; products has
  // padded_keys() columns.
  void multiply(MatrixView<T> products, MatrixView<const T> q, Index n_key) const {
    for_each_tile(q.rows, tile_->n_row, [&](Index first, Index n_row) {
      for (Index j = 0; j < n_key; j += tile_->n_col) {
        tile_->with_rows[static_cast<std::size_t>(n_row)](&products(first, j), products.stride,
                                                          &q(first, 0), q.stride, 1,
                                                          panels_ + j * d_head_, d_head_, false);
      }
    });
  }

 private:
  Scratch<T> scratch_;
  const Tiles<T>* tile_ = nullptr;
  T* panels_ = nullptr;
  Index d_head_ = 0;
  Index n_panel_ = 0;
};

struct AllFinite {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(bool* result, const T* x, Index n) {
    int n_bad = 0;
    for (Index i = 0; i < n; ++i) n_bad += std::abs(x[i]) <= std::numeric_limits<T>::max() ? 0 : 1;
    *result = n_bad == 0;
  }
};

// The values of one head, packed so that a tile's columns are channels: panels [n_k, n_col].
template <class T>
class PackedValues {
 public:
  void pack(MatrixView<const T> v) {
    tile_ = &tiles<T>();
    n_k_ = v.rows;
    d_head_ = v.cols;
    const Index n_panel = ceil_div(d_head_, tile_->n_col);
    panels_ = scratch_.at_least((n_panel * n_k_ + tile_->n_row) * tile_->n_col);
    edge_ = panels_ + n_panel * n_k_ * tile_->n_col;
    for (Index j = 0; j < d_head_; j += tile_->n_col) {
      pack_panel(panels_ + j * n_k_, Factor<T>{v.data, v.stride, 1}, 0, n_k_, j,
                 std::min(tile_->n_col, d_head_ - j), tile_->n_col);
    }
    dispatch<AllFinite>(&finite_, static_cast<const T*>(panels_), n_panel * n_k_ * tile_->n_col);
  }

  // z[i] = Σ pattern(i, j) v[j] over j < n_key[i]; patterns are zero from there on.
  void multiply(MatrixView<T> z, MatrixView<const T> pattern, const Index* n_key) {
    // Rows of a tile sum over as many keys as its longest: that adds zeros to the others, which
    // changes no bit but the sign of a zero, settled below, unless a value is infinite or NaN. Then
    // rows go one by one, so that a value does not reach queries that do not see it.
    for_each_tile(z.rows, finite_ ? tile_->n_row : 1, [&](Index first, Index n_row) {
      const Index n_sum = *std::max_element(n_key + first, n_key + first + n_row);
      const auto run_tile = tile_->with_rows[static_cast<std::size_t>(n_row)];
      for (Index c = 0; c < d_head_; c += tile_->n_col) {
        const T* panel = panels_ + c * n_k_;
        const Index n_channel = std::min(tile_->n_col, d_head_ - c);
        if (n_channel == tile_->n_col) {
          run_tile(&z(first, c), z.stride, &pattern(first, 0), pattern.stride, 1, panel, n_sum,
                   false);
          continue;
        }
        run_tile(edge_, tile_->n_col, &pattern(first, 0), pattern.stride, 1, panel, n_sum, false);
        for (Index r = 0; r < n_row; ++r) {
          std::copy_n(edge_ + r * tile_->n_col, n_channel, &z(first + r, c));
        }
      }
      // A sum that underflows to -0 becomes 0 where a zero follows and stays where none does.
      for (Index r = first; r < first + n_row; ++r) {
        for (T& value : z.row(r)) value += T{0};
      }
    });
  }

 private:
  Scratch<T> scratch_;
  const Tiles<T>* tile_ = nullptr;
  T* panels_ = nullptr;
  T* edge_ = nullptr;
  Index d_head_ = 0;
  Index n_k_ = 0;
  bool finite_ = true;
};

template <Index kWidth, class T>
GNOMON_ALWAYS_INLINE void add_as_tree(T* lanes) {
  if constexpr (kWidth > 0) {
    for (Index lane = 0; lane < kWidth; ++lane) lanes[lane] += lanes[lane + kWidth];
    add_as_tree<kWidth / 2>(lanes);
  }
}

template <Index kWidth, class T>
GNOMON_ALWAYS_INLINE void largest_as_tree(T* lanes) {
  if constexpr (kWidth > 0) {
    for (Index lane = 0; lane < kWidth; ++lane) {
      lanes[lane] = lanes[lane + kWidth] > lanes[lane] ? lanes[lane + kWidth] : lanes[lane];
    }
    largest_as_tree<kWidth / 2>(lanes);
  }
}

// The softmax of scale row[j] over j < n_key, in place; zeros from there to the next multiple
// of 16. Terms go to sum j mod 16 and the sixteen are added as a tree, so that keys that are masked
// or absent change no bit. A NaN makes the whole row NaN; +inf does too.
struct Softmax {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(T* row, Index n_key, T scale) {
    // Kept as loops, the lanes become one vector operation; unrolled first, GCC 12 leaves the
    // largest as sixteen scalars.
    T largest[kLanes];
#pragma GCC unroll 1
    for (int lane = 0; lane < kLanes; ++lane) largest[lane] = kMinusInfinity<T>;
    for (Index j = 0; j < n_key; j += kLanes) {
      const int n_lane = static_cast<int>(std::min<Index>(n_key - j, kLanes));
#pragma GCC unroll 1
      for (int lane = 0; lane < kLanes; ++lane) {
        const T product = row[j + lane] * scale;
        const T score = lane < n_lane ? product : kMinusInfinity<T>;
        row[j + lane] = score;
        largest[lane] = score > largest[lane] ? score : largest[lane];
      }
    }
    largest_as_tree<kLanes / 2>(largest);
    // Nothing to attend to: subtract 0 rather than -inf, which would give NaN.
    const T shift = largest[0] == kMinusInfinity<T> ? T{0} : largest[0];

    T sum[kLanes] = {};
    for (Index j = 0; j < n_key; j += kLanes) {
#pragma GCC unroll 1
      for (int lane = 0; lane < kLanes; ++lane) {
        const T term = vector_exp(row[j + lane] - shift);
        row[j + lane] = term;
        sum[lane] += term;
      }
    }
    add_as_tree<kLanes / 2>(sum);
    const T inverse = sum[0] == 0 ? T{0} : 1 / sum[0];
    for (Index j = 0; j < round_up(n_key, kLanes); ++j) row[j] *= inverse;
  }
};

// Rows of products with n_row queries become their patterns, zeros from each query's last key up to
// n.
struct PatternOfProducts {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(T* rows, Index stride, Index n_row, const Index* q_position,
                                       T scale, Index n) {
    for (Index i = 0; i < n_row; ++i) {
      T* row = rows + i * stride;
      const Index n_key = q_position[i] + 1;
      Softmax::run(row, n_key, scale);
      for (Index j = round_up(n_key, kLanes); j < n; ++j) row[j] = T{0};
    }
  }
};

// Where the zeros at a row's end begin.
template <class T>
Index end_of_nonzero(const T* row, Index n) {
  while (n > 0 && row[n - 1] == 0) --n;
  return n;
}

inline void check_matrix(std::string_view op, std::string_view name, Index rows, Index cols,
                         Index expected_rows, Index expected_cols, std::string_view axes) {
  if (rows != expected_rows || cols != expected_cols) {
    throw ShapeError(fmt::format("{}: {} is [{}, {}], expected {} = [{}, {}]", op, name, rows, cols,
                                 axes, expected_rows, expected_cols));
  }
}

inline void check_heads(std::string_view op, const AttentionShape& shape) {
  if (shape.n_heads < 1 || shape.n_kv_heads < 1 || shape.d_head < 1 ||
      shape.n_heads % shape.n_kv_heads != 0) {
    throw ShapeError(
        fmt::format("{}: n_heads = {}, n_kv_heads = {}, d_head = {}, expected positive sizes and "
                    "n_kv_heads to divide "
                    "n_heads",
                    op, shape.n_heads, shape.n_kv_heads, shape.d_head));
  }
}

template <class T>
void check_queries(std::string_view op, std::string_view q_name, const MatrixView<const T>& q,
                   std::string_view k_name, const MatrixView<const T>& k,
                   std::span<const Index> q_position, const AttentionShape& shape) {
  check_heads(op, shape);
  check_matrix(op, q_name, q.rows, q.cols, static_cast<Index>(q_position.size()),
               shape.n_heads * shape.d_head, "[positions, n_heads d_head]");
  check_matrix(op, k_name, k.rows, k.cols, k.rows, shape.n_kv_heads * shape.d_head,
               "[n_k, n_kv_heads d_head]");
  for (std::size_t i = 0; i < q_position.size(); ++i) {
    if (q_position[i] < 0 || q_position[i] >= k.rows) {
      throw ShapeError(fmt::format("{}: query {} is at position {}, expected 0 to n_k - 1 = {}", op,
                                   i, q_position[i], k.rows - 1));
    }
  }
}

// Raw products of the queries [first, first + n_row) of one head with all keys that one of them
// sees.
template <class T>
MatrixView<T> multiply_keys(const PackedKeys<T>& keys, Scratch<T>& scratch, MatrixView<const T> q,
                            std::span<const Index> q_position, Index first, Index n_row) {
  const MatrixView<T> products(scratch.at_least(kBlockRows * keys.padded_keys()), n_row,
                               keys.padded_keys());
  const auto from = q_position.begin() + first;
  keys.multiply(products, q.row_range(first, n_row), 1 + *std::max_element(from, from + n_row));
  return products;
}

}  // namespace gnomon::detail
