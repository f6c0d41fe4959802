// SPDX-License-Identifier: Apache-2.0
// Keys and values of a text whose first tokens an earlier pass has run.
#pragma once

#include <algorithm>
#include <vector>

#include "gnomon/model/forward.h"

namespace gnomon::detail {

// The keys (or values) of one text after the other, each in one matrix: those of its earlier tokens
// and those of the batch behind them. Texts that go on from the same tokens share their copy.
template <class T>
class JoinedKeys {
 public:
  // The view holds until the next call.
  MatrixView<const T> join(MatrixView<const T> earlier, const EarlierTokens& tokens,
                           MatrixView<const T> own) {
    const Index rows = tokens.n_token + own.rows;
    if (static_cast<Index>(joined_.size()) < rows * own.cols)
      joined_.resize(static_cast<std::size_t>(rows * own.cols));
    if (tokens.first_row != first_row_ || tokens.n_token != n_token_) {
      for (Index i = 0; i < tokens.n_token; ++i) {
        std::ranges::copy(earlier.row(tokens.first_row + i), joined_.begin() + i * own.cols);
      }
      first_row_ = tokens.first_row;
      n_token_ = tokens.n_token;
    }
    for (Index i = 0; i < own.rows; ++i)
      std::ranges::copy(own.row(i), joined_.begin() + (tokens.n_token + i) * own.cols);
    return {joined_.data(), rows, own.cols};
  }

 private:
  std::vector<T> joined_;
  Index first_row_ = -1;  // of what is copied
  Index n_token_ = -1;
};

}  // namespace gnomon::detail
