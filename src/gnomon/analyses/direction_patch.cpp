// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/direction_patch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "gnomon/analyses/detail/data_rows.h"
#include "gnomon/analyses/detail/read_gradient.h"
#include "gnomon/analyses/report_reader.h"
#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "gnomon/directions/direction.h"
#include "gnomon/directions/null_directions.h"
#include "gnomon/stats/groups.h"
#include "gnomon/stats/moments.h"
#include "gnomon/stats/permutation.h"
#include "gnomon/stats/quantile.h"
#include "gnomon/stats/row_sample.h"

namespace gnomon {
namespace {

constexpr std::size_t kRowsTogether = 16;
constexpr Index kRecheck = 16;

template <class T>
class ReadDirection {
 public:
  ReadDirection(const ReportModel<T>& model, const DirectionPatchOptions& options)
      : model_(model.model()),
        data_(model.data()),
        options_(options),
        target_(data_.targets.at(static_cast<std::size_t>(options.target))),
        reader_(model, options.target) {
    const ModelConfig& config = model_.config();
    if (target_.kind != TargetKind::neuron_post) {
      throw ArgumentError(
          ErrorCode::wrong_site,
          fmt::format("{} is no neuron after its activation function: nothing reads "
                      "a direction there",
                      site_at_name(target_.at, config)));
    }
    site_ = {HookKind::resid_post, target_.layer(), std::nullopt};
    result_.target = site_at_name(target_.at, config);
    result_.site = site_at_name({site_, target_.at.position}, config);
    result_.read_out = reader_.name();
  }

  DirectionPatch run() {
    training_ = at_most(data_.rows_of(Part::train), options_.max_rows,
                        Random(options_.seed, "direction/training rows"));
    rows_ = at_most(data_.rows_of(Part::test), options_.max_rows,
                    Random(options_.seed, "direction/held-out rows"));
    choose_direction();
    choose_step();
    patch();
    return std::move(result_);
  }

 private:
  void choose_direction() {
    direction_ =
        detail::mean_read_gradient<T>(model_, data_, target_, training_, options_.patch.backend);
    const double squared = dot(direction_, direction_);
    if (!(squared > 0)) {
      throw ArgumentError(
          ErrorCode::bad_data,
          fmt::format("the mean gradient of {} is 0 on the training rows", result_.target),
          "choose a neuron that varies");
    }
    for (double& value : direction_) value /= squared;
  }

  void choose_step() {
    const detail::TextsOfRows texts(data_, training_);
    const std::vector<SiteAt> sites = {target_.at, {site_, target_.at.position}};
    RunOptions run;
    run.backend = options_.patch.backend;
    const std::vector<Activations<T>> read =
        capture<T>(model_, texts.ids, sites, {}, run).activations;
    Moments activation;
    const Tensor<double> own =
        detail::values_of_rows(read[0], texts, data_, training_, data_.position);
    activation.add(column(own.matrix(), 0));
    if (!activation.sd() || !(*activation.sd() > 0)) {
      throw ArgumentError(ErrorCode::bad_data,
                          fmt::format("{} does not vary on the training rows", result_.target),
                          "choose a neuron that varies");
    }
    result_.step = *activation.sd();
    const double length = norm(direction_);
    result_.length = result_.step * length;
    const Tensor<double> stream =
        detail::values_of_rows(read[1], texts, data_, training_, data_.position);
    Moments along;
    for (Index i = 0; i < stream.matrix().rows; ++i)
      along.add(dot(stream.matrix().row(i), direction_) / (length * length));
    result_.stream_sd = along.sd().value_or(0);
    random_ = covariance_matched_directions(stream, options_.n_random,
                                            Random(options_.seed, "direction/random"));
    for (Index k = 0; k < random_.matrix().rows; ++k) {
      const auto row = std::as_const(random_).matrix().row(k);
      const double scale = length / std::sqrt(dot(row, row));
      for (double& value : random_.matrix().row(k)) value *= scale;
    }
  }

  void add_patches(Index row, std::span<const double> direction,
                   std::vector<Patch<T>>& patches) const {
    const auto r = static_cast<std::size_t>(row);
    for (const double sign : {1.0, -1.0}) {
      std::vector<T> values;
      for (const double value : direction)
        values.push_back(static_cast<T>(sign * result_.step * value));
      patches.push_back({data_.text[r], site_, data_.position[r], data_.feature_position[r],
                         EditMode::add, std::move(values)});
    }
  }

  void patch() {
    const auto n_direction = static_cast<std::size_t>(random_.matrix().rows + 1);
    std::vector<double> gains;
    std::vector<Index> groups;
    std::vector<double> sums(n_direction - 1, 0.0);
    bool reaches = false;
    PatchRecheck recheck;
    for (std::size_t first = 0; first < rows_.size(); first += kRowsTogether) {
      const auto some = std::span<const Index>(rows_).subspan(
          first, std::min(kRowsTogether, rows_.size() - first));
      std::vector<Patch<T>> patches;
      for (const Index row : some) {
        add_patches(row, direction_, patches);
        for (Index k = 0; k < random_.matrix().rows; ++k)
          add_patches(row, std::as_const(random_).matrix().row(k), patches);
      }
      const PatchResult<T> done =
          run_patches<T>(model_, data_.ids, patches, reader_.read_out(), options_.patch);
      if (first == 0) {
        recheck = recheck_patches<T>(model_, data_.ids, std::span<const Patch<T>>(patches),
                                     reader_.read_out(), done, kRecheck, options_.seed);
      }
      const std::vector<double> reports = reader_.reports(std::as_const(done.values).matrix());
      const std::vector<double> clean = reader_.reports(std::as_const(done.clean).matrix());
      for (std::size_t i = 0; i < some.size(); ++i) {
        const std::size_t from = i * 2 * n_direction;
        reaches = reaches || done.effects[from].reaches;
        const auto slope = [&](std::size_t k) {
          return (reports[from + 2 * k] - reports[from + 2 * k + 1]) / (2 * result_.step);
        };
        gains.push_back(slope(0));
        groups.push_back(data_.group[static_cast<std::size_t>(some[i])]);
        for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += slope(k + 1);
        const double unmoved = clean[static_cast<std::size_t>(done.clean_row[from])];
        for (const std::size_t k : {from, from + 1}) {
          result_.largest_report_change =
              std::max(result_.largest_report_change, std::abs(reports[k] - unmoved));
        }
      }
    }
    if (!reaches) {
      throw ArgumentError(
          ErrorCode::wrong_site,
          fmt::format("the reporter reads {} before {} is computed, or at an earlier "
                      "token",
                      result_.read_out, result_.site),
          "no move of that stream can reach such a report");
    }
    result_.n_row = static_cast<Index>(rows_.size());
    result_.n_group = index_groups(groups).n_group;
    result_.gain = cluster_bootstrap(groups, options_.bootstrap,
                                     [&](std::span<const Index> resample) -> std::optional<double> {
                                       double sum = 0;
                                       for (const Index i : resample)
                                         sum += gains[static_cast<std::size_t>(i)];
                                       return sum / static_cast<double>(resample.size());
                                     });
    std::vector<double> magnitudes;
    for (const double sum : sums) {
      result_.random_gains.push_back(sum / static_cast<double>(rows_.size()));
      magnitudes.push_back(std::abs(result_.random_gains.back()));
    }
    const double own = std::abs(*result_.gain.estimate);
    result_.percentile = 100 * percentile_rank(magnitudes, own);
    result_.p_value = permutation_p_value(magnitudes, own);
    result_.check = make_check(
        "P7", "a moved stream gives what whole runs give",
        recheck.largest_relative / patch_tolerance<T>(model_.config()), 1,
        fmt::format("largest difference of {} read-outs as a fraction of its rounding bound",
                    recheck.n));
  }

  const Model& model_;
  const ReporterData& data_;
  const DirectionPatchOptions& options_;
  Target target_;
  ReportReader<T> reader_;
  Site site_;
  std::vector<Index> training_;
  std::vector<Index> rows_;
  std::vector<double> direction_;  // u
  Tensor<double> random_;
  DirectionPatch result_;
};

}  // namespace

template <class T>
DirectionPatch patch_read_direction(const ReportModel<T>& model,
                                    const DirectionPatchOptions& options) {
  return ReadDirection<T>(model, options).run();
}

template DirectionPatch patch_read_direction<float>(const ReportModel<float>&,
                                                    const DirectionPatchOptions&);
template DirectionPatch patch_read_direction<double>(const ReportModel<double>&,
                                                     const DirectionPatchOptions&);

}  // namespace gnomon
