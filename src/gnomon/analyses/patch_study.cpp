// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/patch_study.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numeric>

#include "gnomon/analyses/detail/data_rows.h"
#include "gnomon/analyses/detail/patch_typicality.h"
#include "gnomon/analyses/report_reader.h"
#include "gnomon/analyses/rounding.h"
#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "gnomon/directions/direction.h"
#include "gnomon/directions/neuron_directions.h"
#include "gnomon/stats/groups.h"
#include "gnomon/stats/permutation.h"
#include "gnomon/stats/quantile.h"

namespace gnomon {
namespace {

// Read-outs that are held at a time, in numbers.
constexpr Index kHeldNumbers = Index{4} << 20;

// The ends are exact: the last dose of a range lies within it.
std::vector<double> even_doses(double first, double last, Index n) {
  std::vector<double> doses;
  for (Index i = 0; i < n; ++i)
    doses.push_back(std::lerp(first, last, static_cast<double>(i) / static_cast<double>(n - 1)));
  return doses;
}

EditMode edit_mode(DoseMode mode) {
  if (mode == DoseMode::set) return EditMode::set;
  return mode == DoseMode::add ? EditMode::add : EditMode::scale;
}

// Where among a row's patches each kind of them begins.
struct RowPlan {
  Index n_dose = 0;
  Index direct = -1;  // -1: none
  Index controls = 0;
  Index ablations = 0;
  Index donors = 0;
  Index no_op = 0;
  Index n = 0;
};

Index checked_target(Index target, const ReporterData& data) {
  if (target < 0 || target >= static_cast<Index>(data.targets.size()))
    throw ArgumentError(ErrorCode::out_of_range, fmt::format("patch: target {}, expected 0 to {}",
                                                             target, data.targets.size() - 1));
  return target;
}

template <class T>
class PatchStudyRun {
 public:
  PatchStudyRun(const ReportModel<T>& model, const PatchStudyOptions& options)
      : model_(model.model()),
        config_(model_.config()),
        data_(model.data()),
        options_(options),
        reader_(model, checked_target(options.target, model.data())) {
    const Target& reported = data_.targets[static_cast<std::size_t>(options.target)];
    study_.target = site_at_name(reported.at, config_);
    target_ = options.site ? make_target(*options.site, config_) : reported;
    study_.site = site_at_name(target_.at, config_);
    site_ = target_.at.site;
    patch_position_ = data_.position;
    const bool own_tokens = !options.site || target_.at.position.kind == Position::Kind::all;
    for (std::size_t r = 0; r < patch_position_.size(); ++r) {
      const auto n_token =
          static_cast<Index>(data_.ids[static_cast<std::size_t>(data_.text[r])].size());
      if (!own_tokens) patch_position_[r] = resolve_position(target_.at.position, n_token).front();
      if (options_.tokens.empty()) {
        tokens_.push_back({patch_position_[r]});
        continue;
      }
      tokens_.push_back(resolve_tokens(options_.tokens, n_token));
      study_.most_tokens = std::max(study_.most_tokens, std::ssize(tokens_.back()));
      if (!std::ranges::binary_search(tokens_.back(), patch_position_[r]))
        patch_position_[r] = tokens_.back().back();
    }
  }

  PatchStudy run() {
    describe();
    measure();
    choose_doses();
    choose_controls();
    choose_write();
    choose_direct();
    draw_donors();
    make_plan();
    for (Index first = 0; first < n_row();) first = run_rows(first);
    analyse();
    check();
    return std::move(study_);
  }

 private:
  Index n_row() const { return static_cast<Index>(study_.row.size()); }
  Index data_row(Index i) const { return study_.row[static_cast<std::size_t>(i)]; }

  void describe() {
    study_.row = data_.rows_of(options_.part);
    training_ = data_.rows_of(Part::train);
    if (study_.row.empty())
      throw ArgumentError(ErrorCode::bad_data, fmt::format("patch: the part \"{}\" has no rows",
                                                           part_name(options_.part)));
    study_.part = options_.part;
    study_.n_training_row = static_cast<Index>(training_.size());
    for (const Index row : study_.row)
      study_.response.group.push_back(data_.group[static_cast<std::size_t>(row)]);
    study_.n_row = n_row();
    study_.n_group = index_groups(study_.response.group).n_group;
    study_.mode = options_.mode;
    study_.bootstrap = options_.bootstrap;
    study_.read_out = reader_.name();
    study_.definition = reader_.definition();
  }

  // The patched site's row of each of these rows, in the model as it is.
  Tensor<double> site_rows(const std::vector<Index>& rows) const {
    Site site = site_;
    site.coordinate.reset();
    return rows_at(site, rows);
  }

  // The site's rows at each row's own token.
  Tensor<double> rows_at(const Site& site, const std::vector<Index>& rows) const {
    const detail::TextsOfRows texts(data_, rows);
    SiteAt at{site, target_.at.position};
    if (!options_.tokens.empty()) at.position = {Position::Kind::all, 0};
    RunOptions run;
    run.backend = options_.patch.backend;
    const std::vector<Activations<T>> read =
        capture<T>(model_, texts.ids, {&at, 1}, {}, run).activations;
    return detail::values_of_rows(read.front(), texts, data_, rows, patch_position_);
  }

  void measure() {
    training_values_ = site_rows(training_);
    own_values_ = site_rows(study_.row);
    study_.activation = column(own_values_.matrix(), target_.index());
    target_training_ = column(training_values_.matrix(), target_.index());
    study_.range = natural_range(target_training_);
  }

  std::vector<double> doses_of(const NaturalRange& range) const {
    switch (options_.mode) {
      case DoseMode::set:
        return even_doses(range.low, range.high, options_.n_dose);
      case DoseMode::add:
        return even_doses((range.low - range.high) / 2, (range.high - range.low) / 2,
                          options_.n_dose);
      case DoseMode::scale:
        return even_doses(0, 2, options_.n_dose);
    }
    throw InternalError("doses_of: unknown mode");
  }

  void choose_doses() {
    if (options_.doses.empty() && options_.n_dose < 2)
      throw ArgumentError(fmt::format("patch: {} doses, expected at least 2", options_.n_dose));
    study_.doses = options_.doses.empty() ? doses_of(study_.range) : options_.doses;
    for (double& dose : study_.doses) dose = static_cast<double>(static_cast<T>(dose));
    // What is written is a T: the ends of the grid must not fall out of the range by rounding.
    if (options_.doses.empty() && options_.mode == DoseMode::set) {
      study_.range.low = std::min(study_.range.low, study_.doses.front());
      study_.range.high = std::max(study_.range.high, study_.doses.back());
    }
  }

  void choose_controls() {
    if (options_.n_control == 0) {
      study_.why_no_controls = "none were asked for";
      return;
    }
    const Index width = training_values_.matrix().cols;
    std::vector<double> norms(static_cast<std::size_t>(width), 1.0);
    if (target_.is_neuron()) {
      std::vector<Index> all(static_cast<std::size_t>(width));
      std::iota(all.begin(), all.end(), Index{0});
      const Tensor<double> writes = write_directions(model_.weights<T>(), site_.layer, all);
      for (Index n = 0; n < width; ++n)
        norms[static_cast<std::size_t>(n)] =
            std::sqrt(dot(writes.matrix().row(n), writes.matrix().row(n)));
    }
    for (const MatchedUnit& unit : matched_units(training_values_.matrix(), norms, target_.index(),
                                                 options_.n_control, options_.seed)) {
      Site site = site_;
      site.coordinate = unit.unit;
      UnitGain control{unit,
                       site_name(site, config_),
                       natural_range(column(training_values_.matrix(), unit.unit)),
                       {}};
      control_doses_.push_back(doses_of(control.range));
      for (double& dose : control_doses_.back()) dose = static_cast<double>(static_cast<T>(dose));
      if (options_.mode == DoseMode::set) {
        control.range.low = std::min(control.range.low, control_doses_.back().front());
        control.range.high = std::max(control.range.high, control_doses_.back().back());
      }
      study_.controls.push_back(std::move(control));
    }
    if (study_.controls.empty())
      study_.why_no_controls = "no other coordinate of the site varies on the training rows";
  }

  // Where the neuron's write is added so that all blocks before the read-out keep their outputs.
  void choose_direct() {
    if (target_.kind == TargetKind::neuron_pre || target_.kind == TargetKind::neuron_pre_linear) {
      study_.why_no_direct = "a pre-activation writes through its activation function";
      return;
    }
    if (study_.most_tokens > 1) {
      study_.why_no_direct = "several tokens are patched together";
      return;
    }
    const Site& read = reader_.read_out().site;
    const Index block = block_of(read, config_);
    if (block >= config_.n_layers) {
      direct_site_ = Site{HookKind::resid_post, config_.n_layers - 1, std::nullopt};
    } else if (read.kind == HookKind::resid_post && block >= site_.layer) {
      direct_site_ = Site{HookKind::resid_post, block, std::nullopt};
    } else if (block > site_.layer) {
      direct_site_ = Site{HookKind::resid_pre, block, std::nullopt};
    } else {
      study_.why_no_direct = "the reporter reads inside the neuron's own block";
      return;
    }
  }

  // By which vector the unit's number enters the stream; empty for pre-activations.
  void choose_write() {
    if (target_.kind == TargetKind::neuron_pre || target_.kind == TargetKind::neuron_pre_linear)
      return;
    if (target_.kind == TargetKind::neuron_post) {
      const std::array<Index, 1> own = {target_.index()};
      const Tensor<double> write = write_directions(model_.weights<T>(), site_.layer, own);
      write_.assign(write.values().begin(), write.values().end());
    } else {
      write_.assign(static_cast<std::size_t>(config_.d_model), 0.0);
      write_[static_cast<std::size_t>(target_.index())] = 1;
    }
  }

  // The stream in which the unit's number has just been added.
  Site written_stream() const {
    return {gnomon::written_stream(site_.kind, config_), site_.layer, std::nullopt};
  }

  void measure_typicality() {
    if (write_.empty()) {
      study_.why_no_typicality = "a pre-activation writes through its activation function";
      return;
    }
    if (training_.size() < 3) {
      study_.why_no_typicality =
          fmt::format("{} training rows, a covariance needs 3", training_.size());
      return;
    }
    const Site stream = written_stream();
    study_.typicality = detail::measure_typicality(
        rows_at(stream, training_).matrix(), rows_at(stream, study_.row).matrix(), write_,
        study_.activation, study_.response.value.matrix(), study_.points);
    study_.typicality->site = site_name(stream, config_);
  }

  void draw_donors() {
    Random random(options_.seed, "patch/donors");
    const auto n = static_cast<std::uint64_t>(n_row());
    n_donor_ = study_.n_group > 1 ? options_.n_donor : 0;
    for (Index i = 0; i < n_row(); ++i) {
      resampled_.push_back(target_training_[random.below(target_training_.size())]);
      for (Index d = 0; d < n_donor_; ++d) {
        std::size_t other = 0;
        do {
          other = random.below(n);
        } while (study_.response.group[other] ==
                 study_.response.group[static_cast<std::size_t>(i)]);
        donors_.push_back(study_.activation[other]);
      }
    }
  }

  void make_plan() {
    plan_.n_dose = static_cast<Index>(study_.doses.size());
    plan_.n = plan_.n_dose;
    if (direct_site_) {
      plan_.direct = plan_.n;
      plan_.n += plan_.n_dose;
    }
    plan_.controls = plan_.n;
    for (const std::vector<double>& doses : control_doses_)
      plan_.n += static_cast<Index>(doses.size());
    plan_.ablations = plan_.n;
    plan_.n += static_cast<Index>(options_.ablations.size());
    plan_.donors = plan_.n;
    plan_.n += n_donor_;
    plan_.no_op = plan_.n++;
    const auto shape = [&](Index n) { return Tensor<double>({n_row(), n}); };
    reports_ = shape(plan_.n);
    study_.response.value = shape(plan_.n_dose);
    study_.clean_report.resize(static_cast<std::size_t>(n_row()));
    control_values_.resize(control_doses_.size());
    for (std::size_t c = 0; c < control_doses_.size(); ++c)
      control_values_[c] = shape(static_cast<Index>(control_doses_[c].size()));
    // Which rows have a patch that is run again.
    Random random(options_.seed, "patch/recheck_rows");
    n_recheck_.resize(static_cast<std::size_t>(n_row()));
    for (Index k = 0; k < options_.n_recheck; ++k)
      ++n_recheck_[random.below(static_cast<std::uint64_t>(n_row()))];
  }

  Patch<T> patch_of(Index i, Site site, EditMode mode, const std::vector<T>& values) const {
    const auto row = static_cast<std::size_t>(data_row(i));
    const std::vector<Index>& tokens = tokens_[row];
    Patch<T> patch{data_.text[row], site, tokens.front(), data_.feature_position[row], mode,
                   values,          {}};
    for (std::size_t k = 1; k < tokens.size(); ++k) patch.more.push_back({tokens[k], values});
    return patch;
  }

  // The number of the unit at its own token with a dose.
  double dosed(double own, double dose) const {
    const T old = static_cast<T>(own);
    const T value = static_cast<T>(dose);
    if (options_.mode == DoseMode::set) return static_cast<double>(value);
    return static_cast<double>(options_.mode == DoseMode::add ? old + value : old * value);
  }

  void add_patches(Index i, std::vector<Patch<T>>& patches) const {
    const auto row = static_cast<std::size_t>(i);
    const EditMode mode = edit_mode(options_.mode);
    const T own = static_cast<T>(study_.activation[row]);
    for (const double dose : study_.doses)
      patches.push_back(patch_of(i, site_, mode, {static_cast<T>(dose)}));
    if (direct_site_) {
      for (const double dose : study_.doses) {
        const double delta = dosed(study_.activation[row], dose) - static_cast<double>(own);
        std::vector<T> added;
        for (const double w : write_) added.push_back(static_cast<T>(delta * w));
        patches.push_back(patch_of(i, *direct_site_, EditMode::add, std::move(added)));
      }
    }
    for (std::size_t c = 0; c < control_doses_.size(); ++c) {
      Site site = site_;
      site.coordinate = study_.controls[c].unit.unit;
      for (const double dose : control_doses_[c])
        patches.push_back(patch_of(i, site, mode, {static_cast<T>(dose)}));
    }
    for (const AblationMode ablation : options_.ablations) {
      const double value = ablation == AblationMode::zero   ? 0
                           : ablation == AblationMode::mean ? study_.range.mean
                                                            : resampled_[row];
      patches.push_back(patch_of(i, site_, EditMode::set, {static_cast<T>(value)}));
    }
    for (Index d = 0; d < n_donor_; ++d)
      patches.push_back(patch_of(
          i, site_, EditMode::set,
          {static_cast<T>(
              donors_[row * static_cast<std::size_t>(n_donor_) + static_cast<std::size_t>(d)])}));
    // Of several tokens each has its own value.
    patches.push_back(study_.most_tokens == 1 ? patch_of(i, site_, EditMode::set, {own})
                                              : patch_of(i, site_, EditMode::scale, {T(1)}));
  }

  Index run_rows(Index first) {
    const Index last =
        std::min(n_row(), first + std::max(Index{1}, kHeldNumbers / (plan_.n * reader_.width())));
    std::vector<Patch<T>> patches;
    Index n_recheck = 0;
    for (Index i = first; i < last; ++i) {
      add_patches(i, patches);
      n_recheck += n_recheck_[static_cast<std::size_t>(i)];
    }
    const PatchResult<T> result =
        run_patches<T>(model_, data_.ids, patches, reader_.read_out(), options_.patch);
    const std::vector<double> reports = reader_.reports(std::as_const(result.values).matrix());
    const std::vector<double> clean = reader_.reports(std::as_const(result.clean).matrix());
    for (Index i = first; i < last; ++i) take_row(i, (i - first) * plan_.n, result, reports, clean);
    if (n_recheck > 0) {
      const PatchRecheck check = recheck_patches<T>(
          model_, data_.ids, std::span<const Patch<T>>(patches), reader_.read_out(), result,
          n_recheck, options_.seed + static_cast<std::uint64_t>(first));
      recheck_.n += check.n;
      recheck_.largest_relative = std::max(recheck_.largest_relative, check.largest_relative);
    }
    if (options_.progress) options_.progress(last, n_row());
    return last;
  }

  void take_row(Index i, Index from, const PatchResult<T>& result,
                const std::vector<double>& reports, const std::vector<double>& clean) {
    const auto effect = [&](Index k) -> const PatchEffect& {
      return result.effects[static_cast<std::size_t>(from + k)];
    };
    for (Index k = 0; k < plan_.n; ++k)
      reports_.matrix()(i, k) = reports[static_cast<std::size_t>(from + k)];
    const Index clean_row = result.clean_row[static_cast<std::size_t>(from)];
    const double clean_report = clean[static_cast<std::size_t>(clean_row)];
    study_.clean_report[static_cast<std::size_t>(i)] = clean_report;
    const std::span<const T> clean_feature = result.clean.matrix().row(clean_row);
    const auto squared_norm = [](std::span<const T> x) {
      double sum = 0;
      for (const T value : x) sum += static_cast<double>(value) * static_cast<double>(value);
      return sum;
    };
    const double clean_norm = std::sqrt(squared_norm(clean_feature));
    NonVacuity& moved = study_.non_vacuity;
    const double share = 1 / static_cast<double>(n_row() * plan_.n_dose);
    for (Index d = 0; d < plan_.n_dose; ++d) {
      study_.response.value.matrix()(i, d) = dosed(study_.activation[static_cast<std::size_t>(i)],
                                                   study_.doses[static_cast<std::size_t>(d)]);
      moved.reaches = moved.reaches || effect(d).reaches;
      moved.mean_site_change += share * effect(d).largest_change;
      moved.largest_site_change = std::max(moved.largest_site_change, effect(d).largest_change);
      std::vector<T> change;
      const std::span<const T> feature = result.values.matrix().row(from + d);
      for (std::size_t c = 0; c < feature.size(); ++c)
        change.push_back(feature[c] - clean_feature[c]);
      const double norm = std::sqrt(squared_norm(change));
      moved.mean_feature_change += share * norm;
      if (clean_norm > 0) moved.mean_feature_relative += share * norm / clean_norm;
      const double report_change = std::abs(reports_.matrix()(i, d) - clean_report);
      moved.mean_report_change += share * report_change;
      moved.largest_report_change = std::max(moved.largest_report_change, report_change);
    }
    for (std::size_t c = 0; c < control_values_.size(); ++c) {
      const MatrixView<double> values = control_values_[c].matrix();
      const double own = own_values_.matrix()(i, study_.controls[c].unit.unit);
      for (Index d = 0; d < values.cols; ++d)
        values(i, d) = dosed(own, control_doses_[c][static_cast<std::size_t>(d)]);
    }
    const std::span<const T> no_op = result.values.matrix().row(from + plan_.no_op);
    for (std::size_t c = 0; c < no_op.size(); ++c)
      n_no_op_changed_ += std::memcmp(&no_op[c], &clean_feature[c], sizeof(T)) == 0 ? 0 : 1;
    add_closed_form_bound(clean_feature);
  }

  // Reports of some of a row's patches, as a matrix.
  Tensor<double> reports_at(Index first, Index n) const {
    Tensor<double> reports({n_row(), n});
    for (Index i = 0; i < n_row(); ++i)
      std::ranges::copy(reports_.matrix().columns(first, n).row(i),
                        reports.matrix().row(i).begin());
    return reports;
  }

  void analyse() {
    const NonVacuity& moved = study_.non_vacuity;
    if (!moved.reaches)
      throw ArgumentError(
          ErrorCode::wrong_site,
          fmt::format("patch: the reporter reads {} before {} is computed, or at an earlier token",
                      study_.read_out, study_.site),
          "no patch of the neuron can reach such a report");
    if (moved.largest_site_change == 0)
      throw CheckError(fmt::format("patch: no dose changed {}", study_.site),
                       "choose doses that differ from the neuron's own values");
    DoseResponse& response = study_.response;
    response.report = reports_at(0, plan_.n_dose);
    BootstrapOptions bootstrap = options_.bootstrap;
    study_.total = causal_gain(response, study_.range, bootstrap);
    study_.none = gain_equivalence(response, study_.range, 0, options_.equivalence, bootstrap);
    study_.ideal = gain_equivalence(response, study_.range, 1, options_.equivalence, bootstrap);
    study_.verdict = gain_verdict(study_.total, study_.none, study_.ideal);
    std::optional<Tensor<double>> direct_report;
    if (plan_.direct >= 0) {
      direct_report = reports_at(plan_.direct, plan_.n_dose);
      const DoseResponse direct{response.value, *direct_report, response.group};
      study_.direct = causal_gain(direct, study_.range, bootstrap);
      study_.indirect = gain_difference(response, direct, study_.range, bootstrap);
    }
    study_.points =
        dose_points(response, study_.doses, study_.clean_report, study_.range, direct_report);
    measure_typicality();
    analyse_controls();
    Index k = plan_.ablations;
    for (const AblationMode mode : options_.ablations) {
      study_.ablations.emplace_back(mode, necessity(study_.activation, study_.clean_report,
                                                    column(std::as_const(reports_).matrix(), k++),
                                                    response.group, bootstrap));
    }
    if (n_donor_ > 0) {
      const MatrixView<const double> donors(donors_.data(), n_row(), n_donor_);
      study_.interchange = sufficiency(donors, reports_at(plan_.donors, n_donor_).matrix(),
                                       options_.n_shuffle, options_.seed);
    }
  }

  void analyse_controls() {
    Index k = plan_.controls;
    std::vector<double> gains;
    for (std::size_t c = 0; c < study_.controls.size(); ++c) {
      const Index n = control_values_[c].matrix().cols;
      UnitGain& control = study_.controls[c];
      const DoseResponse response{control_values_[c], reports_at(k, n), study_.response.group};
      control.gain = causal_gain(response, control.range, options_.bootstrap);
      k += n;
      if (control.gain.gain.estimate) gains.push_back(std::abs(*control.gain.gain.estimate));
    }
    if (gains.empty() || !study_.total.gain.estimate) return;
    const double own = std::abs(*study_.total.gain.estimate);
    study_.control_percentile = 100 * percentile_rank(gains, own);
    study_.control_p_value = permutation_p_value(gains, own);
  }

  // P9: read straight off the last stream by a linear head, the gain is W_out[n] · w.
  std::optional<std::vector<double>> closed_form_weight() const {
    if (target_.kind != TargetKind::neuron_post || site_.layer != config_.n_layers - 1 ||
        reader_.read_out().site.kind != HookKind::resid_post || !reader_.read_out().columns.empty())
      return std::nullopt;
    return reader_.linear_weight();
  }

  void add_closed_form_bound(std::span<const T> feature) {
    const auto weight = closed_form_weight();
    if (!weight) return;
    double magnitude = 0;
    for (std::size_t c = 0; c < feature.size(); ++c)
      magnitude += std::abs((*weight)[c] * static_cast<double>(feature[c]));
    largest_magnitude_ = std::max(largest_magnitude_, magnitude);
  }

  void check() {
    const double tolerance = patch_tolerance<T>(config_);
    if (recheck_.n > 0) {
      study_.checks.push_back(make_check(
          "P7", "patched runs that compute what a patch reaches give what whole runs give",
          recheck_.largest_relative / tolerance, 1,
          fmt::format("largest difference of {} read-outs as a fraction of its rounding bound",
                      recheck_.n)));
    }
    study_.checks.push_back(make_check("P3",
                                       study_.most_tokens == 1
                                           ? "a neuron set to its own value changes nothing"
                                           : "a neuron times 1 changes nothing",
                                       static_cast<double>(n_no_op_changed_), 0,
                                       "numbers of the read-outs that differ in any bit"));
    const auto weight = closed_form_weight();
    if (!weight || !study_.total.gain.estimate) return;
    for (const Index row : study_.row) {
      const auto r = static_cast<std::size_t>(row);
      if (patch_position_[r] != data_.feature_position[r]) return;
    }
    const double slope = dot(write_, *weight);
    // The slope of rounding errors e of the reports is at most max |e| / sd of the doses.
    const std::vector<double> in_range = [&] {
      std::vector<double> values;
      for (const double value : study_.response.value.values()) {
        if (study_.range.holds(value)) values.push_back(value);
      }
      return values;
    }();
    const double mean = std::accumulate(in_range.begin(), in_range.end(), 0.0) /
                        static_cast<double>(in_range.size());
    double squares = 0;
    for (const double value : in_range) squares += (value - mean) * (value - mean);
    const double sd = std::sqrt(squares / static_cast<double>(in_range.size()));
    const double u =
        sizeof(T) == 4 ? unit_roundoff(Precision::float32) : unit_roundoff(Precision::float64);
    // Twice: the stream is rounded once, and the head's sums are in double.
    const double bound = 2 * u * largest_magnitude_ / sd;
    study_.checks.push_back(make_check("P9",
                                       "in the last block a linear head's gain is W_out[n] · w",
                                       std::abs(*study_.total.gain.estimate - slope) / bound, 1,
                                       "difference as a fraction of its rounding bound"));
  }

  const Model& model_;
  const ModelConfig& config_;
  const ReporterData& data_;
  PatchStudyOptions options_;
  ReportReader<T> reader_;
  Target target_;
  Site site_;
  std::vector<Index> patch_position_;       // of each row of the data: the unit's own token
  std::vector<std::vector<Index>> tokens_;  // of each row of the data: all that are patched
  std::vector<Index> training_;
  Tensor<double> training_values_;  // [n_training, width] of the patched site
  Tensor<double> own_values_;       // [n_row, width]
  std::vector<double> target_training_;
  std::vector<std::vector<double>> control_doses_;
  std::vector<Tensor<double>> control_values_;
  std::optional<Site> direct_site_;
  std::vector<double> write_;
  Index n_donor_ = 0;
  std::vector<double> donors_;     // [n_row, n_donor]
  std::vector<double> resampled_;  // [n_row]
  RowPlan plan_;
  Tensor<double> reports_;  // [n_row, patches of a row]
  std::vector<Index> n_recheck_;
  PatchRecheck recheck_;
  Index n_no_op_changed_ = 0;
  double largest_magnitude_ = 0;
  PatchStudy study_;
};

}  // namespace

std::vector<Index> resolve_tokens(const std::vector<TokenRange>& ranges, Index n_token) {
  std::vector<Index> tokens;
  for (const TokenRange& range : ranges) {
    const Index first = range.first < 0 ? n_token + range.first : range.first;
    const Index last = range.last < 0 ? n_token + range.last : range.last;
    if (first < 0 || last >= n_token || first > last)
      throw ArgumentError(ErrorCode::out_of_range,
                          fmt::format("patch: tokens {} to {} of a text of {} tokens", range.first,
                                      range.last, n_token),
                          "negative numbers count from the end: -3:-1 are the last three");
    for (Index token = first; token <= last; ++token) tokens.push_back(token);
  }
  std::ranges::sort(tokens);
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
  return tokens;
}

std::string_view dose_mode_name(DoseMode mode) {
  constexpr std::array<std::string_view, 3> kNames = {"set", "add", "scale"};
  return kNames[static_cast<std::size_t>(mode)];
}

std::string_view ablation_mode_name(AblationMode mode) {
  constexpr std::array<std::string_view, 3> kNames = {"zero", "mean", "resample"};
  return kNames[static_cast<std::size_t>(mode)];
}

template <class T>
PatchStudy study_patches(const ReportModel<T>& model, const PatchStudyOptions& options) {
  return PatchStudyRun<T>(model, options).run();
}

template PatchStudy study_patches<float>(const ReportModel<float>&, const PatchStudyOptions&);
template PatchStudy study_patches<double>(const ReportModel<double>&, const PatchStudyOptions&);

}  // namespace gnomon
