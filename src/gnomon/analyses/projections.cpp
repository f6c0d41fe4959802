// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/projections.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "gnomon/directions/null_directions.h"
#include "gnomon/kernels/linear_algebra.h"
#include "gnomon/stats/groups.h"
#include "gnomon/stats/multiplicity.h"
#include "gnomon/stats/permutation.h"
#include "gnomon/stats/quantile.h"
#include "gnomon/stats/regression.h"

namespace gnomon {
namespace {

using Column = std::vector<double>;

void require_variation(const Column& values, const std::string& which) {
  if (values.size() < 2) {
    throw ArgumentError(ErrorCode::bad_data,
                        fmt::format("{} {} row{}, expected at least 2", values.size(), which,
                                    values.size() == 1 ? "" : "s"),
                        "give more texts that differ");
  }
  // What counts as constant is decided where correlations are: variation by rounding alone is none.
  if (!pearson(values, values).r) {
    throw ArgumentError(
        ErrorCode::bad_data,
        fmt::format("the activation is the same, {}, on all {} {} rows", values.front(),
                    values.size(), which),
        "a constant cannot be correlated with anything: choose another neuron or other texts");
  }
}

// What the directions of one analysis share.
template <class T>
struct Context {
  const StudyData& data;
  const Weights<T>& weights;
  const ProjectionOptions& options;
  ProjectionAnalysis& result;
  Column truth;               // of the scored rows
  std::vector<Index> group;   // of the scored rows
  std::vector<Index> others;  // neurons of the layer that serve as null
};

// Projections of the scored rows on many directions [n_direction, d], each correlated with the
// truth.
NullRank rank_among(double r, MatrixView<const double> stream, MatrixView<const double> directions,
                    const Column& truth) {
  Tensor<double> projections({directions.rows, stream.rows});
  multiply(projections.matrix(), directions, Op::plain, stream, Op::transposed);
  Column null;
  for (Index k = 0; k < directions.rows; ++k) {
    const Correlation correlation = pearson(projections.matrix().row(k), truth);
    if (correlation.r) null.push_back(std::abs(*correlation.r));
  }
  if (null.empty()) return {};
  return {100 * percentile_rank(null, std::abs(r)), quantile(null, 0.975),
          static_cast<Index>(null.size())};
}

// Projects the stream on the direction and fills in everything but the adjusted p-values, which
// need all directions. The direction must be read at the stream's site.
template <class T>
void add_direction(Context<T>& context, const Direction<Space::raw>& read,
                   const Stream<Space::raw>& stream, std::string definition,
                   const Tensor<double>* other_neurons) {
  DirectionResult& direction = context.result.directions.emplace_back();
  direction.name = read.name;
  direction.site = site_name(read.site, context.data.config);
  direction.definition = std::move(definition);
  direction.weight = read.weight;
  direction.bias = read.bias;
  direction.length = norm(read.weight);
  direction.projection = project(read, stream);
  for (double& value : direction.projection) value += read.bias;

  const ProjectionOptions& options = context.options;
  const std::vector<Index>& scored = context.result.scored_rows;
  const Column projection = take(direction.projection, scored);
  const BootstrapOptions bootstrap{options.n_bootstrap, options.level, options.seed};
  const std::vector<std::span<const double>> columns = {projection};
  const BootstrapInterval interval =
      bootstrap_correlations(columns, context.truth, context.group, bootstrap).front();
  direction.r = interval.estimate;
  direction.interval = interval.interval;
  direction.r2_fit = r2_fit(projection, context.truth);
  direction.r2_identity = r2_identity(projection, context.truth);
  direction.spearman = spearman(projection, context.truth).r;
  if (!direction.r) return;
  const auto n_distinct = static_cast<double>(context.result.n_distinct);
  direction.fisher_interval = fisher_interval(*direction.r, n_distinct, options.level);
  const CorrelationTest test = correlation_test(*direction.r, n_distinct);
  direction.p = test.p_value;
  direction.log10_p = test.log10_p;

  const Tensor<double> scored_stream = take_rows(stream.rows, scored);
  const Tensor<double> random = covariance_matched_directions(
      take_rows(stream.rows, context.result.training_rows), options.n_random_direction,
      Random(options.seed, "random directions of " + direction.site));
  direction.random_directions =
      rank_among(*direction.r, scored_stream.matrix(), random.matrix(), context.truth);
  if (other_neurons != nullptr && other_neurons->size() > 0) {
    direction.other_neurons =
        rank_among(*direction.r, scored_stream.matrix(), other_neurons->matrix(), context.truth);
  }
}

template <class T>
void fit_head(Context<T>& context) {
  ProjectionAnalysis& result = context.result;
  const Tensor<double> features =
      take_rows(context.data.resid_final.matrix(), result.training_rows);
  RidgeCvOptions ridge;
  ridge.seed = context.options.seed;
  const std::vector<Index> groups = take(context.data.group, result.training_rows);
  const std::set<Index> distinct(groups.begin(), groups.end());
  ridge.n_fold = std::min<Index>(ridge.n_fold, static_cast<Index>(distinct.size()));
  if (ridge.n_fold < 2) {
    throw ArgumentError(
        ErrorCode::bad_data,
        fmt::format("{} text group in the training part, expected at least 2 to fit the head",
                    distinct.size()),
        "give more texts that differ");
  }
  result.ridge = fit_ridge_cross_validated(
      features.matrix(), take(context.data.activation, result.training_rows), groups, ridge);
  result.head = {result.ridge.fit.weight, result.ridge.fit.bias};
  if (!context.options.head) return;
  result.head = *context.options.head;
  if (static_cast<Index>(result.head.weight.size()) != context.data.resid_final.matrix().cols) {
    throw ShapeError(fmt::format("analyse_projections: the head reads {} numbers, expected {}",
                                 result.head.weight.size(),
                                 context.data.resid_final.matrix().cols));
  }
}

DirectionResult undefined_direction(std::string name, std::string why) {
  DirectionResult direction;
  direction.name = std::move(name);
  direction.why = std::move(why);
  return direction;
}

template <class T>
void add_head(Context<T>& context) {
  const StudyData& data = context.data;
  const LinearHead& head = context.result.head;
  const Site site = data.final_site();
  // A reporter is trained on raw weights, a ridge head fitted to what was measured here.
  add_direction(
      context,
      {"head", site, head.weight, head.bias, context.options.head ? "trained" : "ridge",
       context.options.head ? "raw" : data.weights},
      {site, data.resid_final.matrix(), data.weights},
      context.options.head
          ? fmt::format("{} · w + b, {}", site_name(site, data.config), kReporterHead)
          : fmt::format("{} · w + b, ridge regression on the training rows, lambda = {:.3g} by "
                        "grouped cross-validation",
                        site_name(site, data.config), context.result.ridge.fit.lambda),
      nullptr);
}

template <class T>
void add_inputs(Context<T>& context) {
  const StudyData& data = context.data;
  if (!data.neuron) {
    context.result.directions.push_back(undefined_direction(
        "input",
        fmt::format("{} is a coordinate of the residual stream: no single direction is its input",
                    site_name(data.target.at.site, data.config))));
    return;
  }
  const NormedStream normed = normed_stream(data);
  const Index layer = data.target.layer();
  const Stream<Space::raw> stream = {
      {HookKind::ln2_out, layer, std::nullopt}, normed.out.matrix(), data.weights};
  const Index neuron = data.target.index();
  const std::string site = site_name(stream.site, data.config);
  const Tensor<double> gates = read_directions(data.config, context.weights, layer, context.others);
  const NeuronWeights& own = *data.neuron;
  const auto add = [&](const std::string& name, const std::string& definition, const Column& weight,
                       double bias, const Tensor<double>& null) {
    add_direction(context, {name, stream.site, weight, bias, "weights", data.weights}, stream,
                  definition, &null);
  };
  if (!data.config.gated_mlp) {
    add("input", fmt::format("{} · W_in[:, {}] + b_in[{}]", site, neuron, neuron), own.read,
        own.read_bias, gates);
    return;
  }
  const Tensor<double> ups = up_read_directions(context.weights, layer, context.others);
  const auto add_gate = [&](const std::string& name) {
    add(name, fmt::format("{} · W_gate[:, {}]", site, neuron), own.read, own.read_bias, gates);
  };
  const auto add_up = [&](const std::string& name) {
    add(name, fmt::format("{} · W_in[:, {}]", site, neuron), own.up_read, 0, ups);
  };
  if (data.target.kind == TargetKind::neuron_pre) return add_gate("input");
  if (data.target.kind == TargetKind::neuron_pre_linear) return add_up("input");
  const GatedInput& gradient = context.result.mean_gradient;
  Column weight(own.read.size());
  for (std::size_t i = 0; i < weight.size(); ++i)
    weight[i] = gradient.gate * own.read[i] + gradient.up * own.up_read[i];
  Tensor<double> null(gates.shape());
  for (std::size_t i = 0; i < null.values().size(); ++i) {
    null.values()[i] = gradient.gate * gates.values()[i] + gradient.up * ups.values()[i];
  }
  add("input",
      fmt::format("{} · ({:.4g} W_gate[:, {}] + {:.4g} W_in[:, {}]), the mean gradient of the "
                  "neuron over the training rows",
                  site, gradient.gate, neuron, gradient.up, neuron),
      weight, gradient.gate * own.read_bias, null);
  add_gate("input_gate");
  add_up("input_up");
}

template <class T>
void add_writes(Context<T>& context) {
  const StudyData& data = context.data;
  const std::string symbol = data.neuron ? fmt::format("W_out[{}]", data.target.index())
                                         : fmt::format("e_{} (basis vector)", data.target.index());
  Tensor<double> null;
  if (data.neuron) null = write_directions(context.weights, data.target.layer(), context.others);
  const auto add = [&](const std::string& name, const Site& site, const Tensor<double>& rows) {
    add_direction(context,
                  {name, site, data.write(), 0, data.neuron ? "weights" : "basis", data.weights},
                  {site, rows.matrix(), data.weights},
                  fmt::format("{} · {}", site_name(site, data.config), symbol),
                  data.neuron ? &null : nullptr);
  };
  const Site written = data.write_site();
  add("output", written, data.stream_at(written.kind));
  add("final", data.final_site(), data.resid_final);
}

void adjust_p_values(std::vector<DirectionResult>& directions) {
  Column log10_p;
  for (const DirectionResult& direction : directions) {
    if (direction.log10_p) log10_p.push_back(*direction.log10_p);
  }
  const Column adjusted = holm_log10(log10_p);
  std::size_t next = 0;
  for (DirectionResult& direction : directions) {
    if (!direction.log10_p) continue;
    direction.log10_p_holm = adjusted[next++];
    // Never below p, which 10^log10_p may miss by rounding and which stays above 0.
    direction.p_holm = std::max(std::pow(10.0, *direction.log10_p_holm), *direction.p);
  }
}

void add_correlations(ProjectionAnalysis& result, const Column& truth) {
  std::vector<Column> columns = {truth};
  result.correlation_labels = {"activation"};
  for (const DirectionResult& direction : result.directions) {
    if (!direction.defined()) continue;
    columns.push_back(take(direction.projection, result.scored_rows));
    result.correlation_labels.push_back(direction.name);
  }
  const std::vector<std::span<const double>> views(columns.begin(), columns.end());
  result.correlations = correlation_matrix(views);
}

// Heads fitted to labels that were dealt out anew among the training groups: what ridge finds in
// nothing.
template <class T>
BaselineResult shuffled_label_baseline(const Context<T>& context) {
  const ProjectionAnalysis& result = context.result;
  const Index n = static_cast<Index>(result.training_rows.size());
  const Index k = context.options.n_label_shuffle;
  Tensor<double> features = take_rows(context.data.resid_final.matrix(), result.training_rows);
  Column mean(static_cast<std::size_t>(features.matrix().cols));
  for (Index i = 0; i < n; ++i) {
    for (std::size_t c = 0; c < mean.size(); ++c)
      mean[c] += features.matrix()(i, static_cast<Index>(c)) / static_cast<double>(n);
  }
  subtract_column_means(features.matrix());
  const Column truth = take(context.data.activation, result.training_rows);
  const double truth_mean =
      std::accumulate(truth.begin(), truth.end(), 0.0) / static_cast<double>(n);

  const Groups groups = index_groups(take(context.data.group, result.training_rows));
  Random random(context.options.seed, "shuffled labels");
  Tensor<double> labels({n, k});
  for (Index s = 0; s < k; ++s) {
    const std::vector<Index> order = deal_out_groups(groups, random);
    for (Index i = 0; i < n; ++i) {
      labels.matrix()(i, s) =
          truth[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])] - truth_mean;
    }
  }
  // (XᵀX + λ) W = Xᵀ Y, one factorisation for all shuffles.
  const Index d = features.matrix().cols;
  Tensor<double> gram({d, d});
  gram_of_columns(gram.matrix(), features.matrix());
  for (Index c = 0; c < d; ++c) gram.matrix()(c, c) += result.ridge.fit.lambda;
  Tensor<double> right({d, k});
  multiply(right.matrix(), features.matrix(), Op::transposed, labels.matrix(), Op::plain);
  const Tensor<double> heads = cholesky_solve(gram.matrix(), right.matrix());

  Column r2;
  Column abs_r;
  for (Index s = 0; s < k; ++s) {
    Column prediction;
    for (const Index row : result.scored_rows) {
      double value = truth_mean;
      for (Index c = 0; c < d; ++c) {
        value += (context.data.resid_final.matrix()(row, c) - mean[static_cast<std::size_t>(c)]) *
                 heads.matrix()(c, s);
      }
      prediction.push_back(value);
    }
    if (const std::optional<double> fit = r2_identity(prediction, context.truth))
      r2.push_back(*fit);
    if (const Correlation c = pearson(prediction, context.truth); c.r)
      abs_r.push_back(std::abs(*c.r));
  }
  BaselineResult baseline{
      "shuffled_labels",
      fmt::format("ridge fitted to {} shuffles of the training labels; R² is their median, r the "
                  "97.5 % quantile of |r|",
                  k),
      std::nullopt,
      std::nullopt,
      {}};
  if (!abs_r.empty()) baseline.r = quantile(abs_r, 0.975);
  if (!r2.empty()) baseline.r2_identity = quantile(r2, 0.5);
  return baseline;
}

template <class T>
BaselineResult ridge_baseline(const Context<T>& context) {
  const ProjectionAnalysis& result = context.result;
  const DirectionResult& head = result.directions.front();
  if (!context.options.head)
    return {"ridge", "the head: the linear ceiling at its site", head.r, head.r2_identity, {}};
  std::vector<double> report;
  for (const Index row : result.scored_rows)
    report.push_back(result.ridge.fit.predict(context.data.resid_final.matrix().row(row)));
  return {"ridge",
          "ridge regression at the head's site: the linear ceiling there",
          pearson(report, context.truth).r,
          r2_identity(report, context.truth),
          {}};
}

template <class T>
void add_baselines(Context<T>& context) {
  ProjectionAnalysis& result = context.result;
  result.baselines = simple_baselines(context.data, result.training_rows, result.scored_rows);
  result.baselines.push_back(ridge_baseline(context));
  // Lambda 0 has no factorisation.
  if (context.options.n_label_shuffle > 0 && result.ridge.fit.lambda > 0) {
    result.baselines.push_back(shuffled_label_baseline(context));
  }
}

std::vector<Index> other_neurons(const StudyData& data, Index n, std::uint64_t seed) {
  if (!data.neuron) return {};
  return others_of_layer(data.config.d_mlp, data.target.index(), n, Random(seed, "other neurons"));
}

}  // namespace

template <class T>
ProjectionAnalysis analyse_projections(const StudyData& data, const Weights<T>& weights,
                                       const ProjectionOptions& options) {
  ProjectionAnalysis result;
  result.training_rows = data.rows_of(Part::train);
  result.scored_rows = data.rows_of(Part::test);
  result.n_row = static_cast<Index>(result.scored_rows.size());
  Context<T> context{data,
                     weights,
                     options,
                     result,
                     take(data.activation, result.scored_rows),
                     take(data.group, result.scored_rows),
                     other_neurons(data, options.n_other_neuron, options.seed)};
  result.n_distinct =
      static_cast<Index>(std::set<Index>(context.group.begin(), context.group.end()).size());
  require_variation(take(data.activation, result.training_rows), "training");
  require_variation(context.truth, "test");

  result.mean_gradient = mean_gated_gradient(data, result.training_rows);
  fit_head(context);
  add_head(context);
  add_inputs(context);
  add_writes(context);
  adjust_p_values(result.directions);
  add_correlations(result, context.truth);
  result.cosines =
      cosine_table(data, weights, result.head, result.ridge.fit.lambda, result.training_rows);
  add_baselines(context);
  return result;
}

template ProjectionAnalysis analyse_projections<float>(const StudyData&, const Weights<float>&,
                                                       const ProjectionOptions&);
template ProjectionAnalysis analyse_projections<double>(const StudyData&, const Weights<double>&,
                                                        const ProjectionOptions&);

}  // namespace gnomon
