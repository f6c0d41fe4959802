// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/subspace_patch.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "gnomon/analyses/detail/data_rows.h"
#include "gnomon/analyses/detail/read_gradient.h"
#include "gnomon/analyses/detail/stream_readers.h"
#include "gnomon/analyses/erased_loss.h"
#include "gnomon/analyses/report_reader.h"
#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "gnomon/directions/direction.h"
#include "gnomon/directions/neuron_directions.h"
#include "gnomon/directions/null_directions.h"
#include "gnomon/stats/erasure.h"
#include "gnomon/stats/groups.h"
#include "gnomon/stats/mahalanobis.h"
#include "gnomon/stats/permutation.h"
#include "gnomon/stats/quantile.h"
#include "gnomon/stats/row_sample.h"

namespace gnomon {
namespace {

// A null-space part with more than this share of the effect goes past the next readers.
constexpr double kPastReaders = 0.1;

// One direction, and the stream it belongs to.
struct Subject {
  std::string name;
  std::string definition;
  Site site;
  std::vector<double> vector;
};

template <class T>
class SubspaceRun {
 public:
  SubspaceRun(const ReportModel<T>& model, const SubspaceOptions& options)
      : model_(model.model()),
        config_(model_.config()),
        data_(model.data()),
        options_(options),
        target_(data_.targets.at(static_cast<std::size_t>(options.target))),
        reader_(model, options.target) {
    rows_ = at_most(data_.rows_of(options.part), options.max_rows,
                    Random(options.seed, "subspace/rows"));
    training_ = at_most(data_.rows_of(Part::train), options.max_rows,
                        Random(options.seed, "subspace/training rows"));
    for (const Index row : rows_) groups_.push_back(data_.group[static_cast<std::size_t>(row)]);
    study_.target = site_at_name(target_.at, config_);
    study_.read_out = reader_.name();
    study_.part = options.part;
    study_.n_row = std::ssize(rows_);
    study_.n_group = rows_.empty() ? 0 : index_groups(groups_).n_group;
    study_.n_training_row = std::ssize(training_);
    if (study_.n_group < 2 || training_.size() < 3)
      throw ArgumentError(
          ErrorCode::bad_data,
          fmt::format("subspaces: {} text groups in the part \"{}\" and {} training rows, expected "
                      "at least 2 and 3",
                      study_.n_group, part_name(options.part), training_.size()));
  }

  SubspaceStudy run() {
    activation_ = column(values_at(target_.at.site, rows_).matrix(), 0);
    training_activation_ = column(values_at(target_.at.site, training_).matrix(), 0);
    draw_donors();
    for (const Subject& subject : subjects()) {
      own_ = values_at(subject.site, rows_);
      natural_rows_ = values_at(subject.site, training_);
      exchange(subject);
      erase(subject);
    }
    if (!reaches_)
      throw ArgumentError(
          ErrorCode::wrong_site,
          fmt::format("subspaces: the reporter reads {} before the streams of {} are computed, or "
                      "at an earlier token",
                      study_.read_out, study_.target),
          "no patch of these streams can reach such a report");
    if (const std::optional<Subject> head = head_subject()) {
      own_ = values_at(head->site, rows_);
      natural_rows_ = values_at(head->site, training_);
      erase(*head);
    }
    study_.checks.insert(
        study_.checks.begin(),
        make_check("P7", "patched runs that compute what a patch reaches give what whole runs give",
                   recheck_.largest_relative / patch_tolerance<T>(config_), 1,
                   fmt::format("largest difference of {} read-outs as a fraction of its rounding "
                               "bound",
                               recheck_.n)));
    return std::move(study_);
  }

 private:
  Index n_row() const { return std::ssize(rows_); }

  // [n, width] at the target's own token; one column where the site has a coordinate.
  Tensor<double> values_at(const Site& site, const std::vector<Index>& rows) const {
    const detail::TextsOfRows texts(data_, rows);
    const SiteAt at{site, target_.at.position};
    RunOptions run;
    run.backend = options_.patch.backend;
    const std::vector<Activations<T>> read =
        capture<T>(model_, texts.ids, {&at, 1}, {}, run).activations;
    return detail::values_of_rows(read.front(), texts, data_, rows, data_.position);
  }

  std::vector<Subject> subjects() const {
    std::vector<Subject> found;
    const Index layer = target_.layer();
    if (target_.is_neuron()) {
      found.push_back({"read",
                       config_.parallel_block
                           ? "mean gradient of the neuron with respect to resid_pre"
                           : "mean gradient of the neuron with respect to resid_mid",
                       {mlp_stream(config_), layer, std::nullopt},
                       detail::mean_read_gradient<T>(model_, data_, target_, training_,
                                                     options_.patch.backend)});
    }
    if (target_.kind == TargetKind::neuron_post) {
      const std::array<Index, 1> own = {target_.index()};
      const Tensor<double> write = write_directions(model_.weights<T>(), layer, own);
      found.push_back({"write",
                       "W_out[n]",
                       {HookKind::resid_post, layer, std::nullopt},
                       {write.values().begin(), write.values().end()}});
    } else if (!target_.is_neuron()) {
      const Site site{written_stream(target_.at.site.kind, config_), layer, std::nullopt};
      std::vector<double> basis(static_cast<std::size_t>(config_.d_model));
      basis[static_cast<std::size_t>(target_.index())] = 1;
      found.push_back({"write", "basis vector", site, std::move(basis)});
    }
    std::erase_if(found, [](const Subject& subject) { return !(norm(subject.vector) > 0); });
    return found;
  }

  // The linear head's own direction, where it reads a stream at the target's token.
  std::optional<Subject> head_subject() const {
    const PatchReadOut& read = reader_.read_out();
    const auto weight = reader_.linear_weight();
    const bool is_stream = read.site.kind == HookKind::resid_pre ||
                           read.site.kind == HookKind::resid_mid ||
                           read.site.kind == HookKind::resid_post;
    if (!weight || !read.columns.empty() || !is_stream || !(norm(*weight) > 0) ||
        data_.position != data_.feature_position)
      return std::nullopt;
    return Subject{"head", "the head's weight", read.site, *weight};
  }

  void draw_donors() {
    Random random(options_.seed, "subspace/donors");
    donor_value_ = Tensor<double>({n_row(), options_.n_donor});
    for (Index i = 0; i < n_row(); ++i) {
      for (Index d = 0; d < options_.n_donor; ++d) {
        std::size_t other = 0;
        do {
          other = random.below(rows_.size());
        } while (groups_[other] == groups_[static_cast<std::size_t>(i)]);
        donor_.push_back(static_cast<Index>(other));
        donor_value_.matrix()(i, d) = activation_[other];
      }
    }
  }

  detail::StreamReaders readers_of(const Subject& subject) const {
    const auto weight = reader_.linear_weight();
    const bool here = reader_.read_out().site == subject.site && reader_.read_out().columns.empty();
    if (!here || !weight) return detail::next_readers<T>(model_, subject.site);
    detail::StreamReaders readers;
    readers.name = "the head";
    readers.reads = Tensor<double>({1, config_.d_model});
    std::ranges::copy(*weight, readers.reads.data());
    return readers;
  }

  // Reports [n] of rows of the stream put in the place of the text's own, with the changes made.
  struct Patched {
    std::vector<double> report;
    std::vector<double> clean;
    double mean_site_change = 0;
  };
  Patched run_rows(const Site& site, const std::vector<Index>& of_row,
                   const std::vector<std::vector<double>>& rows) {
    std::vector<Patch<T>> patches;
    for (std::size_t k = 0; k < rows.size(); ++k) {
      const auto row = static_cast<std::size_t>(rows_[static_cast<std::size_t>(of_row[k])]);
      std::vector<T> values;
      for (const double value : rows[k]) values.push_back(static_cast<T>(value));
      patches.push_back({data_.text[row], site, data_.position[row], data_.feature_position[row],
                         EditMode::set, std::move(values)});
    }
    PatchOptions options = options_.patch;
    options.progress = nullptr;
    const PatchResult<T> result =
        run_patches<T>(model_, data_.ids, patches, reader_.read_out(), options);
    const PatchRecheck check =
        recheck_patches<T>(model_, data_.ids, std::span<const Patch<T>>(patches),
                           reader_.read_out(), result, options_.n_recheck, options_.seed);
    recheck_.n += check.n;
    recheck_.largest_relative = std::max(recheck_.largest_relative, check.largest_relative);
    Patched patched;
    patched.report = reader_.reports(std::as_const(result.values).matrix());
    const std::vector<double> clean = reader_.reports(std::as_const(result.clean).matrix());
    for (std::size_t k = 0; k < rows.size(); ++k) {
      patched.clean.push_back(clean[static_cast<std::size_t>(result.clean_row[k])]);
      patched.mean_site_change += result.effects[k].change_norm / static_cast<double>(rows.size());
      reaches_ = reaches_ || result.effects[k].reaches;
    }
    return patched;
  }

  void exchange(const Subject& subject) {
    SubspaceDirection direction;
    direction.name = subject.name;
    direction.definition = subject.definition;
    direction.site = site_at_name({subject.site, target_.at.position}, config_);
    const NaturalRows natural(std::as_const(natural_rows_).matrix());
    const double typical = quantile(natural.distances(std::as_const(own_).matrix()), 0.99);

    std::vector<std::pair<std::string, std::vector<double>>> parts = {
        {"direction", subject.vector}};
    const detail::StreamReaders readers = readers_of(subject);
    direction.readers = readers.name;
    direction.why_no_split = readers.why;
    if (readers.why.empty()) {
      std::vector<double> seen =
          detail::row_space_part(readers.reads.matrix(), subject.vector, direction.reader_rank);
      std::vector<double> unseen = subject.vector;
      for (std::size_t c = 0; c < unseen.size(); ++c) unseen[c] -= seen[c];
      parts.emplace_back("row_space", std::move(seen));
      parts.emplace_back("null_space", std::move(unseen));
    }
    parts.emplace_back("site", std::vector<double>());

    const double squared = dot(subject.vector, subject.vector);
    std::vector<double> whole;  // change of the report by the direction, each pair
    for (const auto& [name, vector] : parts) {
      SubspacePart part;
      part.name = name;
      const double part_squared = dot(vector, vector);
      if (name != "site") part.length_share = part_squared / squared;
      // The component along the whole direction is exchanged, and enters through this part of it.
      std::vector<std::vector<double>> rows;
      std::vector<Index> of_row;
      Tensor<double> as_rows({std::ssize(donor_), config_.d_model});
      for (std::size_t k = 0; k < donor_.size(); ++k) {
        const Index i = static_cast<Index>(k) / options_.n_donor;
        const std::span<const double> own = std::as_const(own_).matrix().row(i);
        const std::span<const double> donor = std::as_const(own_).matrix().row(donor_[k]);
        std::vector<double> row(own.begin(), own.end());
        if (name == "site") {
          row.assign(donor.begin(), donor.end());
        } else {
          const double difference =
              (dot(donor, subject.vector) - dot(own, subject.vector)) / squared;
          for (std::size_t c = 0; c < row.size(); ++c) row[c] += difference * vector[c];
        }
        std::ranges::copy(row, as_rows.matrix().row(static_cast<Index>(k)).begin());
        rows.push_back(std::move(row));
        of_row.push_back(i);
      }
      const Patched patched = run_rows(subject.site, of_row, rows);
      part.mean_site_change = patched.mean_site_change;
      double products = 0, squares = 0;
      Tensor<double> reports({n_row(), options_.n_donor});
      for (std::size_t k = 0; k < patched.report.size(); ++k) {
        const double change = patched.report[k] - patched.clean[k];
        reports.values()[k] = patched.report[k];
        part.mean_report_change += std::abs(change) / static_cast<double>(patched.report.size());
        if (name == "direction") whole.push_back(change);
        products += change * whole[k];
        squares += whole[k] * whole[k];
      }
      if (squares > 0) part.effect_share = products / squares;
      part.follows =
          sufficiency(std::as_const(donor_value_).matrix(), std::as_const(reports).matrix(),
                      options_.n_shuffle, options_.seed);
      Index n_typical = 0;
      for (const double distance : natural.distances(std::as_const(as_rows).matrix()))
        n_typical += distance <= typical ? 1 : 0;
      part.share_typical = static_cast<double>(n_typical) / static_cast<double>(donor_.size());
      if (name == "null_space")
        direction.past_readers = part.effect_share && std::abs(*part.effect_share) > kPastReaders;
      direction.parts.push_back(std::move(part));
    }
    study_.directions.push_back(std::move(direction));
  }

  // Mean |change of the report| of an erasure, with what it leaves.
  Erasure measure(const Subject& subject, std::string method, std::string name,
                  const RankOneErasure& erasure) {
    Erasure result;
    result.method = std::move(method);
    result.direction = std::move(name);
    result.site = site_at_name({subject.site, target_.at.position}, config_);
    std::vector<std::vector<double>> rows;
    std::vector<Index> of_row;
    for (Index i = 0; i < n_row(); ++i) {
      const std::span<const double> own = std::as_const(own_).matrix().row(i);
      rows.push_back(result.method == "keep_only" ? erasure.kept(own) : erasure.erased(own));
      of_row.push_back(i);
    }
    const Patched patched = run_rows(subject.site, of_row, rows);
    result.mean_site_change = patched.mean_site_change;
    result.effect =
        necessity(activation_, patched.clean, patched.report, groups_, options_.bootstrap);
    return result;
  }

  void erase(const Subject& subject) {
    const MatrixView<const double> natural = std::as_const(natural_rows_).matrix();
    const RankOneErasure projection = mean_projection(natural, subject.vector);
    Erasure erased = measure(subject, "mean_projection", subject.name, projection);
    std::vector<RankOneErasure> maps = {projection};
    if (options_.n_random > 0) {
      const Tensor<double> random =
          covariance_matched_directions(natural_rows_, options_.n_random,
                                        Random(options_.seed, "subspace/random " + subject.name));
      std::vector<double> changes;
      for (Index k = 0; k < options_.n_random; ++k) {
        const RankOneErasure other = mean_projection(natural, random.matrix().row(k));
        changes.push_back(measure(subject, "mean_projection", "random", other).effect.mean_change);
        if (k < options_.n_random_loss) maps.push_back(other);
      }
      erased.percentile = 100 * percentile_rank(changes, erased.effect.mean_change);
      erased.p_value = permutation_p_value(changes, erased.effect.mean_change);
    }
    const auto [low, high] = std::ranges::minmax(training_activation_);
    const bool forgets_activation = subject.name == "write" && low < high;
    if (forgets_activation) maps.push_back(leace(natural, training_activation_));
    const std::vector<double> changes = loss_changes(subject.site, maps);
    if (!changes.empty()) {
      erased.loss_change = changes.front();
      const auto n_random = std::ssize(maps) - (forgets_activation ? 2 : 1);
      if (n_random > 0)
        erased.random_loss_change =
            std::accumulate(changes.begin() + 1, changes.begin() + 1 + n_random, 0.0) /
            static_cast<double>(n_random);
    }
    study_.erasures.push_back(std::move(erased));
    study_.erasures.push_back(measure(subject, "keep_only", subject.name, projection));
    if (!forgets_activation) return;
    Erasure forgotten = measure(subject, "leace", "activation", maps.back());
    if (!changes.empty()) forgotten.loss_change = changes.back();
    study_.erasures.push_back(std::move(forgotten));
    check_leace(maps.back());
  }

  // Nats per token that the next-token loss grows by under each map; empty where no text has a next
  // token.
  std::vector<double> loss_changes(const Site& site, const std::vector<RankOneErasure>& maps) {
    const detail::TextsOfRows texts(
        data_, at_most(rows_, options_.max_loss_texts, Random(options_.seed, "subspace/loss")));
    RunOptions run;
    run.backend = options_.patch.backend;
    const ErasedLosses losses = erased_losses<T>(model_, texts.ids, site, maps, run);
    std::vector<double> changes;
    study_.n_loss_token = losses.clean.n_token;
    if (losses.clean.n_token == 0) return changes;
    study_.lm_loss = losses.clean.mean();
    for (const LanguageModelLoss& erased : losses.erased)
      changes.push_back(erased.mean() - losses.clean.mean());
    return changes;
  }

  // No linear predictor does better than the mean where no column has a covariance with the
  // activation. Of column c what rounding leaves of its correlation is, in units of its spread
  // before, at most a few roundings of its magnitude and of the removed part.
  void check_leace(const RankOneErasure& map) {
    const MatrixView<const double> natural = std::as_const(natural_rows_).matrix();
    const auto n = static_cast<double>(natural.rows);
    const auto d = static_cast<std::size_t>(natural.cols);
    double z_mean = 0, z_squares = 0;
    for (const double z : training_activation_) z_mean += z / n;
    for (const double z : training_activation_) z_squares += (z - z_mean) * (z - z_mean);
    std::vector<double> product(d), squares(d), largest(d);
    for (Index i = 0; i < natural.rows; ++i) {
      const std::span<const double> row = natural.row(i);
      const std::vector<double> erased = map.erased(row);
      const double z = training_activation_[static_cast<std::size_t>(i)] - z_mean;
      for (std::size_t c = 0; c < d; ++c) {
        product[c] += (erased[c] - map.mean[c]) * z;
        squares[c] += (row[c] - map.mean[c]) * (row[c] - map.mean[c]);
        largest[c] = std::max(largest[c], std::abs(row[c]));
      }
    }
    double cancelling = 1;
    for (std::size_t c = 0; c < d; ++c) cancelling += std::abs(map.read[c] * map.remove[c]);
    const double u = std::numeric_limits<double>::epsilon() / 2;
    double worst = 0;
    for (std::size_t c = 0; c < d; ++c) {
      if (!(squares[c] > 0)) continue;
      const double r = std::abs(product[c]) / std::sqrt(squares[c] * z_squares);
      const double scale = 1 + largest[c] / std::sqrt(squares[c] / n);
      worst = std::max(worst, r / (8 * std::sqrt(n) * u * scale * cancelling));
    }
    study_.checks.push_back(
        make_check("C4", "after LEACE no column tells the activation on the training rows", worst,
                   1, "largest correlation as a fraction of its rounding bound"));
  }

  const Model& model_;
  const ModelConfig& config_;
  const ReporterData& data_;
  SubspaceOptions options_;
  Target target_;
  ReportReader<T> reader_;
  std::vector<Index> rows_, training_, groups_;
  std::vector<double> activation_, training_activation_;
  std::vector<Index> donor_;  // [n_row, n_donor] numbers among rows_
  Tensor<double> donor_value_;
  Tensor<double> own_;           // [n_row, d_model] of the subject's site
  Tensor<double> natural_rows_;  // [n_training, d_model]
  bool reaches_ = false;
  PatchRecheck recheck_;
  SubspaceStudy study_;
};

}  // namespace

template <class T>
SubspaceStudy study_subspaces(const ReportModel<T>& model, const SubspaceOptions& options) {
  return SubspaceRun<T>(model, options).run();
}

template SubspaceStudy study_subspaces<float>(const ReportModel<float>&, const SubspaceOptions&);
template SubspaceStudy study_subspaces<double>(const ReportModel<double>&, const SubspaceOptions&);

}  // namespace gnomon
