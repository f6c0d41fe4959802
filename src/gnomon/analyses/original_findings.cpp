// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/original_findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <tuple>
#include <utility>

#include "gnomon/analyses/detail/original_conclusions.h"
#include "gnomon/base/quote.h"

namespace gnomon {
namespace {

// Eval-mode error this many times the training-mode loss of the same rows is no longer the lag of a
// running mean behind the weights.
constexpr double kLossRatio = 2;
// |cosine| of a head with the draws of seed 42, in units of 1 / sqrt(width), above which the head
// did begin there.
constexpr double kInitSigmas = 6;

std::string number_text(const std::optional<double>& value, int decimals = 3) {
  return value ? fmt::format("{:.{}f}", *value, decimals) : std::string("unknown");
}

bool is_residual_coordinate(const OriginalRun& run) {
  return run.layer_type == "mlp_out" || run.layer_type == "resid_post";
}

bool parameters_changed(const OriginalRun& run) {
  return !run.unfreeze_strategy.empty() && run.unfreeze_strategy != "none";
}

bool loss_mismatch(const std::optional<OriginalLossPair>& pair) {
  return pair && pair->train_mode > 0 && pair->evaluation_mode > kLossRatio * pair->train_mode;
}

bool began_at_init(const OriginalHeadAudit& head, const std::optional<Index>& width) {
  return head.init_cosine && width && *width > 0 &&
         *head.init_cosine > kInitSigmas / std::sqrt(static_cast<double>(*width));
}

class Finder {
 public:
  Finder(const OriginalRun& run, const OriginalAudit& audit) : run_(run), audit_(audit) {}

  std::vector<OriginalFinding> find() && {
    target();
    padding();
    forward_mismatch();
    leakage();
    head();
    unsaved_weights();
    analyses();
    numbers();
    drift();
    provenance();
    files();
    std::ranges::stable_sort(found_, {}, [](const OriginalFinding& finding) {
      // "D3b" stands behind "D3", and "D10" behind "D9".
      int number = 0;
      std::from_chars(finding.id.data() + 1, finding.id.data() + finding.id.size(), number);
      return std::tuple(finding.severity, finding.id[0], number);
    });
    return std::move(found_);
  }

 private:
  void add(const char* id, FindingSeverity severity, std::string title, std::string evidence,
           const char* rule) {
    found_.push_back({id, severity, std::move(title), std::move(evidence), rule});
  }

  void target() {
    if (!is_residual_coordinate(run_) || !run_.layer || !run_.index) return;
    std::string evidence = fmt::format(
        "layer_type \"{0}\" is blocks.{1}.hook_{0}, {2} wide; its coordinate {3} is not the neuron "
        "blocks.{1}.mlp.hook_post[{3}]",
        run_.layer_type, *run_.layer,
        run_.d_model ? fmt::format("{} numbers", *run_.d_model) : "d_model", *run_.index);
    if (run_.weights_analysis.is_object() || run_.projections.is_object()) {
      evidence += fmt::format(
          "; the stored weight and projection analyses take W_in[:, {0}] and W_out[{0}] "
          "of that unrelated neuron",
          *run_.index);
    }
    add("D1", FindingSeverity::fatal, "The target is a coordinate of the stream, not an MLP neuron",
        std::move(evidence),
        "a target is a site with its width, and directions are derived from the site");
  }

  void padding() {
    if (!audit_.actuals) return;
    const OriginalActuals& a = *audit_.actuals;
    if (a.n_labelled == 0 || a.n_matching * 2 > a.n_labelled) return;
    add("D2", FindingSeverity::fatal, "The test evaluation did not read the position of the labels",
        fmt::format(
            "{} of {} \"actual\" values equal the label of the same text; r {}; sd {} where "
            "the labels have {}; the first sentence explains {} of their variance, of the "
            "labels' {}; predictions correlate {} with the labels",
            a.n_matching, a.n_labelled, number_text(a.r_with_label, 2), number_text(a.sd_actual),
            number_text(a.sd_label), number_text(a.actual_by_first), number_text(a.label_by_first),
            number_text(a.r_prediction_with_label, 2)),
        "stored and re-measured values are compared before any number is reported");
  }

  void forward_mismatch() {
    if (loss_mismatch(audit_.loss_best) || loss_mismatch(audit_.loss_last)) {
      const OriginalLossPair& pair =
          loss_mismatch(audit_.loss_best) ? *audit_.loss_best : *audit_.loss_last;
      std::string evidence = fmt::format(
          "epoch {}: loss of the training rows {:.3f} in training mode, {:.3f} in evaluation mode, "
          "{:.0f} times as much",
          pair.epoch, pair.train_mode, pair.evaluation_mode,
          pair.evaluation_mode / pair.train_mode);
      if (audit_.val_r2_bound) {
        evidence +=
            fmt::format("; val R² {} there, and at most {:.2f} with the best constant subtracted",
                        number_text(audit_.val_r2_best, 2), *audit_.val_r2_bound);
      }
      add("D3", FindingSeverity::fatal, "Training and evaluation ran different forward passes",
          std::move(evidence), "training-mode and evaluation-mode losses of the same rows agree");
    }
    if (audit_.examples && audit_.loss_last && loss_mismatch(audit_.loss_last) &&
        audit_.examples->mse * kLossRatio < audit_.loss_last->evaluation_mode) {
      add("D3b", FindingSeverity::wrong, "The reloaded model predicts by the training-mode pass",
          fmt::format(
              "{} logged examples have a squared error of {:.2f}, the evaluation of the same "
              "model {:.1f}; {} of them are rows of the data set, {} of train",
              audit_.examples->n, audit_.examples->mse, audit_.loss_last->evaluation_mode,
              audit_.examples->n_in_data, audit_.examples->n_in_train),
          "a reloaded reporter reproduces the stored reports");
    }
  }

  void leakage() {
    if (audit_.n_distinct == audit_.n_row) return;
    std::string evidence = fmt::format("{} rows are {} distinct texts, one of them {} times",
                                       audit_.n_row, audit_.n_distinct, audit_.max_multiplicity);
    if (audit_.splits) {
      const OriginalSplits& s = *audit_.splits;
      evidence += fmt::format(
          "; {} of {} val rows and {} of {} test rows have their text in train; looking it up "
          "scores "
          "R² {} and {}, the sum of two sentence effects {} and {}",
          s.val.n_with_text_in_train, s.val.rows.size(), s.test.n_with_text_in_train,
          s.test.rows.size(), number_text(audit_.lookup.val_r2), number_text(audit_.lookup.test_r2),
          number_text(audit_.sentences.val_r2), number_text(audit_.sentences.test_r2));
    } else {
      evidence += "; the parts are not known: " + audit_.why_no_splits;
    }
    add("D4", FindingSeverity::fatal, "The same texts stand in train, validation and test",
        std::move(evidence), "parts are split by text group, and baselines are in every table");
  }

  void head() {
    if (!audit_.head) return;
    const OriginalHeadAudit& head = *audit_.head;
    if (head.equals_random_init.value_or(false)) {
      add("D5", FindingSeverity::fatal, "The head is its random initialisation, and was analysed",
          fmt::format(
              "all {} weights are what torch draws from seed 42, to {:.0e}, and the bias is "
              "exactly 0; unfreezing \"{}\" kept the head frozen",
              weights(), *head.init_distance, run_.unfreeze_strategy),
          "what is analysed was trained, or is named random");
    } else if (head.learned_norm && began_at_init(head, run_.d_model)) {
      std::string evidence = fmt::format(
          "cosine {:.3f} with what torch draws from seed 42: {:.0f} % of its squared norm lies "
          "along it; the "
          "learned part has norm {:.3f} of {:.3f}, no weight moved by more than {:.3f}, and a "
          "direction equal to the learned part would have cosine {:.2f} with the head",
          *head.init_cosine, 100 * *head.init_cosine * *head.init_cosine, *head.learned_norm,
          head.weight_norm, *head.largest_change, learned_cosine(head));
      if (head.target_rank && head.target_learned_rank) {
        evidence +=
            fmt::format("; coordinate {} ranks {} of {} by |weight|, {} by |change|", *run_.index,
                        *head.target_rank, weights(), *head.target_learned_rank);
      }
      add("D7", FindingSeverity::fatal, "The trained head is mostly its initialisation",
          std::move(evidence),
          "the learned change or a ridge solution is analysed, with its pattern, not raw weights");
    }
  }

  Index weights() const {
    const OriginalHead& head = run_.best_head ? *run_.best_head : *run_.final_head;
    return head.find("output.weight")->size();
  }

  // cos(weight, weight - init) from the three norms.
  static double learned_cosine(const OriginalHeadAudit& head) {
    const double w = head.weight_norm;
    const double dot = w * w - *head.init_cosine * w * *head.init_norm;
    return dot / (w * *head.learned_norm);
  }

  void unsaved_weights() {
    if (!parameters_changed(run_) || !run_.best_head) return;
    std::string evidence = fmt::format(
        "unfreezing \"{}\" changed the model, and head.pt with {} tensors of the head is all that "
        "was saved",
        run_.unfreeze_strategy, run_.best_head->tensors.size());
    if (audit_.head && audit_.head->best_equals_final.value_or(false) && run_.training &&
        run_.training->best_epoch && *run_.training->best_epoch != run_.training->n_epoch()) {
      evidence +=
          fmt::format("; the heads of the best epoch {} and of the last, {}, are the same bytes",
                      *run_.training->best_epoch, run_.training->n_epoch());
    }
    if (audit_.drift) {
      evidence += fmt::format(
          "; activations went from {:.2f} (sd {:.2f}) to {:.2f} ({:.2f}) while the labels stayed, "
          "r of the last ones with the labels {}",
          audit_.drift->initial_mean, audit_.drift->initial_sd, audit_.drift->final_mean,
          audit_.drift->final_sd, number_text(audit_.drift->r_final_with_label, 2));
    }
    add("D6", FindingSeverity::fatal, "What training changed was not saved", std::move(evidence),
        "everything that changed is saved for best and last, and a reload reproduces the reports");
  }

  const OriginalProjection* projection(std::string_view name) const {
    for (const OriginalProjection& p : audit_.projections) {
      if (p.name == name) return &p;
    }
    return nullptr;
  }

  void analyses() {
    if (const OriginalProjection* input = projection("input")) {
      add("D8", FindingSeverity::wrong, "The input projection is not of what the neuron reads",
          fmt::format("r {:.3f} of resid_pre times W_in with the activation: a neuron reads the "
                      "stream after attention and LayerNorm, where r with its pre-activation is 1",
                      input->r),
          "a direction is projected on the stream of its own site");
    }
    if (!audit_.projections.empty()) {
      std::string evidence;
      for (const OriginalProjection& p : audit_.projections) {
        evidence += fmt::format(
            "{}{} r {:.3f}, p stored {}, log10 p {:.2f} of {} rows and {:.2f} of {} texts",
            evidence.empty() ? "" : "; ", p.name, p.r,
            p.stored_p ? fmt::format("{:.2g}", *p.stored_p) : "not", p.by_rows.log10_p,
            audit_.n_row, p.by_texts.log10_p, audit_.n_distinct);
      }
      add("D10", FindingSeverity::wrong, "Stored p-values are cancelled to 0 and count rows twice",
          std::move(evidence), "p is given with log10 p, an interval and the number of texts");
      add("D18", FindingSeverity::weak,
          "Projections are scored on the rows the head was trained on",
          fmt::format("all {} rows, {}, and no split was stored", audit_.n_row,
                      audit_.splits
                          ? fmt::format("{} of them train", audit_.splits->train.rows.size())
                          : "train among them"),
          "analyses score held-out rows by default");
    }
    Index largest_bin = -1;
    for (const OriginalRow& row : run_.rows) {
      if (row.bin) largest_bin = std::max(largest_bin, *row.bin);
    }
    if (run_.num_bins && largest_bin >= *run_.num_bins) {
      add("D13", FindingSeverity::wrong, "The largest activation has a class that does not exist",
          fmt::format("bin {} of {}, counted from 0", largest_bin, *run_.num_bins),
          "labels are 0 to K - 1 by construction");
    }
  }

  void numbers() {
    if (audit_.schedule && audit_.schedule->start > 0) {
      const OriginalSchedule& s = *audit_.schedule;
      add("D9", FindingSeverity::wrong, "The learning-rate schedule hardly moved",
          fmt::format("its length is {} steps of {} x {} epochs, and it moved once an epoch, {} "
                      "times: {:.3g} became {:.3g}, {:.1f} % of it",
                      s.t_max, s.steps_per_epoch, s.t_max / s.steps_per_epoch, s.n_epoch, s.start,
                      s.end, 100 * s.end / s.start),
          "a schedule is stepped in the unit of its length");
    }
    if (run_.training && run_.training->val_loss.back() && run_.training->val.back().mse) {
      const double batches = *run_.training->val_loss.back();
      const double rows = *run_.training->val.back().mse;
      constexpr double kRounding = 1e-5;
      if (std::abs(batches - rows) > kRounding * std::abs(rows) && !loss_is_cross_entropy()) {
        add("D12", FindingSeverity::wrong, "The validation loss weights batches, not rows",
            fmt::format("last epoch: {:.4f} as the mean of batch means, {:.4f} over rows; it chose "
                        "the best epoch",
                        batches, rows),
            "a loss over a part is the mean over its rows");
      }
    }
    const Json* performance = member_of(run_.summary, "performance_summary");
    const Json* improvement =
        performance == nullptr ? nullptr : member_of(*performance, "mse_improvement_pct");
    if (improvement != nullptr && improvement->is_number()) {
      add("D16", FindingSeverity::weak, "The improvement is measured from an arbitrary start",
          fmt::format(
              "{:.2f} % against the error of a random head, not against the variance of the "
              "labels, {:.2f}",
              improvement->get<double>(), audit_.label_sd * audit_.label_sd),
          "a score is given against the mean and other baselines");
    }
  }

  bool loss_is_cross_entropy() const { return run_.head_type != "regression"; }

  static const Json* member_of(const Json& object, const char* key) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
  }

  void drift() {
    if (!audit_.drift || audit_.drift->kl.size() < 2) return;
    std::string evidence;
    for (const OriginalKl& kl : audit_.drift->kl) {
      evidence += fmt::format("{}{:.2f} for epsilon {:.0e}", evidence.empty() ? "KL is " : ", ",
                              kl.nats, kl.epsilon);
    }
    evidence += fmt::format(
        "; {} of {} final values lie outside the range and were dropped; Wasserstein-1 {:.2f}, "
        "Kolmogorov-Smirnov {:.2f}",
        audit_.drift->n_outside, audit_.drift->n, audit_.drift->wasserstein1,
        audit_.drift->kolmogorov_smirnov);
    add("D11", FindingSeverity::wrong, "The divergence is that of its epsilon", std::move(evidence),
        "distributions are compared by Wasserstein-1 and KS; KL only with its smoothing stated");
  }

  void provenance() {
    add("D37", FindingSeverity::weak, "One target, one seed, no controls",
        fmt::format("{} target in the run, no shuffled labels, no other neurons, no intervals",
                    run_.index ? 1 : 0),
        "a claim has several neurons and seeds, controls and intervals");
    if (run_.log && run_.log->raw_output_lines) {
      add("D41", FindingSeverity::note, "The published program is not the one that made the run",
          "the log has lines \"Raw model output:\" that it does not print; no version, seed or "
          "split "
          "is stored",
          "seed, versions, hashes and splits are stored with a result");
    }
  }

  void files() {
    struct Kind {
      OriginalFileState state;
      const char* id;
      FindingSeverity severity;
      const char* title;
      const char* rule;
    };
    static constexpr Kind kKinds[] = {
        {OriginalFileState::missing, "I1", FindingSeverity::note, "Files are missing",
         "a run holds everything its numbers come from"},
        {OriginalFileState::unreadable, "I2", FindingSeverity::wrong,
         "Files are not of their format and were left out", "a file is whole or absent"},
        {OriginalFileState::foreign, "I3", FindingSeverity::note, "Files that no run has",
         "a run lists its files"},
        {OriginalFileState::not_finite, "I4", FindingSeverity::wrong, "Numbers are NaN or infinite",
         "a number that does not exist is null with its reason"},
        {OriginalFileState::stale_path, "I5", FindingSeverity::note,
         "Stored paths lead nowhere; files were found by their names",
         "paths in a run are relative to it"},
        {OriginalFileState::contradictory, "I6", FindingSeverity::wrong,
         "Files contradict each other", "one number has one place"},
    };
    for (const Kind& kind : kKinds) {
      std::string evidence;
      std::size_t n = 0;
      constexpr std::size_t kMostNamed = 6;
      for (const OriginalFileNote& note : run_.notes) {
        if (note.state != kind.state || ++n > kMostNamed) continue;
        evidence += fmt::format("{}{}: {}", n == 1 ? "" : "; ", note.path, note.what);
      }
      if (n > kMostNamed) evidence += fmt::format("; and {} more", n - kMostNamed);
      if (n > 0) add(kind.id, kind.severity, kind.title, std::move(evidence), kind.rule);
    }
  }

  const OriginalRun& run_;
  const OriginalAudit& audit_;
  std::vector<OriginalFinding> found_;
};

}  // namespace

std::string_view severity_name(FindingSeverity severity) {
  switch (severity) {
    case FindingSeverity::fatal:
      return "fatal";
    case FindingSeverity::wrong:
      return "wrong";
    case FindingSeverity::weak:
      return "weak";
    case FindingSeverity::note:
      return "note";
  }
  return "note";
}

std::vector<OriginalFinding> find_defects(const OriginalRun& run, const OriginalAudit& audit) {
  return Finder(run, audit).find();
}

namespace detail {

std::vector<OriginalConclusion> original_conclusions(const OriginalRun& run,
                                                     const OriginalAudit& audit) {
  std::vector<OriginalConclusion> found;
  const bool leaks = audit.splits && audit.splits->test.n_with_text_in_train > 0;
  if (run.unfreeze_strategy == "none") {
    OriginalConclusion claim{"A head on the frozen model learns to predict the activation", "open",
                             ""};
    if (leaks) {
      claim.verdict = "not shown";
      claim.why =
          fmt::format("val R² {} where looking up the text scores {} and two sentence effects {}",
                      number_text(audit.val_r2_last), number_text(audit.lookup.val_r2),
                      number_text(audit.sentences.val_r2));
    } else {
      claim.why = "no training text was found among the test rows, or the parts are unknown";
    }
    found.push_back(std::move(claim));
  } else if (run.unfreeze_strategy == "all") {
    OriginalConclusion claim{"A fully unfrozen model regularises the neuron", "open",
                             "the activations after training are not in the run"};
    if (audit.drift && audit.drift->r_final_with_label) {
      claim.verdict = "refuted";
      claim.why = fmt::format(
          "the labels are a fixed file with sd {:.2f}, the loss never has the live activation, and "
          "that one has r {:.2f} with the labels after training",
          audit.label_sd, *audit.drift->r_final_with_label);
    }
    found.push_back(std::move(claim));
  } else if (!run.unfreeze_strategy.empty()) {
    OriginalConclusion claim{"A partly unfrozen model struggles to predict", "open", ""};
    if (loss_mismatch(audit.loss_best) || loss_mismatch(audit.loss_last)) {
      const OriginalLossPair& pair =
          loss_mismatch(audit.loss_best) ? *audit.loss_best : *audit.loss_last;
      claim.verdict = "artefact";
      claim.why = fmt::format(
          "the loss of epoch {} is {:.2f} in training mode and {:.1f} in the pass that was "
          "reported",
          pair.epoch, pair.train_mode, pair.evaluation_mode);
    } else {
      claim.why = "the losses of both modes agree or are not in the run";
    }
    found.push_back(std::move(claim));
  }
  if (run.weights_analysis.is_object() || run.projections.is_object()) {
    OriginalConclusion claim{"The head uses neither the neuron's input nor its output direction",
                             "open", ""};
    const bool random = audit.head && audit.head->equals_random_init.value_or(false);
    if (is_residual_coordinate(run)) {
      claim.verdict = "untested";
      claim.why = "the directions are those of another neuron";
      if (random) {
        claim.why += ", and the head is random";
      } else if (audit.head && began_at_init(*audit.head, run.d_model)) {
        claim.why += fmt::format(", and {:.0f} % of the head's squared norm is its random start",
                                 100 * *audit.head->init_cosine * *audit.head->init_cosine);
      }
    } else {
      claim.why = "a weight cosine alone does not say what a head reads";
    }
    found.push_back(std::move(claim));
  }
  return found;
}

}  // namespace detail
}  // namespace gnomon
