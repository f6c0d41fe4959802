// SPDX-License-Identifier: Apache-2.0
// in: a model with its reporter   out: what the report does when the stream is exchanged, erased or
// kept along the neuron's directions
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gnomon/activations/patch.h"
#include "gnomon/analyses/dose_response.h"
#include "gnomon/analyses/identity_checks.h"
#include "gnomon/train/report_model.h"

namespace gnomon {

// See docs/methods/patching.md, "Directions".

struct SubspaceOptions {
  Index target = 0;  // of the reporter's targets
  Part part = Part::test;
  Index n_donor = 4;  // of every row, at least 2
  Index n_shuffle = 999;
  Index n_random = 19;        // random directions whose erasure is compared with
  Index n_recheck = 16;       // patches that are run again the plain way
  Index max_rows = 200;       // of the part, and of the training rows; drawn where there are more
  Index max_loss_texts = 64;  // of the rows, whose next tokens are predicted under erasure
  Index n_random_loss = 5;    // random directions whose erasure is compared with there
  BootstrapOptions bootstrap = {};
  std::uint64_t seed = 0;
  PatchOptions patch = {};
};

// What is exchanged with another text's stream. Stored by these names.
//   direction   the component along the direction: x' = x + c v, c = (x_donor - x) · v / |v|²
//   row_space   x' = x + c v_row, with the part of v that the next reading weights see
//   null_space  x' = x + c (v - v_row), which they do not: what it does goes another way (Makelov
//               et al. 2023, arXiv:2311.17030)
//   site        everything: x' = x_donor
struct SubspacePart {
  std::string name;
  std::optional<double> length_share;  // |part|² / |v|²
  Sufficiency follows;                 // the report against the donor's activation
  double mean_site_change = 0;         // Euclidean
  double mean_report_change = 0;
  // Share of the whole direction's effect: Σ Δ Δ_v / Σ Δ_v² over pairs of a row and a donor.
  std::optional<double> effect_share;
  // Of the patched rows, within 99 % of the distances of unchanged ones (stats/mahalanobis.h).
  std::optional<double> share_typical;
};

struct SubspaceDirection {
  std::string name;  // "read" or "write"
  std::string site;  // "blocks.2.hook_resid_mid@last"
  std::string definition;
  std::string readers;  // the weights of the split: "W_in of block 2"
  Index reader_rank = 0;
  std::string why_no_split;
  // The null-space part carries more than a tenth of the direction's effect.
  bool past_readers = false;
  std::vector<SubspacePart> parts;
};

// What is left of the report without a direction, or with nothing else. Stored by these names.
//   mean_projection  every row's component along the direction becomes the training mean's
//   leace            what tells the activation linearly is taken away (stats/erasure.h)
//   keep_only        the mean plus what mean_projection takes away
struct Erasure {
  std::string method;
  std::string direction;  // "read", "write", "head", "activation" for LEACE
  std::string site;
  Necessity effect;
  double mean_site_change = 0;
  // mean_projection: mean |change of the report| beside that of random directions with the stream's
  // covariance, and p = (1 + n at least as large) / (1 + n).
  std::optional<double> percentile;
  std::optional<double> p_value;
  // Nats per token that the model's next-token loss grows by with the same map at every token; and
  // with those of random directions in its place, the mean. Not of keep_only.
  std::optional<double> loss_change;
  std::optional<double> random_loss_change;
};

struct SubspaceStudy {
  std::string target;
  std::string read_out;
  Part part = Part::test;
  Index n_row = 0;
  Index n_group = 0;
  Index n_training_row = 0;
  std::vector<SubspaceDirection> directions;
  std::vector<Erasure> erasures;
  Index n_loss_token = 0;         // tokens predicted
  std::optional<double> lm_loss;  // of the unchanged model, nats per token
  std::vector<CheckResult> checks;
};

// Directions of the target, each at its site and the target's own token:
//
//   read   neurons: the mean gradient of the neuron with respect to the stream that its block's MLP
//          reads (resid_mid, in a parallel block resid_pre); next readers: W_in (and W_gate) of the
//          block, in a parallel one also W_Q, W_K, W_V, with the norms folded in
//   write  W_out[n] at resid_post of the block, or the basis vector of a coordinate at its stream;
//          next readers: a linear head that reads there, else W_Q, W_K, W_V of the next block, and
//          its W_in where the block is parallel
//   head   the weight of a linear head that reads the whole stream at the target's token, there:
//          erased and kept, not exchanged
//
// Throws ArgumentError (wrong_site) where the report cannot depend on any of these sites;
// (bad_data) where the part has rows of fewer than 2 groups, or fewer than 3 training rows.
template <class T>
SubspaceStudy study_subspaces(const ReportModel<T>& model, const SubspaceOptions& options);

}  // namespace gnomon
