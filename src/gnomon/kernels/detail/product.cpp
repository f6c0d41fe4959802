// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/detail/product.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <utility>

#include "gnomon/base/threads.h"
#include "gnomon/kernels/detail/instruction_set.h"

#ifdef GNOMON_HAS_X86_TARGETS
#include <immintrin.h>
#endif

namespace gnomon::detail {
namespace {

// Four rows of eight or more columns: as many sums as the 16 vector registers of SSE2 and the first
// half of NEON's hold.
constexpr int kBaselineRows = 4;
template <class T>
constexpr int kBaselineColumns = static_cast<int>(32 / sizeof(T));

template <class T>
GNOMON_ALWAYS_INLINE T multiply_add(T a, T b, T sum) {
#if defined(__FP_FAST_FMA) && defined(__FP_FAST_FMAF)
  return std::fma(a, b, sum);
#else
  return sum + a * b;  // std::fma would be a call that emulates in software
#endif
}

template <class T, int kRows>
void tile_baseline(T* c, Index c_row, const T* a, Index a_row, Index a_inner, const T* b,
                   Index n_inner, bool accumulate) {
  constexpr int kColumns = kBaselineColumns<T>;
  T sum[kRows][kColumns] = {};
  for (Index k = 0; k < n_inner; ++k) {
    for (int r = 0; r < kRows; ++r) {
      const T a_rk = a[r * a_row + k * a_inner];
      for (int j = 0; j < kColumns; ++j) {
        sum[r][j] = multiply_add(a_rk, b[k * kColumns + j], sum[r][j]);
      }
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int j = 0; j < kColumns; ++j) {
      T& c_rj = c[r * c_row + j];
      c_rj = accumulate ? c_rj + sum[r][j] : sum[r][j];
    }
  }
}

#ifdef GNOMON_HAS_X86_TARGETS

template <class T>
struct Avx2;

template <>
struct Avx2<float> {
  using Vector = __m256;
  static constexpr int kLanes = 8;
  GNOMON_TARGET_AVX2 static GNOMON_ALWAYS_INLINE Vector load(const float* p) {
    return _mm256_loadu_ps(p);
  }
  GNOMON_TARGET_AVX2 static GNOMON_ALWAYS_INLINE void store(float* p, Vector v) {
    _mm256_storeu_ps(p, v);
  }
  GNOMON_TARGET_AVX2 static GNOMON_ALWAYS_INLINE Vector all(float x) { return _mm256_set1_ps(x); }
  GNOMON_TARGET_AVX2 static GNOMON_ALWAYS_INLINE Vector add(Vector a, Vector b) {
    return _mm256_add_ps(a, b);
  }
  GNOMON_TARGET_AVX2 static GNOMON_ALWAYS_INLINE Vector multiply_add(Vector a, Vector b,
                                                                     Vector sum) {
    return _mm256_fmadd_ps(a, b, sum);
  }
};

template <>
struct Avx2<double> {
  using Vector = __m256d;
  static constexpr int kLanes = 4;
  GNOMON_TARGET_AVX2 static GNOMON_ALWAYS_INLINE Vector load(const double* p) {
    return _mm256_loadu_pd(p);
  }
  GNOMON_TARGET_AVX2 static GNOMON_ALWAYS_INLINE void store(double* p, Vector v) {
    _mm256_storeu_pd(p, v);
  }
  GNOMON_TARGET_AVX2 static GNOMON_ALWAYS_INLINE Vector all(double x) { return _mm256_set1_pd(x); }
  GNOMON_TARGET_AVX2 static GNOMON_ALWAYS_INLINE Vector add(Vector a, Vector b) {
    return _mm256_add_pd(a, b);
  }
  GNOMON_TARGET_AVX2 static GNOMON_ALWAYS_INLINE Vector multiply_add(Vector a, Vector b,
                                                                     Vector sum) {
    return _mm256_fmadd_pd(a, b, sum);
  }
};

template <class T>
struct Avx512;

template <>
struct Avx512<float> {
  using Vector = __m512;
  static constexpr int kLanes = 16;
  GNOMON_TARGET_AVX512 static GNOMON_ALWAYS_INLINE Vector load(const float* p) {
    return _mm512_loadu_ps(p);
  }
  GNOMON_TARGET_AVX512 static GNOMON_ALWAYS_INLINE void store(float* p, Vector v) {
    _mm512_storeu_ps(p, v);
  }
  GNOMON_TARGET_AVX512 static GNOMON_ALWAYS_INLINE Vector all(float x) { return _mm512_set1_ps(x); }
  GNOMON_TARGET_AVX512 static GNOMON_ALWAYS_INLINE Vector add(Vector a, Vector b) {
    return _mm512_add_ps(a, b);
  }
  GNOMON_TARGET_AVX512 static GNOMON_ALWAYS_INLINE Vector multiply_add(Vector a, Vector b,
                                                                       Vector sum) {
    return _mm512_fmadd_ps(a, b, sum);
  }
};

template <>
struct Avx512<double> {
  using Vector = __m512d;
  static constexpr int kLanes = 8;
  GNOMON_TARGET_AVX512 static GNOMON_ALWAYS_INLINE Vector load(const double* p) {
    return _mm512_loadu_pd(p);
  }
  GNOMON_TARGET_AVX512 static GNOMON_ALWAYS_INLINE void store(double* p, Vector v) {
    _mm512_storeu_pd(p, v);
  }
  GNOMON_TARGET_AVX512 static GNOMON_ALWAYS_INLINE Vector all(double x) {
    return _mm512_set1_pd(x);
  }
  GNOMON_TARGET_AVX512 static GNOMON_ALWAYS_INLINE Vector add(Vector a, Vector b) {
    return _mm512_add_pd(a, b);
  }
  GNOMON_TARGET_AVX512 static GNOMON_ALWAYS_INLINE Vector multiply_add(Vector a, Vector b,
                                                                       Vector sum) {
    return _mm512_fmadd_pd(a, b, sum);
  }
};

// Twice the same loops, because a function's instruction set cannot be a template argument. Two
// vectors a row, and as many rows as leave registers for them: 6 of 16, 12 of 32. Rows are
// addressed in threes from one pointer, which x86 reaches with the scales 1 and 2 of one index
// register.
constexpr int kAvx2Rows = 6;
constexpr int kAvx512Rows = 12;

template <class T, int kRows>
GNOMON_TARGET_AVX2 void tile_avx2(T* c, Index c_row, const T* a, Index a_row, Index a_inner,
                                  const T* b, Index n_inner, bool accumulate) {
  using V = Avx2<T>;
  typename V::Vector sum[kRows][2];
#pragma GCC unroll 6
  for (auto& row : sum) row[0] = row[1] = V::all(0);
  const T* a_from[2] = {a, a + (kRows > 3 ? 3 : 0) * a_row};
  for (Index k = 0; k < n_inner; ++k) {
    const auto b_0 = V::load(b);
    const auto b_1 = V::load(b + V::kLanes);
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
      const auto a_rk = V::all(a_from[r / 3][(r % 3) * a_row]);
      sum[r][0] = V::multiply_add(a_rk, b_0, sum[r][0]);
      sum[r][1] = V::multiply_add(a_rk, b_1, sum[r][1]);
    }
#pragma GCC unroll 2
    for (auto& pointer : a_from) pointer += a_inner;
    b += 2 * V::kLanes;
  }
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) {
    T* c_r = c + r * c_row;
    if (accumulate) {
      sum[r][0] = V::add(V::load(c_r), sum[r][0]);
      sum[r][1] = V::add(V::load(c_r + V::kLanes), sum[r][1]);
    }
    V::store(c_r, sum[r][0]);
    V::store(c_r + V::kLanes, sum[r][1]);
  }
}

template <class T, int kRows>
GNOMON_TARGET_AVX512 void tile_avx512(T* c, Index c_row, const T* a, Index a_row, Index a_inner,
                                      const T* b, Index n_inner, bool accumulate) {
  using V = Avx512<T>;
  typename V::Vector sum[kRows][2];
#pragma GCC unroll 12
  for (auto& row : sum) row[0] = row[1] = V::all(0);
  const T* a_from[4] = {a, a + (kRows > 3 ? 3 : 0) * a_row, a + (kRows > 6 ? 6 : 0) * a_row,
                        a + (kRows > 9 ? 9 : 0) * a_row};
  for (Index k = 0; k < n_inner; ++k) {
    const auto b_0 = V::load(b);
    const auto b_1 = V::load(b + V::kLanes);
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      const auto a_rk = V::all(a_from[r / 3][(r % 3) * a_row]);
      sum[r][0] = V::multiply_add(a_rk, b_0, sum[r][0]);
      sum[r][1] = V::multiply_add(a_rk, b_1, sum[r][1]);
    }
#pragma GCC unroll 4
    for (auto& pointer : a_from) pointer += a_inner;
    b += 2 * V::kLanes;
  }
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
    T* c_r = c + r * c_row;
    if (accumulate) {
      sum[r][0] = V::add(V::load(c_r), sum[r][0]);
      sum[r][1] = V::add(V::load(c_r + V::kLanes), sum[r][1]);
    }
    V::store(c_r, sum[r][0]);
    V::store(c_r + V::kLanes, sum[r][1]);
  }
}

template <class T, int... kIndex>
Tiles<T> make_avx2_tiles(std::integer_sequence<int, kIndex...>) {
  Tiles<T> result{2 * Avx2<T>::kLanes, kAvx2Rows, {}};
  ((result.with_rows[kIndex + 1] = tile_avx2<T, kIndex + 1>), ...);
  return result;
}

template <class T, int... kIndex>
Tiles<T> make_avx512_tiles(std::integer_sequence<int, kIndex...>) {
  Tiles<T> result{2 * Avx512<T>::kLanes, kAvx512Rows, {}};
  ((result.with_rows[kIndex + 1] = tile_avx512<T, kIndex + 1>), ...);
  return result;
}

#endif  // GNOMON_HAS_X86_TARGETS

template <class T, int... kIndex>
Tiles<T> make_baseline_tiles(std::integer_sequence<int, kIndex...>) {
  Tiles<T> result{kBaselineColumns<T>, kBaselineRows, {}};
  ((result.with_rows[kIndex + 1] = tile_baseline<T, kIndex + 1>), ...);
  return result;
}

// Four or two numbers: the smallest vector that every machine has.
template <class T>
struct Quad;
template <>
struct Quad<float> {
  using Vector = float __attribute__((vector_size(16)));
  static constexpr Index kSize = 4;
};
template <>
struct Quad<double> {
  using Vector = double __attribute__((vector_size(16)));
  static constexpr Index kSize = 2;
};

template <class T>
typename Quad<T>::Vector load_quad(const T* from) {
  typename Quad<T>::Vector v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
template <class T>
void store_quad(T* to, typename Quad<T>::Vector v) {
  std::memcpy(to, &v, sizeof v);
}

// to(k, j) = from(j, k) for a square of Quad<T>::kSize.
void transpose_square(float* to, Index to_row, const float* from, Index from_row) {
  const auto r0 = load_quad(from);
  const auto r1 = load_quad(from + from_row);
  const auto r2 = load_quad(from + 2 * from_row);
  const auto r3 = load_quad(from + 3 * from_row);
  const auto low_01 = __builtin_shufflevector(r0, r1, 0, 4, 1, 5);
  const auto high_01 = __builtin_shufflevector(r0, r1, 2, 6, 3, 7);
  const auto low_23 = __builtin_shufflevector(r2, r3, 0, 4, 1, 5);
  const auto high_23 = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
  store_quad(to, __builtin_shufflevector(low_01, low_23, 0, 1, 4, 5));
  store_quad(to + to_row, __builtin_shufflevector(low_01, low_23, 2, 3, 6, 7));
  store_quad(to + 2 * to_row, __builtin_shufflevector(high_01, high_23, 0, 1, 4, 5));
  store_quad(to + 3 * to_row, __builtin_shufflevector(high_01, high_23, 2, 3, 6, 7));
}
void transpose_square(double* to, Index to_row, const double* from, Index from_row) {
  const auto r0 = load_quad(from);
  const auto r1 = load_quad(from + from_row);
  store_quad(to, __builtin_shufflevector(r0, r1, 0, 2));
  store_quad(to + to_row, __builtin_shufflevector(r0, r1, 1, 3));
}

// Terms of a chain: the error of a long sum grows with the root of their number. Few enough that
// twelve blocks are as close to float64 as PyTorch's are (docs/benchmarks.md), and enough that adding
// a chain to c is not felt.
constexpr Index kMostTerms = 128;
// Terms of a block, so that a tile's rows of a stay in the first-level cache (24 KiB), and bytes of
// a block of b, which stays in the second while rows of a pass by.
constexpr Index kBlockTerms = 512;
constexpr Index kBlockBytes = 512 * 1024;

// The smallest piece of work that pays for waking a thread, in multiply-adds.
constexpr Index kThreadGrain = Index{1} << 19;

Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }

// Rows of a that are packed together, where its columns are what lies together in memory: whole
// cache lines of it, and whole tiles.
constexpr Index kStripRows = 48;
// Panels of b that a packed row of a must meet to be worth it.
constexpr Index kStripPanels = 6;

// to[k kRows + r] = a(r, k), where rows of a are adjacent.
template <class T, int kRows>
void pack_tile_rows(T* to, const T* from, Index from_inner, Index n_k) {
  for (Index k = 0; k < n_k; ++k)
    std::memcpy(to + k * kRows, from + k * from_inner, kRows * sizeof(T));
}

template <class T, int... kIndex>
void pack_tile_rows(T* to, const T* from, Index from_inner, Index n_k, Index n_row,
                    std::integer_sequence<int, kIndex...>) {
  ((n_row == kIndex + 1 ? pack_tile_rows<T, kIndex + 1>(to, from, from_inner, n_k) : void()), ...);
}

// Sums over [first_k, first_k + n_k) of one strip of rows, for columns of c whose part of b is
// packed.
template <class T>
struct StripProduct {
  const Tiles<T>& tile;
  MatrixView<T> c;
  const T* packed;  // b, panel after panel
  T* edge;          // a tile that reaches beyond c
  Index first_col, last_col;
  Index n_k, chain;
  bool accumulate;

  // One tile of c, chain after chain.
  void run(TileFunction<T> run_tile, T* to, Index to_row, const T* a, Index a_row, Index a_inner,
           const T* panel) const {
    for (Index k = 0; k < n_k; k += chain) {
      run_tile(to, to_row, a + k * a_inner, a_row, a_inner, panel + k * tile.n_col,
               std::min(chain, n_k - k), accumulate || k > 0);
    }
  }

  // c(i .. i + n_i, :), of which row r and term k of a is a[r a_row + k a_inner].
  void rows(Index i, Index n_i, const T* a, Index a_row, Index a_inner) const {
    const auto run_tile = tile.with_rows[static_cast<std::size_t>(n_i)];
    for (Index j = first_col; j < last_col; j += tile.n_col) {
      const T* panel = packed + (j - first_col) * n_k;
      const Index n_j = std::min(tile.n_col, last_col - j);
      // A tile that adds waits for its sums: those of the next one are asked for now.
      for (Index r = 0; r < n_i && accumulate && j + tile.n_col < last_col; ++r) {
        __builtin_prefetch(&c(i + r, j + tile.n_col), 1);
      }
      if (n_j == tile.n_col) {
        run(run_tile, &c(i, j), c.stride, a, a_row, a_inner, panel);
        continue;
      }
      for (Index r = 0; r < n_i && accumulate; ++r) {
        std::copy_n(&c(i + r, j), n_j, edge + r * tile.n_col);
        std::fill_n(edge + r * tile.n_col + n_j, tile.n_col - n_j, T{0});
      }
      run(run_tile, edge, tile.n_col, a, a_row, a_inner, panel);
      for (Index r = 0; r < n_i; ++r) std::copy_n(edge + r * tile.n_col, n_j, &c(i + r, j));
    }
  }
};

// Rows [first_row, last_row) of columns [first_col, last_col).
template <class T>
void multiply_block(MatrixView<T> c, const Factor<T>& a, const Factor<T>& b, Index n_inner,
                    Output output, const Tiles<T>& tile, Index first_row, Index last_row,
                    Index first_col, Index last_col) {
  thread_local Scratch<T> scratch;
  // Shared out evenly; fewer terms leave room for more columns, and a is read less often.
  const Index chain = chain_length(n_inner);
  const Index n_block = ceil_div(n_inner, kBlockTerms);
  const Index inner_block = ceil_div(ceil_div(n_inner, chain), n_block) * chain;
  const Index column_most =
      std::max<Index>(kBlockBytes / static_cast<Index>(sizeof(T)) / inner_block / tile.n_col, 1);
  const Index n_panel_all = ceil_div(last_col - first_col, tile.n_col);
  const Index n_panel_max = ceil_div(n_panel_all, ceil_div(n_panel_all, column_most));
  const Index column_block = n_panel_max * tile.n_col;
  const bool pack_a = a.row == 1 && a.col != 1 && n_panel_max >= kStripPanels;
  T* packed = scratch.at_least((n_panel_max * inner_block + tile.n_row) * tile.n_col +
                               (pack_a ? kStripRows * inner_block : 0));
  T* edge = packed + n_panel_max * inner_block * tile.n_col;
  T* strip = edge + tile.n_row * tile.n_col;
  const Index n_row_tile = ceil_div(last_row - first_row, tile.n_row);
  // Rows are shared out evenly: 16 rows are two tiles of 8, not 12 and 4.
  const auto tile_row = [&](Index t) {
    return first_row + (last_row - first_row) * t / n_row_tile;
  };
  const Index n_strip_tile = pack_a ? kStripRows / tile.n_row : n_row_tile;

  for (Index j0 = first_col; j0 < last_col; j0 += column_block) {
    const Index j1 = std::min(j0 + column_block, last_col);
    for (Index k0 = 0; k0 < n_inner; k0 += inner_block) {
      const Index n_k = std::min(inner_block, n_inner - k0);
      for (Index j = j0; j < j1; j += tile.n_col) {
        pack_panel(packed + (j - j0) * n_k, b, k0, n_k, j, std::min(tile.n_col, j1 - j),
                   tile.n_col);
      }
      const StripProduct<T> product{
          tile, c, packed, edge, j0, j1, n_k, chain, k0 > 0 || output == Output::add};
      for (Index t0 = 0; t0 < n_row_tile; t0 += n_strip_tile) {
        const Index t1 = std::min(t0 + n_strip_tile, n_row_tile);
        for (Index t = t0; t < t1 && pack_a; ++t) {
          pack_tile_rows(strip + (tile_row(t) - tile_row(t0)) * n_k, a.at(tile_row(t), k0), a.col,
                         n_k, tile_row(t + 1) - tile_row(t),
                         std::make_integer_sequence<int, kMaxTileRows>{});
        }
        for (Index t = t0; t < t1; ++t) {
          const Index i = tile_row(t);
          const Index n_i = tile_row(t + 1) - i;
          if (pack_a) {
            product.rows(i, n_i, strip + (i - tile_row(t0)) * n_k, 1, n_i);
          } else {
            product.rows(i, n_i, a.at(i, k0), a.row, a.col);
          }
        }
      }
    }
  }
}

// Whether there is nothing to sum: then c is settled.
template <class T>
bool settle_empty(MatrixView<T> c, Index n_inner, Output output) {
  if (c.rows == 0 || c.cols == 0) return true;
  if (n_inner > 0) return false;
  for (Index i = 0; i < c.rows && output == Output::overwrite; ++i) {
    std::ranges::fill(c.row(i), T{0});
  }
  return true;
}

}  // namespace

template <class T>
const Tiles<T>& tiles() {
  static const Tiles<T> baseline =
      make_baseline_tiles<T>(std::make_integer_sequence<int, kBaselineRows>{});
#ifdef GNOMON_HAS_X86_TARGETS
  static const Tiles<T> avx2 = make_avx2_tiles<T>(std::make_integer_sequence<int, kAvx2Rows>{});
  static const Tiles<T> avx512 =
      make_avx512_tiles<T>(std::make_integer_sequence<int, kAvx512Rows>{});
  switch (instruction_set()) {
    case InstructionSet::avx512:
      return avx512;
    case InstructionSet::avx2:
      return avx2;
    case InstructionSet::baseline:
      break;
  }
#endif
  return baseline;
}

template <class T>
void pack_panel(T* panel, const Factor<T>& b, Index first_k, Index n_k, Index first_j, Index n_j,
                Index n_col) {
  if (n_j < n_col) std::fill_n(panel, n_k * n_col, T{0});
  const T* from = b.at(first_k, first_j);
  if (b.col == 1) {
    for (Index k = 0; k < n_k; ++k) std::copy_n(from + k * b.row, n_j, panel + k * n_col);
    return;
  }
  constexpr Index kSquare = Quad<T>::kSize;
  const Index n_k_square = b.row == 1 ? n_k / kSquare * kSquare : 0;
  const Index n_j_square = b.row == 1 ? n_j / kSquare * kSquare : 0;
  for (Index k = 0; k < n_k_square; k += kSquare) {
    for (Index j = 0; j < n_j_square; j += kSquare) {
      transpose_square(panel + k * n_col + j, n_col, from + k + j * b.col, b.col);
    }
  }
  for (Index k = 0; k < n_k; ++k) {
    const Index first = k < n_k_square ? n_j_square : 0;
    for (Index j = first; j < n_j; ++j) panel[k * n_col + j] = from[k * b.row + j * b.col];
  }
}

Index chain_length(Index n_inner) { return ceil_div(n_inner, ceil_div(n_inner, kMostTerms)); }

template <class T>
void multiply(MatrixView<T> c, const Factor<T>& a, const Factor<T>& b, Index n_inner,
              Output output) {
  if (settle_empty(c, n_inner, output)) return;
  const Tiles<T>& tile = tiles<T>();
  const Index n_panel = ceil_div(c.cols, tile.n_col);
  const Index n_task = std::clamp<Index>(c.rows * c.cols * n_inner / kThreadGrain, 1, threads());
  // Columns first: each thread packs its own part of b, and all read a.
  const Index n_col_task = std::min(n_task, n_panel);
  const Index n_row_task = std::min(n_task / n_col_task, ceil_div(c.rows, tile.n_row));
  parallel_for(0, n_col_task * n_row_task, 1, [&](Index first, Index last) {
    for (Index task = first; task < last; ++task) {
      const Index col_task = task % n_col_task;
      const Index row_task = task / n_col_task;
      multiply_block(c, a, b, n_inner, output, tile, c.rows * row_task / n_row_task,
                     c.rows * (row_task + 1) / n_row_task,
                     n_panel * col_task / n_col_task * tile.n_col,
                     std::min(c.cols, n_panel * (col_task + 1) / n_col_task * tile.n_col));
    }
  });
}

template <class T>
void multiply_serial(MatrixView<T> c, const Factor<T>& a, const Factor<T>& b, Index n_inner,
                     Output output) {
  if (settle_empty(c, n_inner, output)) return;
  multiply_block(c, a, b, n_inner, output, tiles<T>(), 0, c.rows, 0, c.cols);
}

template const Tiles<float>& tiles<float>();
template const Tiles<double>& tiles<double>();
template void pack_panel(float*, const Factor<float>&, Index, Index, Index, Index, Index);
template void pack_panel(double*, const Factor<double>&, Index, Index, Index, Index, Index);
template void multiply(MatrixView<float>, const Factor<float>&, const Factor<float>&, Index,
                       Output);
template void multiply(MatrixView<double>, const Factor<double>&, const Factor<double>&, Index,
                       Output);
template void multiply_serial(MatrixView<float>, const Factor<float>&, const Factor<float>&, Index,
                              Output);
template void multiply_serial(MatrixView<double>, const Factor<double>&, const Factor<double>&,
                              Index, Output);

}  // namespace gnomon::detail
