// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "gnomon/analyses/audit_ladder.h"
#include "gnomon/analyses/identity_checks.h"
#include "gnomon/analyses/projections.h"
#include "gnomon/analyses/study.h"
#include "support/tiny_model.h"

namespace gnomon::test {

// A study of a tiny model on 120 short texts, with fewer resamples than a user's.
struct TinyStudy {
  StudyTexts texts;
  StudyData data;
  ProjectionAnalysis analysis;
  std::vector<Ladder> ladders;
};

struct TinyStudyOptions {
  std::string target = "blocks.0.mlp.hook_post[5]@last";
  Precision precision = Precision::float64;
  Index n_text = 120;
  std::uint64_t seed = 7;
};

inline ProjectionOptions projection_options(std::uint64_t seed) {
  ProjectionOptions options;
  options.seed = seed;
  options.n_bootstrap = 200;
  options.n_random_direction = 60;
  options.n_other_neuron = 20;
  options.n_label_shuffle = 10;
  return options;
}

inline std::vector<Ladder> ladders_of(const StudyData& data, const ProjectionAnalysis& analysis,
                                      std::uint64_t seed) {
  return audit_ladders(data, analysis.head, analysis.mean_gradient, analysis.scored_rows,
                       analysis.training_rows, {{200, 0.95, seed}});
}

inline ProjectionAnalysis analyse(const Model& model, const StudyData& data, std::uint64_t seed) {
  return data.precision == Precision::float32
             ? analyse_projections(data, model.weights<float>(), projection_options(seed))
             : analyse_projections(data, model.weights<double>(), projection_options(seed));
}

inline TinyStudy make_study(const Model& model, const TinyStudyOptions& options) {
  TinyStudy study;
  study.texts = prepare_texts(model, short_texts(options.n_text, 3), options.seed);
  const Target target = make_target(parse_site(options.target, model.config()), model.config());
  study.data = measure_study(model, target, study.texts, options.precision, {});
  study.analysis = analyse(model, study.data, options.seed);
  study.ladders = ladders_of(study.data, study.analysis, options.seed);
  return study;
}

// Every kind of target that a family has, in the first and the last block.
inline std::vector<std::string> every_target(const ModelConfig& config) {
  std::vector<std::string> targets;
  for (const char* layer : {"0", "1"}) {
    const std::string block = std::string("blocks.") + layer + ".";
    for (const char* site : {"mlp.hook_post[5]", "mlp.hook_pre[31]", "hook_mlp_out[3]",
                             "hook_attn_out[20]", "hook_resid_pre[0]", "hook_resid_post[23]"}) {
      targets.push_back(block + site + "@last");
    }
    if (!config.parallel_block) targets.push_back(block + "hook_resid_mid[11]@last");
    if (config.gated_mlp) targets.push_back(block + "mlp.hook_pre_linear[8]@last");
  }
  targets.push_back("blocks.1.mlp.hook_post[12]@all");
  targets.push_back("blocks.0.mlp.hook_post[12]@-3");
  return targets;
}

// Pearson's r from its textbook formula, in extended precision: the tests' own.
inline double plain_r(const std::vector<double>& x, const std::vector<double>& y) {
  long double mean_x = 0;
  long double mean_y = 0;
  const auto n = static_cast<long double>(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    mean_x += x[i] / n;
    mean_y += y[i] / n;
  }
  long double xx = 0;
  long double yy = 0;
  long double xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mean_x) * (x[i] - mean_x);
    yy += (y[i] - mean_y) * (y[i] - mean_y);
    xy += (x[i] - mean_x) * (y[i] - mean_y);
  }
  return static_cast<double>(xy / std::sqrt(xx * yy));
}

// A site at the study's position, one row for each row of the study.
inline Tensor<double> captured(const Model& model, const TinyStudy& study, HookKind kind,
                               Index layer) {
  const std::vector<SiteAt> sites = {{{kind, layer, std::nullopt}, study.data.target.at.position}};
  return std::move(capture<double>(model, study.texts.ids, sites, {}, {}).activations[0].values);
}

inline std::vector<double> times(const Tensor<double>& rows, const std::vector<double>& w) {
  std::vector<double> result;
  for (Index i = 0; i < rows.matrix().rows; ++i) {
    double sum = 0;
    for (Index c = 0; c < rows.matrix().cols; ++c)
      sum += rows.matrix()(i, c) * w[static_cast<std::size_t>(c)];
    result.push_back(sum);
  }
  return result;
}

inline std::vector<double> column(const Tensor<double>& rows, Index c) {
  std::vector<double> result;
  for (Index i = 0; i < rows.matrix().rows; ++i) result.push_back(rows.matrix()(i, c));
  return result;
}

inline const Ladder& ladder_of(const TinyStudy& study, const std::string& direction) {
  for (const Ladder& ladder : study.ladders) {
    if (ladder.direction == direction) return ladder;
  }
  throw std::out_of_range("no ladder " + direction);
}

inline const DirectionResult& direction_of(const TinyStudy& study, const std::string& name) {
  for (const DirectionResult& direction : study.analysis.directions) {
    if (direction.name == name) return direction;
  }
  throw std::out_of_range("no direction " + name);
}

}  // namespace gnomon::test
