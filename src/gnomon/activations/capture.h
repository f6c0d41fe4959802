// SPDX-License-Identifier: Apache-2.0
// in: texts as token ids, and sites   out: the numbers at those sites
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "gnomon/activations/activations.h"
#include "gnomon/activations/edit.h"
#include "gnomon/model/model.h"

namespace gnomon {

struct RunOptions {
  // A text's numbers are the same bits whatever runs beside it and wherever the work stops: blas
  // does not promise that.
  Backend backend = default_backend();
  // Tokens that go through the model together: enough to fill the matrix products, few enough to
  // stay in cache. Whole texts only.
  Index batch_tokens = 1024;
  // Called between batches with the number of tokens done and their total.
  std::function<void(Index done, Index total)> progress;
};

// Throws ArgumentError, naming the text by its number among all: bad_data where one is empty or
// longer than the context, out_of_range for a token id outside the vocabulary.
void check_texts(std::span<const std::vector<TokenId>> texts, const ModelConfig& config);

template <class T>
struct CaptureResult {
  std::vector<Activations<T>> activations;  // one for each site asked for, in that order
  std::vector<EditEffect> effects;          // one for each edit
};

// Runs every text through the model and returns exactly the sites, coordinates and positions asked
// for. The work ends at the last of these sites; in the block of that site only the positions asked
// for are computed beyond keys and values.
//
// Throws ArgumentError, naming the text: out_of_range where a position or a token id does not
// exist, bad_data for a text that is empty or longer than the context; and as check_site does.
// NumericError where a number that was asked for is not finite.
template <class T>
CaptureResult<T> capture(const Model& model, std::span<const std::vector<TokenId>> texts,
                         std::span<const SiteAt> sites, std::span<const Edit<T>> edits,
                         const RunOptions& options);

}  // namespace gnomon
