// SPDX-License-Identifier: Apache-2.0
// in: pairs of texts, or the rows of a reporter   out: texts and cases of a sweep
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gnomon/analyses/sweep_metric.h"
#include "gnomon/model/model.h"
#include "gnomon/text/text_pairs.h"
#include "gnomon/train/reporter_data.h"

namespace gnomon {

struct LeftOutPair {
  std::string source;
  std::string why;
};

struct SweepPairs {
  std::vector<std::vector<TokenId>> texts;
  std::vector<SweepCase> cases;
  std::vector<std::string> source;  // of each case
  std::vector<LeftOutPair> left_out;
};

// Where the metric is read and which tokens it asks for.
struct SweepQuestion {
  SweepMetricKind metric = SweepMetricKind::loss;
  Position report_position = {};  // of the report
  std::string answer = {};        // of the logit difference, where a pair does not say its own
  std::string other = {};
};

// Pairs of a file. Left out, with the reason: texts of different token counts, without tokens or
// longer than the context. The loss and the logit difference are read at the last token where the
// answer is given; the loss of a pair without an answer is that of the clean text's own last token,
// read one token before. Pairs of one group, or of one clean text where no group is given, are
// resampled together. Throws ArgumentError: bad_data where no pair remains or an answer is not one
// token; usage where a logit difference has no answers.
SweepPairs file_pairs(const Model& model, std::span<const TextPair> pairs,
                      const SweepQuestion& question);

// Rows of a part, each beside a text drawn with the seed from those of the part that have the same
// token count and another group: the row's own text is the clean one. At most n_most rows, drawn
// with the seed. Left out: rows whose text has no partner. Throws as above.
SweepPairs donor_pairs(const Model& model, const ReporterData& data, Part part, Index n_most,
                       std::uint64_t seed, const SweepQuestion& question);

}  // namespace gnomon
