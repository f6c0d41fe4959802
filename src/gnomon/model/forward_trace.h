// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>
#include <vector>

#include "gnomon/model/hook_points.h"
#include "gnomon/tensor/view.h"

namespace gnomon {

// A contiguous matrix whose memory is kept when its shape changes; its numbers are then undefined.
template <class T>
class Buffer {
 public:
  MatrixView<T> resize(Index rows, Index cols) {
    values_.resize(static_cast<std::size_t>(rows * cols));
    view_ = {values_.data(), rows, cols};
    return view_;
  }
  MatrixView<T> view() const { return view_; }

 private:
  std::vector<T> values_;
  MatrixView<T> view_;
};

template <class T>
struct NormTrace {
  Buffer<T> mean, scale;  // [n_row, 1]
  Buffer<T> normalized, out;
};

// What one block computed. `rows_in` are the tokens of the batch that enter it, `rows` those that
// leave it: fewer where only some are wanted at the end. Keys and values are those of rows_in; from
// the queries on everything belongs to `rows`.
template <class T>
struct BlockTrace {
  std::vector<Index> rows_in, rows;
  Buffer<T> resid_pre;  // only where blocks are to be run again on the way back
  NormTrace<T> ln1;     // of rows_in
  Buffer<T> q_input;    // ln1.out of `rows`; empty where they are rows_in
  Buffer<T> q, k, v;    // after rotation
  Buffer<T> z;
  NormTrace<T> ln2;
  Buffer<T> pre, pre_linear, post;
};

// What a forward pass leaves for its backward pass.
template <class T>
struct ForwardTrace {
  // Keep the input of every block alone, a twentieth of the memory; the backward pass then runs
  // each block a second time, with the same bits.
  bool inputs_only = false;

  Index first_layer = 0;              // where the pass began
  std::pair<HookKind, Index> last;    // the site at which it ended
  std::vector<Index> kept_rows;       // as run_forward had them
  std::vector<BlockTrace<T>> blocks;  // of every layer of the model; run ones are filled
  NormTrace<T> ln_final;
  Buffer<T> logits;
  std::vector<Index> rows_final;  // tokens of the last stream
};

}  // namespace gnomon
