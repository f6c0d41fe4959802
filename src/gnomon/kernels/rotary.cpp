// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/rotary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/base/threads.h"
#include "gnomon/kernels/detail/instruction_set.h"

namespace gnomon {
namespace {

// Numbers that one thread computes at the least.
constexpr Index kThreadGrain = 1 << 14;

struct Turn {
  template <class T>
  static GNOMON_ALWAYS_INLINE void run(T* y, const T* x, const double* cosine, const double* sine,
                                       Index m) {
    GNOMON_INDEPENDENT_ITERATIONS
    for (Index i = 0; i < m; ++i) {
      const auto first = static_cast<double>(x[i]);
      const auto second = static_cast<double>(x[i + m]);
      y[i] = static_cast<T>(first * cosine[i] - second * sine[i]);
      y[i + m] = static_cast<T>(second * cosine[i] + first * sine[i]);
    }
  }
};

// Packed texts repeat the same few positions, and a sine costs as much as turning a dozen channels:
// each position's are computed once. Row r of the table has the cosines, then the sines, of
// positions[r]; the sines negated where the turn goes back.
struct TurnTable {
  std::vector<Index> positions;  // sorted
  std::vector<double> values;    // [positions, 2, m]

  TurnTable(std::span<const Index> position, std::span<const double> frequency, bool back)
      : positions(position.begin(), position.end()) {
    std::ranges::sort(positions);
    positions.erase(std::ranges::unique(positions).begin(), positions.end());
    const std::size_t m = frequency.size();
    values.resize(positions.size() * 2 * m);
    parallel_for(0, static_cast<Index>(positions.size()), 64, [&](Index first, Index last) {
      for (auto r = static_cast<std::size_t>(first); r < static_cast<std::size_t>(last); ++r) {
        for (std::size_t i = 0; i < m; ++i) {
          const double angle = static_cast<double>(positions[r]) * frequency[i];
          values[2 * r * m + i] = std::cos(angle);
          values[(2 * r + 1) * m + i] = back ? -std::sin(angle) : std::sin(angle);
        }
      }
    });
  }

  const double* row(Index position, std::size_t m) const {
    const auto found = std::ranges::lower_bound(positions, position);
    return values.data() + static_cast<std::size_t>(found - positions.begin()) * 2 * m;
  }
};

// As the caller calls them, for errors.
struct Names {
  std::string_view op, y, x;
};

template <class T>
void turn(const Names& names, bool back, MatrixView<T> y, MatrixView<const T> x,
          std::span<const Index> position, std::span<const double> frequency, Index d_head) {
  if (d_head < 1 || x.cols % d_head != 0) {
    throw ShapeError(fmt::format("{}: {} has {} columns, expected a multiple of d_head = {}",
                                 names.op, names.x, x.cols, d_head));
  }
  if (y.rows != x.rows || y.cols != x.cols) {
    throw ShapeError(fmt::format("{}: {} is [{}, {}], expected the shape of {}, [{}, {}]", names.op,
                                 names.y, y.rows, y.cols, names.x, x.rows, x.cols));
  }
  if (static_cast<Index>(position.size()) != x.rows) {
    throw ShapeError(fmt::format("{}: position has {} values, expected n_row = {}", names.op,
                                 position.size(), x.rows));
  }
  const auto m = static_cast<Index>(frequency.size());
  if (2 * m > d_head) {
    throw ShapeError(
        fmt::format("{}: {} frequencies turn {} channels, expected at most d_head = {}", names.op,
                    m, 2 * m, d_head));
  }
  const TurnTable table(position, frequency, back);
  parallel_for(
      0, x.rows, kThreadGrain / std::max<Index>(x.cols, 1) + 1, [&](Index first, Index last) {
        for (Index r = first; r < last; ++r) {
          const double* cosine = table.row(position[static_cast<std::size_t>(r)], frequency.size());
          for (Index head = 0; head < x.cols; head += d_head) {
            const T* from = x.row(r).data() + head;
            T* to = y.row(r).data() + head;
            detail::dispatch<Turn>(to, from, cosine, cosine + m, m);
            if (to != from) std::copy(from + 2 * m, from + d_head, to + 2 * m);
          }
        }
      });
}

}  // namespace

template <class T>
void rotary_forward(MatrixView<T> y, MatrixView<const T> x, std::span<const Index> position,
                    std::span<const double> frequency, Index d_head) {
  turn({"rotary_forward", "y", "x"}, false, y, x, position, frequency, d_head);
}

template <class T>
void rotary_backward(MatrixView<T> grad_x, MatrixView<const T> grad_y,
                     std::span<const Index> position, std::span<const double> frequency,
                     Index d_head) {
  turn({"rotary_backward", "grad_x", "grad_y"}, true, grad_x, grad_y, position, frequency, d_head);
}

template void rotary_forward(MatrixView<float>, MatrixView<const float>, std::span<const Index>,
                             std::span<const double>, Index);
template void rotary_forward(MatrixView<double>, MatrixView<const double>, std::span<const Index>,
                             std::span<const double>, Index);
template void rotary_backward(MatrixView<float>, MatrixView<const float>, std::span<const Index>,
                              std::span<const double>, Index);
template void rotary_backward(MatrixView<double>, MatrixView<const double>, std::span<const Index>,
                              std::span<const double>, Index);

}  // namespace gnomon
