// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/weights_analysis.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "gnomon/directions/direction.h"
#include "gnomon/stats/ridge.h"
#include "gnomon/stats/row_sample.h"

namespace gnomon {
namespace {

std::vector<Index> held_out_rows(const ReporterData& data, const WeightsOptions& options) {
  std::vector<Index> rows = data.rows_of(Part::test);
  if (rows.empty()) {
    throw ArgumentError(ErrorCode::bad_data, "no held-out row to take a read-out of",
                        "give data.split a test share");
  }
  return at_most(std::move(rows), options.max_rows, Random(options.seed, "weights/rows"));
}

// The reports of `rows`, in activation units.
template <class T>
std::vector<double> reports_of(const ReportModel<T>& model, Index target,
                               std::span<const Index> rows) {
  std::set<Index> texts;
  for (const Index row : rows) texts.insert(model.data().text[static_cast<std::size_t>(row)]);
  const std::vector<Index> ordered(texts.begin(), texts.end());
  const ReportPass pass = model.run(ordered, false);
  const Tensor<double> reports = model.reporter().reports(pass.outputs.matrix());
  std::vector<double> of_row(static_cast<std::size_t>(model.data().n_row()));
  for (std::size_t i = 0; i < pass.rows.size(); ++i)
    of_row[static_cast<std::size_t>(pass.rows[i])] =
        reports.matrix()(static_cast<Index>(i), target);
  return take(of_row, rows);
}

template <class T>
class Analysis {
 public:
  Analysis(const ReportModel<T>& trained, const ReportModel<T>& start, Index target,
           const StudyData& after, const StudyData& before, const WeightsOptions& options)
      : trained_(trained),
        start_(start),
        target_(target),
        after_(after),
        before_(before),
        options_(options),
        data_(trained.data()) {
    if (after.n_row() != data_.n_row() || before.n_row() != data_.n_row()) {
      throw ShapeError(fmt::format("analyse_weights: the studies have {} and {} rows, the data {}",
                                   after.n_row(), before.n_row(), data_.n_row()));
    }
    result_.rows = held_out_rows(data_, options);
    result_.training_rows = data_.rows_of(Part::train);
    group_ = take(data_.group, result_.rows);
    training_group_ = take(data_.group, result_.training_rows);
    result_.n_distinct = static_cast<Index>(std::set<Index>(group_.begin(), group_.end()).size());
  }

  WeightsAnalysis run() {
    const ComparedDirectionOptions directions{options_.seed, options_.n_other,
                                              options_.n_component};
    const auto& weights = trained_.model().template weights<T>();
    result_.directions = target_directions(after_, weights, result_.training_rows, directions);
    ComparedDirectionOptions alone = directions;
    alone.n_other = 0;
    start_directions_ = target_directions(before_, start_.model().template weights<T>(),
                                          result_.training_rows, alone);
    reports_ = reports_of(trained_, target_, result_.rows);
    add_feature();
    add_written();
    adjust_p_values(result_.cosines);
    if (after_.neuron)
      result_.changes = weight_changes(after_.config, *before_.neuron, *after_.neuron);
    return std::move(result_);
  }

 private:
  void compare(ReadOutPlace& place, const ReadOut& start, const Tensor<double>& stream,
               const Tensor<double>& start_stream, const Tensor<double>& refits) {
    const ComparedDirectionOptions options{options_.seed, options_.n_other, options_.n_component};
    place.components = stream_components(stream.matrix(), options);
    std::vector<ComparedDirection> directions = result_.directions;
    directions.insert(directions.end(), place.components.begin(), place.components.end());
    ReadOutComparisonOptions comparison{
        options_.seed, options_.n_random, {options_.n_bootstrap, options_.level, options_.seed}};
    ReadOutComparison trained =
        compare_read_out(place.name, *place.read_out, group_, {stream.matrix(), training_group_},
                         directions, refits, after_.config.norm, comparison);
    place.intensity = trained.intensity;
    comparison.n_random = 0;
    comparison.bootstrap.n_bootstrap = 1;
    std::vector<ComparedDirection> start_directions = start_directions_;
    std::ranges::move(stream_components(start_stream.matrix(), options),
                      std::back_inserter(start_directions));
    add_start(trained.table,
              compare_read_out(place.name, start, group_, {start_stream.matrix(), training_group_},
                               start_directions, {}, before_.config.norm, comparison)
                  .table);
    std::ranges::move(trained.table, std::back_inserter(result_.cosines));
    const double length = norm(place.read_out->mean);
    place.start_length = norm(start.mean);
    if (length > 0 && *place.start_length > 0)
      place.start_cosine = dot(start.mean, place.read_out->mean) / (length * *place.start_length);
  }

  void share(ReadOutPlace& place) {
    const std::vector<double> written =
        take(after_.neuron ? after_.post : after_.activation, result_.rows);
    place.share = write_share(place.name, reports_, written, after_.write(), *place.read_out,
                              group_, {options_.n_bootstrap, options_.level, options_.seed});
  }

  // Heads fitted anew where the head is the ridge solution of the start's features.
  Tensor<double> refits() const {
    const Reporter& reporter = trained_.reporter();
    if (reporter.options().head != HeadMode::ridge || !linear_head(reporter, target_)) return {};
    const Tensor<double> features = start_.features(result_.training_rows);
    const std::vector<double> labels =
        column(activation_rows(data_, result_.training_rows).matrix(), target_);
    std::vector<double> unit = labels;
    const auto t = static_cast<std::size_t>(target_);
    for (double& value : unit)
      value = (value - reporter.labels().mean[t]) / reporter.labels().sd[t];
    RidgeCvOptions ridge;
    ridge.seed = trained_.options().seed;
    ridge.scaling = FeatureScaling::unit_variance;
    const RidgeCv cv = fit_ridge_cross_validated(features.matrix(), unit, training_group_, ridge);
    return ridge_refits(features.matrix(), labels, training_group_, cv.fit.lambda, ridge.scaling,
                        options_.n_refit, options_.seed);
  }

  void add_feature() {
    ReadOutPlace& place = result_.places.emplace_back();
    place.name = "feature";
    const Site& site = data_.feature_site.site;
    if (!is_stream_site(site)) {
      place.why = fmt::format(
          "the head reads {}, which is not the residual stream: its weights and the neuron's "
          "directions are of different spaces",
          site_name(site, after_.config));
      return;
    }
    if (site.coordinate) {
      place.why = fmt::format("the head reads one number, {}: its read-out is that basis vector",
                              site_name(site, after_.config));
      return;
    }
    place.read_out = read_out_at_feature(trained_, target_, result_.rows, options_.run);
    compare(place, read_out_at_feature(start_, target_, result_.rows, options_.run),
            trained_.features(result_.training_rows), start_.features(result_.training_rows),
            refits());
    const auto order = [&](const Site& s) { return std::pair(block_of(s, after_.config), s.kind); };
    if (data_.feature_position != data_.position) {
      place.why_no_share = "the head reads another token than the one at which the target writes";
    } else if (order(site) < order(after_.write_site())) {
      place.why_no_share = "the head reads before the target writes";
    } else {
      share(place);
    }
  }

  void add_written() {
    ReadOutPlace& place = result_.places.emplace_back();
    place.name = "written";
    const Site written = after_.write_site();
    const Site& feature = data_.feature_site.site;
    if (written == feature && data_.feature_position == data_.position &&
        result_.places.front().read_out) {
      place.why = "the head reads just where the target's number has been added: see feature";
      return;
    }
    const auto order = [&](const Site& s) { return std::pair(block_of(s, after_.config), s.kind); };
    if (trained_.reporter().has_head() && order(feature) < order(written)) {
      place.why = fmt::format("the head reads {}, before the target writes",
                              site_name(feature, after_.config));
      return;
    }
    place.read_out = read_out_at(trained_, target_, written, result_.rows, options_.run);
    compare(place, read_out_at(start_, target_, written, result_.rows, options_.run),
            take_rows(after_.stream_at(written.kind).matrix(), result_.training_rows),
            take_rows(before_.stream_at(written.kind).matrix(), result_.training_rows), {});
    share(place);
  }

  const ReportModel<T>& trained_;
  const ReportModel<T>& start_;
  Index target_;
  const StudyData& after_;
  const StudyData& before_;
  const WeightsOptions& options_;
  const ReporterData& data_;
  WeightsAnalysis result_;
  std::vector<ComparedDirection> start_directions_;
  std::vector<Index> group_, training_group_;
  std::vector<double> reports_;
};

}  // namespace

template <class T>
WeightsAnalysis analyse_weights(const ReportModel<T>& trained, const ReportModel<T>& start,
                                Index target, const StudyData& after, const StudyData& before,
                                const WeightsOptions& options) {
  return Analysis<T>(trained, start, target, after, before, options).run();
}

template WeightsAnalysis analyse_weights(const ReportModel<float>&, const ReportModel<float>&,
                                         Index, const StudyData&, const StudyData&,
                                         const WeightsOptions&);
template WeightsAnalysis analyse_weights(const ReportModel<double>&, const ReportModel<double>&,
                                         Index, const StudyData&, const StudyData&,
                                         const WeightsOptions&);

}  // namespace gnomon
