// SPDX-License-Identifier: Apache-2.0
// in: texts and changes of tokens at single sites   out: a read-out of every changed run
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "gnomon/activations/edit.h"
#include "gnomon/model/model.h"

namespace gnomon {

// What is written at one more token of a patch.
template <class T>
struct PatchedToken {
  Index position = 0;
  std::vector<T> values;  // as Patch::values
};

// One change of one text's run, and the token at which its effect is read. What a change at a token
// cannot reach is not computed: see run_patches.
template <class T>
struct Patch {
  Index text = 0;  // of the texts given
  Site site;       // with a coordinate that number alone is changed, else the row
  Index position = 0;
  Index read_position = 0;
  EditMode mode = EditMode::set;  // set, add or scale
  std::vector<T> values;          // 1 number, or one for each of the row
  // Later tokens, ascending, at which the same site is changed in the same run by the same mode.
  std::vector<PatchedToken<T>> more = {};
};

// Where effects are read: the row of a site, or some of its columns.
struct PatchReadOut {
  Site site;                   // without a coordinate
  std::vector<Index> columns;  // empty: all
};

struct PatchOptions {
  Backend backend = default_backend();
  // Tokens that go through the model together.
  Index batch_tokens = 1024;
  // Bytes that may be held of the clean runs at a time: streams, keys, values and the numbers at
  // the patched sites. As many texts as fit are worked on together. The results and the memory of
  // one forward pass of batch_tokens come on top.
  Index memory_budget = Index{512} << 20;
  // Called between batches with the number of patches done and their total.
  std::function<void(Index done, Index total)> progress;
};

// What one patch did at its site.
struct PatchEffect {
  double old_value = 0;  // of the coordinate at `position`; 0 where the row is changed
  double new_value = 0;
  double largest_change = 0;  // of any token
  double change_norm = 0;     // Euclidean, of all tokens together
  // Whether the read-out can depend on it: it is computed later, at the same token or a later one.
  bool reaches = false;
};

template <class T>
struct PatchResult {
  Tensor<T> values;              // [n_patch, n_column] the read-out of the changed run
  Tensor<T> clean;               // [n_read, n_column] of the unchanged one
  std::vector<Index> clean_row;  // of each patch, row of `clean`
  std::vector<PatchEffect> effects;
  Index held_bytes = 0;   // the most that was held of clean runs
  Index n_token_run = 0;  // tokens of changed runs that went through blocks
};

// Every patch on its own, in the unchanged run otherwise:
//
//   a text's clean run is made once; of it stay the stream where changed runs branch off, and keys
//   and values of the tokens before the change
//   a changed run begins at the block after the change (for a neuron, mlp_out and the stream
//   itself) or in the patched block, at the first patched token from which anything reaches the
//   read-out, and ends at the token and site that are read
//   a neuron's change of δ adds δ W_out[n] to the stream: the MLP is not run again
//   changed runs that begin at the same place go through the model as one batch
//
// With the packed backend all read-outs have the bits that a whole run with that edit gives, but
// for neurons: W_out's product is not formed again, which rounds differently. A patch that changes
// nothing gives the clean bits, and so does one that cannot reach the read-out.
//
// The unembedding is run only where the read-out is at the logits, for the tokens that are read.
//
// Throws ArgumentError: wrong_site for embeddings, attention scores and patterns, and for a
// read-out with a coordinate; out_of_range for a text, token or column that does not exist; usage
// for another mode, tokens that do not ascend or a number of values that does not fit; Error
// (out_of_resources) where one text alone needs more than the budget; NumericError for a read-out
// that is not finite.
template <class T>
PatchResult<T> run_patches(const Model& model, std::span<const std::vector<TokenId>> texts,
                           std::span<const Patch<T>> patches, const PatchReadOut& read_out,
                           const PatchOptions& options);

// Some patches run the plain way: the whole text from the embedding, with an edit.
struct PatchRecheck {
  Index n = 0;                    // patches that were run again
  double largest_difference = 0;  // of any number of a read-out
  double largest_value = 0;       // magnitude of the read-outs that were compared
  // Largest over the patches of: difference / largest magnitude of that read-out.
  double largest_relative = 0;
};

// Draws `n` of the patches, or all where there are fewer. The tolerance to hold the figures against
// is patch_tolerance.
template <class T>
PatchRecheck recheck_patches(const Model& model, std::span<const std::vector<TokenId>> texts,
                             std::span<const Patch<T>> patches, const PatchReadOut& read_out,
                             const PatchResult<T>& result, Index n, std::uint64_t seed);

// How far largest_relative may lie from 0 by rounding alone, as a fraction of the read-out's
// magnitude: the change of the stream is rounded once where the plain way rounds the whole product
// (d_mlp terms), and every later block may carry that difference on.
template <class T>
double patch_tolerance(const ModelConfig& config);

}  // namespace gnomon
