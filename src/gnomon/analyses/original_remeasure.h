// SPDX-License-Identifier: Apache-2.0
// in: an original run and its base model    out: the stored activations and projections measured
// anew
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gnomon/activations/capture.h"
#include "gnomon/analyses/original_run.h"
#include "gnomon/model/model.h"

namespace gnomon {

// One way in which the stored numbers may have been measured, and how well it gives them.
struct RemeasuredVariant {
  bool bos = false;      // a beginning-of-sequence token before the text
  bool centred = false;  // minus the mean over the site's coordinates, as TransformerLens centres
  Index n = 0;           // distinct texts
  std::optional<double> r;
  double largest_difference = 0;
  bool reproduces = false;  // largest_difference at most kRemeasureTolerance
};
// Of activations of about 20 in float32 on two kinds of hardware.
inline constexpr double kRemeasureTolerance = 1e-3;

struct RemeasuredProjection {
  std::string name;
  std::string definition;
  std::optional<double> r_rows;   // with the labels of all rows, as the study did
  std::optional<double> r_texts;  // with those of the distinct texts
};

struct OriginalRemeasurement {
  std::string model;
  std::string model_sha256;
  std::string site;  // "blocks.8.hook_mlp_out[481]"
  // The labels, at the last token of each text.
  std::vector<RemeasuredVariant> labels;
  // The column "actual" of the stored predictions, at the last position after the text was padded
  // with end-of-sequence tokens.
  std::vector<RemeasuredVariant> padded;
  Index padded_length = 0;
  std::string why_no_padded;
  std::vector<RemeasuredProjection> projections;
  std::string why_no_projections;
};

// Runs the texts through `model`, in float32. Variants that a model cannot have (no such token, a
// text that is then too long, a norm without mean) are left out. Throws ArgumentError where the run
// does not say its target, or the model does not have that layer, coordinate or width, and as
// encode_texts and capture do.
OriginalRemeasurement remeasure_original_run(const Model& model, const OriginalRun& run,
                                             const RunOptions& options);

}  // namespace gnomon
