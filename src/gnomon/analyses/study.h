// SPDX-License-Identifier: Apache-2.0
// in: a model, a target and texts   out: the target's activation and the streams around it, row by
// row
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gnomon/activations/capture.h"
#include "gnomon/analyses/encoded_texts.h"
#include "gnomon/analyses/rounding.h"
#include "gnomon/directions/neuron_directions.h"
#include "gnomon/model/model.h"
#include "gnomon/targets/split.h"
#include "gnomon/targets/target.h"
#include "gnomon/text/groups.h"
#include "gnomon/text/text_record.h"

namespace gnomon {

// The texts of a study, tokenised, grouped and split.
struct StudyTexts {
  std::vector<TextRecord> records;
  std::vector<std::vector<TokenId>> ids;
  std::vector<Index> n_copies;  // of each text, itself included: above 1 after deduplication only
  TextGroups groups;
  std::vector<Part> part;  // of each text
  std::vector<ExcludedText> excluded;

  Index n_text() const { return static_cast<Index>(records.size()); }
};

struct PrepareOptions {
  std::uint64_t seed = 0;
  SplitFractions fractions = {};
  bool deduplicate = false;  // as EncodeOptions
  std::vector<GroupRule> rules = {kKeyGroupRules.begin(), kKeyGroupRules.end()};
  NearDuplicateOptions near = {};         // its seed is set to `seed`
  std::optional<Position> position = {};  // as EncodeOptions; where empty, measuring is the error
};

// The three steps of preparing texts: those that encode_texts keeps, in groups and parts.
// tokenize_texts leaves groups and parts empty; group_and_split fills them anew. Throws
// ArgumentError (bad_data) where no text or fewer than 3 groups remain.
StudyTexts tokenize_texts(const Model& model, std::vector<TextRecord> records,
                          const PrepareOptions& options);
void group_and_split(StudyTexts& texts, const PrepareOptions& options);
StudyTexts prepare_texts(const Model& model, std::vector<TextRecord> records,
                         const PrepareOptions& options);
StudyTexts prepare_texts(const Model& model, std::vector<TextRecord> records, std::uint64_t seed);

// Everything the projections and ladders are computed from, one row for each text and position of
// the target.
struct StudyData {
  ModelConfig config;
  Target target;
  Precision precision = Precision::float32;
  std::string weights = "raw";  // weight_processing_name of what was measured

  std::vector<Index> text;      // of each row, index into StudyTexts
  std::vector<Index> position;  // token of the text
  std::vector<Index> n_token;   // length of the text
  std::vector<TokenId> token;   // at that position
  std::vector<Index> group;
  std::vector<Part> part;

  std::vector<double> activation;  // of the target, as the forward pass gave it

  // The stream of the target's block and the last one, [n_row, d_model]; as the forward pass gave
  // it.
  Tensor<double> resid_pre;
  Tensor<double> resid_mid;  // empty where attention and MLP stand side by side
  Tensor<double> attn_out;   // there alone: hook_attn_out
  Tensor<double> resid_post;
  Tensor<double> resid_final;      // blocks.{n_layers-1}.hook_resid_post
  std::vector<double> pre;         // of the neuron; these three only for neurons
  std::vector<double> pre_linear;  // gated only
  std::vector<double> post;

  std::optional<NeuronWeights> neuron;  // only for neurons

  Index n_row() const { return static_cast<Index>(text.size()); }
  std::vector<Index> rows_of(Part part) const;
  // Fills n_token, token, group and part from text and position.
  void describe_rows(const StudyTexts& texts);
  // The vector by which the target's number enters the residual stream: W_out[n], or a basis
  // vector.
  std::vector<double> write() const;
  // What the block's MLP reads before its norm: resid_mid, or resid_pre where there is none.
  const Tensor<double>& mlp_stream() const;
  // The stream of the target's block at a site that written_stream gives.
  const Tensor<double>& stream_at(HookKind kind) const;
  // The site at which that vector has been added: where the output direction is read.
  Site write_site() const;
  Site final_site() const;  // of resid_final
};

// Runs the texts through the model once and keeps what StudyData holds.
StudyData measure_study(const Model& model, const Target& target, const StudyTexts& texts,
                        Precision precision, const RunOptions& options);

// `rows` of a matrix or a column, in that order.
Tensor<double> take_rows(MatrixView<const double> matrix, std::span<const Index> rows);
template <class Column>
std::vector<typename Column::value_type> take(const Column& column, std::span<const Index> rows) {
  std::vector<typename Column::value_type> taken;
  taken.reserve(rows.size());
  for (const Index row : rows) taken.push_back(column[static_cast<std::size_t>(row)]);
  return taken;
}

}  // namespace gnomon
