// SPDX-License-Identifier: Apache-2.0
// What stands behind the results: training, texts, checks, limits and provenance.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "gnomon/base/file.h"
#include "gnomon/report/detail/report_findings.h"
#include "gnomon/report/detail/report_sections.h"
#include "gnomon/report/detail/run_figures.h"
#include "gnomon/report/html_text.h"
#include "gnomon/report/report_folder.h"
#include "gnomon/report/run_list.h"
#include "gnomon/report/text_table.h"

namespace gnomon::detail {
namespace {

// Bytes of a text that stand in the table at once; the rest is behind a disclosure.
constexpr std::size_t kTextHead = 280;
// However full the page is.
constexpr std::size_t kLeastText = 40;

std::string seed_of(const std::string& folder) { return folder.substr(folder.rfind('/') + 1); }

Html seeds_table(const ReportData& data) {
  HtmlTable table("Each training, scored on held-out texts",
                  {{"seed"},
                   {"r", true},
                   {"R² identity", true},
                   {format_percent(data.level) + " interval", true},
                   {"sd of the activation, after : before", true},
                   {"next-token loss before", true},
                   {"after", true}});
  for (const std::string& folder : data.trainings()) {
    const Json* evaluation = data.main.document(folder + "/evaluation.json");
    const Json* training = data.main.document(folder + "/training.json");
    if (evaluation == nullptr || training == nullptr) continue;
    const Json& rows = child_at(*evaluation, "rows");
    const Json reporter = rows.is_array() && !rows.empty() ? rows[0] : Json();
    const Json& drifts = child_at(*training, "drift");
    const Json drift = drifts.is_array() && !drifts.empty() ? drifts[0] : Json();
    table.add_row({html(seed_of(folder)), r_cell(number_at(reporter, "r")),
                   r_cell(number_at(reporter, "r2_identity")),
                   interval_cell(child_at(reporter, "r2_identity_interval")),
                   value_cell(number_at(drift, "sd_ratio")),
                   value_cell(number_at(*training, "lm_before")),
                   value_cell(number_at(*training, "lm_after"))});
  }
  return table.is_empty() ? Html{} : table.render();
}

Html split_table(const Json& data_set) {
  HtmlTable table("Parts; a text group is in one of them",
                  {{"part"}, {"rows", true}, {"texts", true}, {"groups", true}});
  for (const char* part : {"train", "val", "test"}) {
    const Json& counts = child_at(child_at(data_set, "split"), part);
    table.add_row({html(part), count_cell(number_at(counts, "n_rows")),
                   count_cell(number_at(counts, "n_texts")),
                   count_cell(number_at(counts, "n_groups"))});
  }
  return table.render();
}

Html activation_table(const Json& data_set) {
  HtmlTable table("The activation over all rows", {{"target"},
                                                   {"mean", true},
                                                   {"sd", true},
                                                   {"skewness", true},
                                                   {"above 0", true},
                                                   {"1 % quantile", true},
                                                   {"median", true},
                                                   {"99 % quantile", true}});
  for (const Json& activation : child_at(data_set, "activation")) {
    const auto quantile = [&](double share) -> std::optional<double> {
      for (const Json& pair : child_at(activation, "quantiles")) {
        if (pair.is_array() && pair.size() == 2 && pair[0] == share && pair[1].is_number())
          return pair[1].get<double>();
      }
      return std::nullopt;
    };
    const auto positive = number_at(activation, "positive");
    table.add_row(
        {element("code", text_at(activation, "target")), value_cell(number_at(activation, "mean")),
         value_cell(number_at(activation, "sd")), value_cell(number_at(activation, "skewness")),
         positive ? html(format_percent(*positive)) : html("–"), value_cell(quantile(0.01)),
         value_cell(quantile(0.5)), value_cell(quantile(0.99))});
  }
  return table.is_empty() ? Html{} : table.render();
}

Html sources_list(const Json& data_set) {
  HtmlDefinitions list;
  for (const Json& source : child_at(data_set, "sources"))
    list.add("source",
             fmt::format("{}, {:.0f} records, SHA-256 {}", text_at(source, "name"),
                         number_at(source, "n_records").value_or(0), text_at(source, "sha256")));
  const Json& counts = child_at(data_set, "counts");
  list.add("duplicates dropped", count_cell(number_at(counts, "n_duplicates")));
  list.add("texts left out", count_cell(number_at(counts, "n_excluded")));
  list.add("held-out rows whose text stands in train",
           count_cell(number_at(child_at(data_set, "leakage"), "n_test_in_train")));
  return list.render();
}

std::string number_text(const std::optional<double>& value) {
  return value ? fmt::format("{:.5g}", *value) : "";
}

// At the last space, or else between two characters.
std::size_t head_length(const std::string& text) {
  const std::size_t space = text.rfind(' ', kTextHead);
  if (space != std::string::npos && space > kTextHead / 2) return space;
  std::size_t length = kTextHead;
  while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0U) == 0x80U) --length;
  return length;
}

// How many bytes of each text are shown where all texts together may take `budget`.
std::size_t shown_text_bytes(const ReportRows& rows, std::size_t budget) {
  std::vector<std::size_t> sizes;
  for (const ReportRow& row : rows.rows) sizes.push_back(html_text(row.text).size());
  std::ranges::sort(sizes);
  std::size_t left = budget;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const std::size_t share = left / (sizes.size() - i);
    if (sizes[i] > share) return std::max(share, kLeastText);
    left -= sizes[i];
  }
  return sizes.empty() ? 0 : sizes.back();
}

bool is_longer(const std::string& text, std::size_t most) {
  return text.size() > most || html_text(text).size() > most;
}

// Cut so that it takes at most `most` bytes of the page.
std::string cut_text(const std::string& text, std::size_t most) {
  if (!is_longer(text, most)) return text;
  std::size_t length = std::min(most, text.size());
  for (std::size_t size = html_text(text.substr(0, length)).size(); size > most && length > 0;
       size = html_text(text.substr(0, length)).size())
    length = std::min(length - 1, length * most / size);
  while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0U) == 0x80U) --length;
  return text.substr(0, length) + "…";
}

std::string text_cell(const std::string& text) {
  if (text.size() <= kTextHead + 40) return html_text(text);
  const std::size_t head = head_length(text);
  return fmt::format("<details><summary>{}</summary>{}</details>", html_text(text.substr(0, head)),
                     html_text(text.substr(head)));
}

// End tags of rows and cells are left out, as HTML allows: thousands of them are a tenth of a page.
std::string text_rows(const ReportRows& rows, bool with_reports, std::size_t most_bytes) {
  std::string body;
  for (const ReportRow& row : rows.rows) {
    const std::string token = row.token ? fmt::format("{} (id {})", row.position, *row.token)
                                        : std::to_string(row.position);
    body += fmt::format("<tr><td>{}<td>{}<td>{}<td>{}", row.row,
                        html_text(row.part.empty() ? "all" : row.part), token,
                        number_text(row.activation));
    if (with_reports) {
      const auto error = row.activation && row.report ? std::optional(*row.report - *row.activation)
                                                      : std::nullopt;
      body += fmt::format("<td>{}<td>{}", number_text(row.report), number_text(error));
    }
    body += "<td dir=auto>" + text_cell(cut_text(row.text, most_bytes));
  }
  return body;
}

void add_files(HtmlTable& table, const RunManifest& manifest) {
  for (const auto& [name, file] : manifest.files) {
    if (name.starts_with(kReportFolder) || name.find("/checkpoints/") != std::string::npos)
      continue;
    table.add_row({element("code", name), count_cell(static_cast<double>(file.bytes)),
                   element("code", file.sha256)});
  }
}

}  // namespace

ReportSection training_section(const ReportData& data, ReportFigures& figures) {
  ReportSection section{"training", "Training", {}};
  if (data.trainings().empty()) return section;
  HtmlDefinitions list;
  for (const auto& [term, key] :
       {std::pair{"reporter", "train.reporter.kind"}, std::pair{"head", "train.reporter.head"},
        std::pair{"what was trained", "train.trained.part"}, std::pair{"epochs", "train.epochs"},
        std::pair{"rows of an update", "train.batch_rows"},
        std::pair{"optimizer", "train.optimizer.kind"},
        std::pair{"learning rate", "train.optimizer.learning_rate"}})
    list.add(term, setting_text(data.main, key));
  section.body += list.render() + withheld(data.main);
  if (!data.main.holds()) return section;
  section.body += seeds_table(data) + figures.take("training") + figures.take("drift");
  return section;
}

ReportSection data_section(const ReportData& data) {
  ReportSection section{"data", "Data card", {}};
  if (const Json* data_set = data.main.document("data/dataset.json")) {
    section.body += sources_list(*data_set) + split_table(*data_set);
    if (data.main.holds()) section.body += activation_table(*data_set);
  }
  constexpr const char* kCard = "data/DATA_CARD.md";
  if (has_file(data.main.run, kCard))
    section.body +=
        disclosure("The whole data card",
                   element("pre tabindex=\"0\"", read_text_file(data.main.run.file(kCard))));
  return section;
}

ReportSection texts_section(const ReportData& data, std::size_t budget) {
  ReportSection section{"texts", "Texts", {}};
  const ReportRows& rows = data.rows;
  if (rows.rows.empty()) return section;
  section.body += withheld(data.main);
  if (!data.main.holds()) return section;
  const bool with_reports =
      std::ranges::any_of(rows.rows, [](const ReportRow& row) { return row.report.has_value(); });
  std::string note = fmt::format(
      "The {} rows of the run's data: the text, the token at which the target is measured, the "
      "activation and the report of it (first training), rounded to five digits.",
      rows.rows.size());
  if (static_cast<std::int64_t>(rows.rows.size()) < rows.n_row)
    note = fmt::format(
        "{} of the run's {} rows: evenly spaced by activation, and the 100 with the largest "
        "errors. "
        "analysis/projections.csv has all.",
        rows.rows.size(), rows.n_row);
  // What the table takes beside the texts; where they are long, each has a disclosure too.
  const auto shown_beside = [&](std::size_t frame) {
    return shown_text_bytes(rows, budget > frame ? budget - frame : 0);
  };
  const std::size_t frame = text_rows(rows, with_reports, 0).size();
  std::size_t most_bytes = shown_beside(frame);
  if (most_bytes > kTextHead)
    most_bytes =
        shown_beside(frame + rows.rows.size() *
                                 std::string_view("<details><summary></summary></details>").size());
  if (std::ranges::any_of(rows.rows,
                          [&](const ReportRow& row) { return is_longer(row.text, most_bytes); }))
    note += fmt::format(
        " Texts are cut after about {} bytes, to keep the page small; data/prompts.jsonl has them "
        "whole.",
        most_bytes);
  std::string head =
      "<th scope=col>row<th scope=col>part<th scope=col>token<th scope=col>activation";
  if (with_reports) head += "<th scope=col>report<th scope=col>report − activation";
  head += "<th scope=col>text";
  section.body += element("p", note);
  section.body += Html{fmt::format(
      "<div id=\"text-tools\"></div>\n<div class=\"wide texts\" role=\"region\" tabindex=\"0\" "
      "aria-label=\"Texts\">"
      "<table id=\"rows\"{}>\n<thead><tr>{}</thead>\n<tbody>\n{}</tbody></table></div>\n",
      with_reports ? " class=\"with-reports\"" : "", head,
      text_rows(rows, with_reports, most_bytes))};
  return section;
}

ReportSection checks_section(const ReportData& data) {
  ReportSection section{"checks", "Checks", {}};
  const auto add = [&](const RunResults& results) {
    if (results.checks.empty()) return;
    HtmlTable table(
        fmt::format("Identities that the numbers of {} rest on", results.run.manifest.id),
        {{"check"}, {"equation"}, {"outcome"}, {"found", true}, {"allowed", true}, {"in"}});
    for (const CheckResult& check : results.checks)
      table.add_row({html(check.id), html(check.title),
                     check.status == CheckStatus::fail
                         ? element("strong class=\"fail\"", "failed")
                         : html(check.status == CheckStatus::pass ? "passed" : "skipped"),
                     value_cell(check.value), value_cell(check.tolerance), html(check.why)});
    section.body += table.render();
  };
  add(data.main);
  for (const RunResults& run : data.derived) add(run);
  if (section.body.markup.empty()) section.body += element("p", "This run stored no checks.");
  return section;
}

ReportSection limits_section(const ReportData& data) {
  ReportSection section{"limits", "Limits", {}};
  Html items;
  for (const std::string& sentence : limits(data)) items += element("li", sentence);
  section.body += element("ul", items);
  return section;
}

ReportSection provenance_section(const ReportData& data) {
  ReportSection section{"provenance", "Provenance", {}};
  const RunManifest& manifest = data.main.run.manifest;
  HtmlDefinitions list;
  list.add("command", element("code", fmt::format("{}", fmt::join(manifest.argv, " "))));
  list.add("run", element("code", manifest.id));
  list.add("name", manifest.name);
  list.add("state", run_state(data.main.run));
  list.add("gnomon", fmt::format("{} {}, {}, {}", manifest.tool.version, manifest.tool.git,
                                 manifest.tool.compiler, manifest.tool.build_type));
  list.add("computed", fmt::format("seed {}, {}, backend {}, {}", manifest.seed, manifest.precision,
                                   manifest.backend, manifest.tool.blas));
  list.add("machine",
           fmt::format("{}, {} threads", manifest.machine.cpu, manifest.machine.threads));
  if (manifest.model)
    list.add("model",
             html(fmt::format("{}, {}, SHA-256 ", manifest.model->name, manifest.model->format)) +
                 element("code", manifest.model->sha256));
  if (manifest.data) list.add("texts, SHA-256", element("code", manifest.data->sha256));
  list.add("configuration, SHA-256", element("code", manifest.configuration_sha256));
  HtmlTable settings("Every setting of the run", {{"setting"}, {"value"}});
  for (const ConfigEntry& entry : data.main.configuration)
    settings.add_row({element("code", entry.key), html(config_value_text(entry.value))});
  HtmlTable files("Files of the run, without checkpoints",
                  {{"file"}, {"bytes", true}, {"SHA-256"}});
  add_files(files, manifest);
  section.body += list.render() + disclosure("Settings", settings.render()) +
                  disclosure("Files", files.render());
  return section;
}

ReportSection citation_section(const ReportData& data) {
  ReportSection section{"citation", "Citation", {}};
  const RunManifest& manifest = data.main.run.manifest;
  const std::string entry = fmt::format(
      "@software{{gnomon,\n  title   = {{Gnomon}},\n  version = {{{}}},\n  note    = {{commit {}; "
      "run "
      "{}, configuration {}}}\n}}\n",
      manifest.tool.version, manifest.tool.git, manifest.id,
      manifest.configuration_sha256.substr(0, 12));
  section.body += element("pre tabindex=\"0\"", entry);
  return section;
}

}  // namespace gnomon::detail
