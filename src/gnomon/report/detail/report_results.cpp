// SPDX-License-Identifier: Apache-2.0
// What the run measured and found.
#include <fmt/format.h>

#include <algorithm>

#include "gnomon/report/detail/report_findings.h"
#include "gnomon/report/detail/report_sections.h"
#include "gnomon/report/glossary.h"
#include "gnomon/report/text_table.h"

namespace gnomon::detail {
namespace {

const Json* evaluation_of(const ReportData& data) {
  const auto trainings = data.trainings();
  return trainings.empty() ? nullptr : data.main.document(trainings.front() + "/evaluation.json");
}

// `parallel`: attention and MLP stand side by side.
std::string place_words(const std::string& site, bool parallel) {
  const auto ends = [&](std::string_view end) { return site.ends_with(end); };
  if (ends(".hook_resid_pre")) return "the stream before the block, not normalised";
  if (ends(".hook_resid_mid")) return "the stream after the block's attention, not normalised";
  if (ends(".ln2.hook_out"))
    return parallel ? "the stream before the block, normalised as the neuron sees it"
                    : "the stream after the block's attention, normalised as the neuron sees it";
  if (ends(".hook_resid_post")) return "the stream after the block, not normalised";
  return "";
}

Html directions_defined(const Json& projections) {
  const bool parallel = projections.contains("parallel_block");
  HtmlTable table("Directions, and the stream that each is projected on",
                  {{"direction"}, {"read at"}, {"which is"}, {"the number"}});
  for (const Json& direction : child_at(projections, "directions")) {
    const std::string site = text_at(direction, "site");
    if (site.empty()) {
      table.add_row({html(text_at(direction, "name")), html("–"), html("–"),
                     html(text_at(direction, "why"))});
      continue;
    }
    table.add_row({html(text_at(direction, "name")), element("code", site),
                   html(place_words(site, parallel)), html(text_at(direction, "definition"))});
  }
  return table.is_empty() ? Html{} : table.render();
}

Html glossary_html() {
  Html all;
  for (const TermKind kind :
       {TermKind::idea, TermKind::direction, TermKind::statistic, TermKind::practice}) {
    HtmlDefinitions list;
    for (const Term& term : glossary()) {
      if (term.kind == kind) list.add(term.name, term.brief);
    }
    all += element("h4", term_kind_title(kind)) + list.render();
  }
  return disclosure("Every word and number, explained", all);
}

Html null_note(const Json& directions, const char* key) {
  for (const Json& direction : directions) {
    if (const auto n = number_at(child_at(direction, key), "n"))
      return html(fmt::format("{:.0f}", *n));
  }
  return html("no");
}

Html directions_table(const Json& projections, double level) {
  HtmlTable table(
      fmt::format("Projections against the activation, {:.0f} rows of {:.0f} distinct texts ({})",
                  number_at(projections, "n_rows").value_or(0),
                  number_at(projections, "n_distinct").value_or(0), text_at(projections, "scored")),
      {{"direction"},
       {"r", true},
       {format_percent(level) + " interval", true},
       {"R² fit", true},
       {"R² identity", true},
       {"Spearman", true},
       {"p (Holm)", true},
       {"above random", true},
       {"above neurons", true}});
  const Json& directions = child_at(projections, "directions");
  for (const Json& direction : directions) {
    table.add_row(
        {html(text_at(direction, "name")), r_cell(number_at(direction, "r")),
         interval_cell(number_at(direction, "ci_low"), number_at(direction, "ci_high")),
         r_cell(number_at(direction, "r2_fit")), r_cell(number_at(direction, "r2_identity")),
         r_cell(number_at(direction, "spearman")), p_cell(number_at(direction, "log10_p_holm")),
         percentile_cell(child_at(direction, "random_directions")),
         percentile_cell(child_at(direction, "other_neurons"))});
  }
  const Html note = element(
      "p class=\"note\"",
      html("Intervals are cluster bootstraps over text groups. Above random: the share of ") +
          null_note(directions, "random_directions") +
          html(" random directions with the stream's covariance whose |r| is smaller. Above "
               "neurons: "
               "the same for the layer's other neurons (") +
          null_note(directions, "other_neurons") +
          html("). p takes texts as independent "
               "and errors as normal; where p is small and the interval holds 0, a few texts carry "
               "r: "
               "then the interval counts. A dash: the number does not exist for that direction."));
  return table.render() + note;
}

Html score_of_report(const Json& evaluation) {
  for (const Json& row : child_at(evaluation, "rows")) {
    if (text_at(row, "kind") != "reporter") continue;
    HtmlDefinitions list;
    const auto line = [&](const char* term, const char* key, const char* interval) {
      const auto value = number_at(row, key);
      if (!value) return;
      list.add(term, r_cell(value) + html(" ") + interval_cell(child_at(row, interval)));
    };
    list.add("report", text_at(row, "definition"));
    line("r", "r", "r_interval");
    line("R² identity", "r2_identity", "r2_identity_interval");
    line("slope of the truth on the report", "slope", "slope_interval");
    list.add("mean absolute error", value_cell(number_at(row, "mean_absolute_error")) +
                                        html(" in units of the activation"));
    const Json& fraction = child_at(evaluation, "fraction_of_ceiling");
    if (const auto value = number_at(fraction, "value"))
      list.add("share of the linear ceiling's R²",
               r_cell(value) + html(" ") + interval_cell(child_at(fraction, "interval")));
    return list.render();
  }
  return {};
}

Html rung_table(const Json& ladder, double level) {
  const std::string name = text_at(ladder, "direction");
  HtmlTable table(fmt::format("From {} to the activation", text_at(ladder, "starts_at")),
                  {{"operation"},
                   {"what is correlated"},
                   {"r", true},
                   {format_percent(level) + " interval", true},
                   {"change", true},
                   {"mean over orders", true}});
  for (const Json& rung : child_at(ladder, "rungs")) {
    const Json& exact = child_at(rung, "exact_zero");
    const bool is_exact = exact.is_boolean() && exact.get<bool>();
    table.add_row({html(text_at(rung, "name")), element("code", text_at(rung, "quantity")),
                   r_cell(number_at(rung, "r")),
                   interval_cell(number_at(rung, "ci_low"), number_at(rung, "ci_high")),
                   is_exact ? html("0 exactly") : r_cell(number_at(rung, "delta")),
                   r_cell(number_at(rung, "shapley"))});
  }
  return table.render();
}

Html accounts_table(const Json& verdict) {
  HtmlTable accounts("What the report may be, and what the evidence says",
                     {{"account"}, {"outcome"}, {"because of"}, {"what would decide it"}});
  for (const Json& account : child_at(verdict, "accounts")) {
    std::string because;
    for (const Json& id : child_at(account, "because"))
      because += (because.empty() ? "" : ", ") + (id.is_string() ? id.get<std::string>() : "");
    accounts.add_row({html(text_at(account, "statement")), html(text_at(account, "outcome")),
                      html(because), html(text_at(account, "decide"))});
  }
  HtmlTable evidence("The evidence",
                     {{""}, {"question"}, {"figure"}, {"supports"}, {"contradicts"}});
  for (const Json& item : child_at(verdict, "evidence")) {
    std::string supports;
    std::string contradicts;
    const Json& readings = child_at(item, "readings");
    for (const Json& account : child_at(verdict, "accounts")) {
      const std::string reading = text_at(readings, text_at(account, "name"));
      const std::string statement = text_at(account, "statement");
      const std::string number = statement.substr(0, statement.find(':'));
      std::string* list = reading == "supports"      ? &supports
                          : reading == "contradicts" ? &contradicts
                                                     : nullptr;
      if (list != nullptr) *list += (list->empty() ? "" : ", ") + number;
    }
    evidence.add_row({html(text_at(item, "id")), html(text_at(item, "question")),
                      html(text_at(item, "figure")), html(supports), html(contradicts)});
  }
  return accounts.render() + evidence.render();
}

std::string patch_verdict(const std::string& verdict) {
  if (verdict == "follows") return "follows the neuron";
  if (verdict == "no_effect") return "does not follow the neuron, within the margin asked for";
  if (verdict == "depends") return "depends on the neuron and does not follow it one to one";
  return verdict == "undecided" ? "may or may not follow the neuron: undecided" : verdict;
}

Html patch_table(const Json& patch) {
  HtmlDefinitions list;
  list.add("what is patched", text_at(patch, "site"));
  list.add("what is read", text_at(patch, "definition"));
  const auto estimate = [&](const char* term, const Json& value) {
    if (const auto number = number_at(value, "value"))
      list.add(term, value_cell(number) + html(" ") + interval_cell(child_at(value, "interval")));
  };
  estimate("causal gain: change of the report per unit written", child_at(patch, "gain"));
  estimate("of it directly", child_at(patch, "direct"));
  estimate("of it through later blocks", child_at(patch, "indirect"));
  const Json& controls = child_at(patch, "controls");
  if (const auto p = number_at(controls, "p"))
    list.add("against matched units",
             html(fmt::format("larger than {:.0f} % of {}, p = {}",
                              number_at(controls, "percentile").value_or(0),
                              child_at(controls, "units").size(), format_value(*p))));
  const Json& range = child_at(patch, "natural_range");
  list.add("natural range of the unit", value_cell(number_at(range, "low")) + html(" to ") +
                                            value_cell(number_at(range, "high")));
  list.add("so the report", patch_verdict(text_at(patch, "verdict")));
  HtmlTable ablations("What is left of the report when the neuron says nothing",
                      {{"the neuron is set to"},
                       {"slope before", true},
                       {"slope after", true},
                       {"carried by it", true},
                       {"r after", true}});
  for (const Json& ablation : child_at(patch, "ablations"))
    ablations.add_row({html(text_at(ablation, "mode")),
                       r_cell(number_at(child_at(ablation, "clean_slope"), "value")),
                       r_cell(number_at(child_at(ablation, "ablated_slope"), "value")),
                       r_cell(number_at(child_at(ablation, "carried"), "value")),
                       r_cell(number_at(ablation, "ablated_r"))});
  return list.render() + (ablations.is_empty() ? Html{} : ablations.render());
}

Html directions_table(const Json& study) {
  HtmlTable exchanged("The stream's part along a direction exchanged with another text's",
                      {{"direction"},
                       {"at"},
                       {"part"},
                       {"share of its length²", true},
                       {"slope on the other text's activation", true},
                       {"share of the effect", true}});
  for (const Json& direction : child_at(study, "directions")) {
    for (const Json& part : child_at(direction, "parts"))
      exchanged.add_row({html(text_at(direction, "name")), html(text_at(direction, "site")),
                         html(text_at(part, "name")), r_cell(number_at(part, "length_share")),
                         r_cell(number_at(child_at(part, "follows"), "slope")),
                         r_cell(number_at(part, "effect_share"))});
  }
  HtmlTable erased("Erased, and kept alone", {{"method"},
                                              {"direction"},
                                              {"at"},
                                              {"slope before", true},
                                              {"slope after", true},
                                              {"mean change of the report", true},
                                              {"p, random directions", true},
                                              {"next-token loss, nats", true},
                                              {"of random directions", true}});
  for (const Json& row : child_at(study, "erasures"))
    erased.add_row(
        {html(text_at(row, "method")), html(text_at(row, "direction")), html(text_at(row, "site")),
         r_cell(number_at(child_at(row, "clean_slope"), "value")),
         r_cell(number_at(child_at(row, "ablated_slope"), "value")),
         value_cell(number_at(row, "mean_change")), value_cell(number_at(row, "p")),
         r_cell(number_at(row, "loss_change")), r_cell(number_at(row, "random_loss_change"))});
  return element("p",
                 "A direction whose removal takes the report away and leaves the model's "
                 "next-token loss as it was is the report's own.") +
         exchanged.render() + erased.render();
}

Html weights_table(const Json& weights) {
  HtmlTable table("What the report reads, against the neuron's directions",
                  {{"direction"},
                   {"read-out at"},
                   {"statistic"},
                   {"cosine", true},
                   {"before training", true},
                   {"above neurons", true},
                   {"q", true}});
  for (const Json& cosine : child_at(weights, "cosines")) {
    const std::string kind = text_at(cosine, "kind");
    if (kind == "component") continue;
    const Json& neurons = child_at(cosine, "other_neurons");
    table.add_row({html(text_at(cosine, "direction")), html(text_at(cosine, "place")),
                   html(text_at(cosine, "statistic")), r_cell(number_at(cosine, "value")),
                   r_cell(number_at(cosine, "start")), percentile_cell(neurons),
                   value_cell(number_at(neurons, "q"))});
  }
  return table.is_empty() ? Html{} : table.render();
}

Html source_note(const ReportData& data, const RunResults& results) {
  if (&results == &data.main) return {};
  return element("p class=\"note\"", html("From the run ") +
                                         element("code", results.run.manifest.id) + html(" in ") +
                                         element("code", results.run.path.filename().string()) +
                                         html(", which studied this one."));
}

}  // namespace

ReportSection measured_section(const ReportData& data, ReportFigures& figures) {
  ReportSection section{"measured", "What exactly was measured", {}};
  HtmlDefinitions list;
  const std::string words = target_words(data.target);
  if (!data.target.empty())
    list.add("target", element("code", data.target) +
                           (words == data.target ? html("") : html(": " + words)) +
                           html(". Its value for a text is called the activation."));
  if (const Json* evaluation = evaluation_of(data)) {
    list.add("which activation", text_at(*evaluation, "truth") == "live"
                                     ? "of the trained model, measured while it reports"
                                     : "of the model before training, measured once");
    list.add("the report is read at", text_at(*evaluation, "feature_site"));
  }
  if (const Json* sweep = data.main.document("analysis/sweep.json")) {
    list.add("patched", fmt::format("{} of {:.0f} pairs of texts", text_at(*sweep, "direction"),
                                    number_at(*sweep, "n_pairs").value_or(0)));
    list.add("the metric is", text_at(*sweep, "definition"));
  }
  if (const auto& model = data.main.run.manifest.model) {
    list.add("model", model->name);
    list.add("computed in", data.main.run.manifest.precision);
  }
  if (const auto& counted = data.main.run.manifest.data)
    list.add("texts", fmt::format("{} records, {} distinct texts in {} groups; a group is never "
                                  "split between training and held-out texts",
                                  counted->rows, counted->distinct, counted->groups));
  if (const Json* projections = data.main.document("analysis/projections.json"))
    list.add(
        "every number below is of",
        fmt::format("{:.0f} rows of the part “{}”, {:.0f} distinct text groups; "
                    "nothing was fitted to them",
                    number_at(*projections, "n_rows").value_or(0), text_at(*projections, "scored"),
                    number_at(*projections, "n_distinct").value_or(0)));
  section.body += list.render() + figures.take("block");
  if (const Json* projections = data.main.document("analysis/projections.json"))
    section.body += directions_defined(*projections);
  section.body += glossary_html();
  return section;
}

ReportSection results_section(const ReportData& data, ReportFigures& figures) {
  ReportSection section{"results", "Results", {}};
  const Json* projections = data.main.document("analysis/projections.json");
  const Json* evaluation = evaluation_of(data);
  const Json* sweep = data.main.document("analysis/sweep.json");
  const Json* import = data.main.document("import.json");
  if (projections == nullptr && evaluation == nullptr && sweep == nullptr && import == nullptr)
    return section;
  section.body += withheld(data.main);
  if (!data.main.holds()) return section;
  if (import != nullptr) section.body += import_results(*import);
  if (sweep != nullptr) section.body += sweep_results(*sweep, data.level) + figures.take("sweep");
  if (evaluation != nullptr) {
    section.body += element("h3", "The report") + score_of_report(*evaluation);
    section.body += figures.take("predictions");
  }
  if (projections == nullptr) return section;
  section.body += element("h3", "The directions") + directions_table(*projections, data.level);
  const Html panels = figures.take("projections");
  if (!panels.markup.empty()) section.body += element("div class=\"panels\"", panels);
  section.body += figures.take("correlation");
  return section;
}

ReportSection ladder_section(const ReportData& data, ReportFigures& figures) {
  ReportSection section{"ladder", "Why r is not 1", {}};
  const Json* audit = data.main.document("analysis/audit.json");
  if (audit == nullptr) return section;
  section.body += element(
      "p",
      "Between a projection and the activation stands a chain of operations. Each is switched on "
      "in turn; what r gains or loses there is what that operation hides from the projection. The "
      "last rung is the activation itself, so r there must be 1: that is checked. A constant that "
      "is "
      "added cannot change r, which is exact. Changes depend on the order of the operations; the "
      "mean over all orders stands beside them.");
  for (const Json& ladder : child_at(*audit, "ladders")) {
    const std::string name = text_at(ladder, "direction");
    section.body += element("h3", "Ladder: " + name);
    if (!data.main.ladder_holds(name)) {
      section.body +=
          element("p class=\"alert\"",
                  "Not shown: the check that this ladder ends at the activation, or one "
                  "that it rests on, failed.");
      continue;
    }
    const Html chart = figures.take("ladder-" + name);
    section.body += chart.markup.empty() ? rung_table(ladder, data.level) : chart;
    section.body += element("p class=\"note\"",
                            fmt::format("1 − r at the last rung: {}, allowed {}.",
                                        format_value(number_at(ladder, "one_minus_r").value_or(0)),
                                        format_value(number_at(ladder, "tolerance").value_or(0))));
  }
  return section;
}

ReportSection cause_section(const ReportData& data, ReportFigures& figures) {
  ReportSection section{"cause", "Cause", {}};
  const auto add = [&](const char* path, std::string_view title, Html (*table)(const Json&),
                       std::initializer_list<std::string_view> charts) {
    const RunResults* results = data.with(path);
    if (results == nullptr) return;
    section.body += element("h3", title) + source_note(data, *results) + withheld(*results);
    if (!results->holds()) return;
    section.body += table(*results->document(path));
    for (const std::string_view chart : charts) section.body += figures.take(chart);
  };
  add("analysis/verdict.json", "What the report is", accounts_table, {"direction-gains"});
  add("analysis/patch.json", "Does the report follow the neuron?", patch_table,
      {"dose-response", "causal-gains"});
  add("analysis/subspaces.json", "Which directions does the report need?", directions_table, {});
  add("analysis/weights.json", "What do the report's weights read?", weights_table, {"weights"});
  if (section.body.markup.empty() && !data.trainings().empty())
    section.body += element(
        "p",
        html("Nothing was intervened on, so nothing here says what causes the report. ") +
            element("code", "gnomon verdict RUN") +
            html(
                " writes into the neuron and judges; a report made after it shows what it found."));
  return section;
}

ReportSection controls_section(const ReportData& data, ReportFigures& figures) {
  ReportSection section{"controls", "Controls and baselines", {}};
  const Json* evaluation = evaluation_of(data);
  const Json* projections = data.main.document("analysis/projections.json");
  if (evaluation == nullptr && projections == nullptr) return section;
  section.body += withheld(data.main);
  if (!data.main.holds()) return section;
  if (evaluation != nullptr) {
    HtmlTable table("The report among floors, ceilings and controls",
                    {{"name"},
                     {"kind"},
                     {"what it knows"},
                     {"r", true},
                     {"R² identity", true},
                     {format_percent(data.level) + " interval", true},
                     {"mean error", true}});
    for (const Json& row : child_at(*evaluation, "rows"))
      table.add_row({html(text_at(row, "name")), html(text_at(row, "kind")),
                     html(text_at(row, "definition")), r_cell(number_at(row, "r")),
                     r_cell(number_at(row, "r2_identity")),
                     interval_cell(child_at(row, "r2_identity_interval")),
                     value_cell(number_at(row, "mean_absolute_error"))});
    section.body +=
        element("p",
                "Floors never see the stream; a report that does not beat them shows nothing. "
                "Ceilings read the stream as well as a linear map can. Controls show what the same "
                "machinery gives where there is nothing to find.") +
        table.render();
  }
  if (projections != nullptr) {
    HtmlTable table("Predictions of the activation without the neuron",
                    {{"name"}, {"what it knows"}, {"r", true}, {"R² identity", true}});
    for (const Json& baseline : child_at(*projections, "baselines"))
      table.add_row({html(text_at(baseline, "name")), html(text_at(baseline, "definition")),
                     r_cell(number_at(baseline, "r")), r_cell(number_at(baseline, "r2_identity"))});
    if (!table.is_empty()) section.body += table.render();
  }
  section.body += figures.take("cosines");
  return section;
}

Html withheld(const RunResults& results) {
  if (results.holds()) return {};
  std::string names;
  for (const CheckResult* check : results.failed_checks())
    names += (names.empty() ? "" : "; ") + check->id + ": " + check->title;
  return element("p class=\"alert\"",
                 fmt::format("Not shown as results, because a check on which these numbers rest "
                             "failed ({}). The run's files hold them.",
                             names));
}

}  // namespace gnomon::detail
