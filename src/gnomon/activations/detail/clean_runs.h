// SPDX-License-Identifier: Apache-2.0
// in: texts   out: of their clean runs, what changed runs need
#pragma once

#include <map>
#include <set>
#include <span>
#include <tuple>
#include <vector>

#include "gnomon/activations/detail/patch_start.h"
#include "gnomon/activations/patch.h"

namespace gnomon::detail {

// The stream at which runs of a start begin: of every token, [n_token, d_model].
using StreamKey = std::pair<Index, HookKind>;  // layer, resid_pre or resid_mid
// A token's row at a site: layer, kind, text, token.
using PointKey = std::tuple<Index, HookKind, Index, Index>;

// What is to be kept of the clean runs.
struct CleanNeeds {
  // With true only rows at the last block's end: its stream after what is kept, of read tokens.
  std::map<StreamKey, bool> streams;
  std::set<Index> key_layers;  // blocks whose keys and values are needed
  std::set<PointKey> points;   // rows at sites
  // Read-outs, by text and token.
  std::set<std::pair<Index, Index>> reads;
};

// Clean runs of some texts, and what was kept of them.
template <class T>
class CleanRuns {
 public:
  // Runs `texts`, ascending numbers of `all`.
  CleanRuns(const Model& model, std::span<const std::vector<TokenId>> all,
            std::span<const Index> texts, const CleanNeeds& needs, const Site& read_out,
            const PatchOptions& options);

  // Bytes that are kept of one text, whose points and reads alone `needs` holds.
  static Index bytes_of(const ModelConfig& config, const CleanNeeds& needs, Index n_token,
                        Index read_width);

  // Row of a text's first token in the streams, keys and values.
  Index first_row(Index text) const { return first_row_.at(text); }
  MatrixView<const T> stream(const StreamKey& key) const { return streams_.at(key).matrix(); }
  std::span<const T> point(const PointKey& key) const { return points_.at(key); }
  std::span<const T> read(Index text, Index token) const { return reads_.at({text, token}); }
  // By layer of the model; those that were not asked for are empty.
  std::span<const MatrixView<const T>> keys() const { return key_views_; }
  std::span<const MatrixView<const T>> values() const { return value_views_; }

 private:
  void run_batch(const Model& model, std::span<const std::vector<TokenId>> all,
                 std::span<const Index> texts, const CleanNeeds& needs, const Site& read_out,
                 Backend backend);

  std::map<Index, Index> first_row_;
  std::map<StreamKey, Tensor<T>> streams_;
  std::map<Index, Tensor<T>> keys_, values_;
  std::vector<MatrixView<const T>> key_views_, value_views_;
  std::map<PointKey, std::vector<T>> points_;
  std::map<std::pair<Index, Index>, std::vector<T>> reads_;
};

}  // namespace gnomon::detail
