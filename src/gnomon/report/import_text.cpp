// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/import_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "gnomon/report/wrapped_text.h"
#include "gnomon/text/visible_text.h"

namespace gnomon {
namespace {

constexpr int kLabelWidth = 10;
constexpr int kFindingIndent = 7;

TableCell number_cell(const std::optional<double>& value, const char* why, int decimals = 3) {
  return value ? TableCell(fmt::format("{:.{}f}", *value, decimals)) : TableCell::missing(why);
}

std::string header_text(const ImportedRun& imported) {
  const OriginalRun& run = imported.run;
  const OriginalAudit& audit = imported.audit;
  const std::string target = import_target_name(run);
  std::string text =
      labelled_text("Run", visible_text(run.folder.filename().string()), kLabelWidth);
  text += labelled_text(
      "Target",
      fmt::format("{} of {}", target.empty() ? "unknown" : target,
                  run.base_model.empty() ? "an unknown model" : visible_text(run.base_model)),
      kLabelWidth);
  text += labelled_text(
      "Training",
      fmt::format("{} head, unfrozen: {}{}",
                  run.head_type.empty() ? "unknown" : visible_text(run.head_type),
                  run.unfreeze_strategy.empty() ? "unknown" : visible_text(run.unfreeze_strategy),
                  run.training ? fmt::format(", {} epochs", run.training->n_epoch()) : ""),
      kLabelWidth);
  text += labelled_text(
      "Texts",
      fmt::format(
          "{} rows, {} distinct, one {} times{}", audit.n_row, audit.n_distinct,
          audit.max_multiplicity,
          audit.generator_reproduced
              ? fmt::format("; {} draws of the program's generator, made again from seed 42",
                            audit.n_drawn)
              : ""),
      kLabelWidth);
  text += labelled_text("Labels",
                        fmt::format("mean {:.3f}, sd {:.3f}, {:.3f} to {:.3f}", audit.label_mean,
                                    audit.label_sd, audit.label_min, audit.label_max),
                        kLabelWidth);
  return text;
}

std::string parts_text(const OriginalAudit& audit, const TextStyle& style) {
  if (!audit.splits) return labelled_text("Parts", "unknown: " + audit.why_no_splits, kLabelWidth);
  TextTable table({{"part"},
                   {"rows", Align::right},
                   {"distinct", Align::right},
                   {"text in train", Align::right},
                   {"R² look-up", Align::right},
                   {"R² sentences", Align::right}});
  const auto row = [&](const char* name, const OriginalPart& part, bool scored,
                       const std::optional<double>& lookup,
                       const std::optional<double>& sentences) {
    const char* why = "the labels do not vary";
    table.add_row({name, fmt::format("{}", part.rows.size()), fmt::format("{}", part.n_distinct),
                   fmt::format("{}", part.n_with_text_in_train),
                   scored ? number_cell(lookup, why) : TableCell(""),
                   scored ? number_cell(sentences, why) : TableCell("")});
  };
  row("train", audit.splits->train, false, {}, {});
  row("val", audit.splits->val, true, audit.lookup.val_r2, audit.sentences.val_r2);
  row("test", audit.splits->test, true, audit.lookup.test_r2, audit.sentences.test_r2);
  return "\n" + table.render(style);
}

std::string projections_text(const OriginalAudit& audit, const TextStyle& style) {
  if (audit.projections.empty()) return {};
  TextTable table({{"stored projection"},
                   {"r", Align::right},
                   {"p stored", Align::right},
                   {"log10 p, rows", Align::right},
                   {"log10 p, texts", Align::right}});
  for (const OriginalProjection& p : audit.projections) {
    table.add_row({visible_text(p.name), format_r(p.r),
                   p.stored_p ? TableCell(fmt::format("{:.2g}", *p.stored_p))
                              : TableCell::missing("the run does not say"),
                   fmt::format("{:.2f}", p.by_rows.log10_p),
                   fmt::format("{:.2f}", p.by_texts.log10_p)});
  }
  return "\n" + table.render(style);
}

std::string evaluation_text(const OriginalAudit& audit) {
  std::string text;
  if (audit.actuals) {
    const OriginalActuals& a = *audit.actuals;
    text += labelled_text(
        "Test",
        fmt::format(
            "as reported r {}, squared error {:.2f}, but {} of {} \"actual\" values are the "
            "label of their text",
            a.r ? format_r(*a.r) : "undefined", a.mse, a.n_matching, a.n_labelled),
        kLabelWidth);
  }
  if (audit.loss_last) {
    text += labelled_text(
        "Loss",
        fmt::format("last epoch, training rows: {:.3f} in training mode, {:.3f} in evaluation mode",
                    audit.loss_last->train_mode, audit.loss_last->evaluation_mode),
        kLabelWidth);
  }
  if (audit.head) {
    const OriginalHeadAudit& head = *audit.head;
    std::string about = fmt::format("norm {:.6f}", head.weight_norm);
    if (head.bias.size() == 1) about += fmt::format(", bias {:.6g}", head.bias[0]);
    if (head.equals_random_init.value_or(false)) {
      about += ", the random draws of seed 42 unchanged";
    } else if (head.init_cosine) {
      about += fmt::format(", cosine {:.3f} with the random draws of seed 42", *head.init_cosine);
    }
    text += labelled_text("Head", about, kLabelWidth);
  } else {
    text += labelled_text("Head", audit.why_no_head, kLabelWidth);
  }
  return text.empty() ? text : "\n" + text;
}

TableCell r_cell(const std::optional<double>& r) {
  return r ? TableCell(format_r(*r)) : TableCell::missing("a column does not vary");
}

std::string remeasured_text(const ImportedRun& imported, const TextStyle& style) {
  if (!imported.remeasured) return {};
  const OriginalRemeasurement& found = *imported.remeasured;
  std::string text = fmt::format("\nMeasured again with {} at {}\n\n", visible_text(found.model),
                                 visible_text(found.site));
  TextTable table({{"stored"},
                   {"BOS"},
                   {"centred"},
                   {"texts", Align::right},
                   {"r", Align::right},
                   {"largest difference", Align::right},
                   {"the same"}});
  const auto add = [&](const char* what, const std::vector<RemeasuredVariant>& variants) {
    for (const RemeasuredVariant& v : variants) {
      table.add_row({what, v.bos ? "yes" : "no", v.centred ? "yes" : "no", fmt::format("{}", v.n),
                     r_cell(v.r), format_value(v.largest_difference), v.reproduces ? "yes" : "no"});
    }
  };
  add("label", found.labels);
  add("actual", found.padded);
  text += table.render(style);
  if (found.padded.empty())
    text += labelled_text("", "No padded position: " + found.why_no_padded, 2);
  if (found.projections.empty())
    return text + labelled_text("", "No projections: " + found.why_no_projections, 2);
  TextTable projections({{"projection"},
                         {"r rows", Align::right},
                         {"r texts", Align::right},
                         {"of", Align::left, true}});
  for (const RemeasuredProjection& p : found.projections)
    projections.add_row({p.name, r_cell(p.r_rows), r_cell(p.r_texts), p.definition});
  return text + "\n" + projections.render(style);
}

std::string conclusions_text(const OriginalAudit& audit) {
  if (audit.conclusions.empty()) return {};
  std::string text = "\nWhat remains of its conclusions\n";
  for (const OriginalConclusion& conclusion : audit.conclusions) {
    text += labelled_text("  " + conclusion.verdict,
                          fmt::format("{}: {}", conclusion.claim, conclusion.why), 14);
  }
  return text;
}

std::string findings_text(const ImportedRun& imported) {
  std::string text;
  for (const FindingSeverity severity : {FindingSeverity::fatal, FindingSeverity::wrong,
                                         FindingSeverity::weak, FindingSeverity::note}) {
    bool first = true;
    for (const OriginalFinding& finding : imported.findings) {
      if (finding.severity != severity) continue;
      if (first) {
        static constexpr std::array kHeadings = {
            "Fatal: a conclusion does not hold", "Wrong: a number is not what it is called",
            "Weak: the method cannot bear the conclusion", "To know"};
        text += fmt::format("\n{}\n", kHeadings[static_cast<std::size_t>(severity)]);
        first = false;
      }
      text += labelled_text("  " + finding.id, finding.title, kFindingIndent);
      text += labelled_text("", visible_text(finding.evidence), kFindingIndent);
    }
  }
  return text;
}

}  // namespace

std::string import_text(const ImportedRun& imported, const TextStyle& style) {
  const std::string text = header_text(imported) + parts_text(imported.audit, style) +
                           projections_text(imported.audit, style) +
                           evaluation_text(imported.audit) + remeasured_text(imported, style) +
                           conclusions_text(imported.audit) + findings_text(imported);
  return style.unicode ? text : ascii_text(text);
}

}  // namespace gnomon
