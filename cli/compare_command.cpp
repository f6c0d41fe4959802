// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/run_options.h"
#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/report/html_comparison.h"
#include "gnomon/report/run_list.h"
#include "gnomon/report/run_summary.h"
#include "gnomon/report/text_table.h"
#include "gnomon/report/wrapped_text.h"
#include "gnomon/text/visible_text.h"

namespace gnomon::cli {
namespace {

struct CompareOptions {
  RunOptions run;
  std::vector<std::string> metrics;
  std::string baseline;
  bool allow_different = false;
  std::string html;  // a file; nothing is written where it is empty
};

std::size_t baseline_index(const CompareOptions& options, const std::vector<StoredRun>& runs) {
  if (options.baseline.empty()) return 0;
  const auto path = resolve_run(options.baseline, options.run.runs_dir);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    std::error_code ignored;
    if (std::filesystem::equivalent(runs[i].path, path, ignored)) return i;
  }
  throw ArgumentError(fmt::format("--baseline is \"{}\", expected one of the compared runs",
                                  visible_text(options.baseline)));
}

// What runs have in common must be known before their numbers mean anything side by side.
void require_same(const RunComparison& comparison, bool allowed) {
  const bool same = comparison.same_model && comparison.same_target;
  if (same || allowed) return;
  const char* what = comparison.same_model    ? "targets"
                     : comparison.same_target ? "models"
                                              : "models and targets";
  throw ArgumentError(ErrorCode::bad_data,
                      fmt::format("compare: the runs have different {}, expected the same", what),
                      "--allow-different compares them all the same and says so");
}

Json optional_json(const std::optional<double>& value) {
  return value ? number_or_null(*value) : Json(nullptr);
}

Json comparison_json(const RunComparison& comparison, const std::vector<StoredRun>& runs) {
  Json json;
  json["runs"] = Json::array();
  for (const StoredRun& run : runs) {
    json["runs"].push_back({{"path", visible_text(run.path.string())},
                            {"id", visible_text(run.manifest.id)},
                            {"state", run_state(run)}});
  }
  json["baseline"] = comparison.baseline;
  json["same_model"] = comparison.same_model;
  json["same_target"] = comparison.same_target;
  json["metrics"] = Json::array();
  for (const ComparedMetric& metric : comparison.metrics) {
    Json values = Json::array();
    for (const ComparedValue& value : metric.values) {
      values.push_back({{"value", optional_json(value.value)},
                        {"ci_low", optional_json(value.ci_low)},
                        {"ci_high", optional_json(value.ci_high)},
                        {"difference", optional_json(value.difference)},
                        {"apart", value.apart}});
    }
    json["metrics"].push_back({{"name", metric.name}, {"values", std::move(values)}});
  }
  json["settings"] = Json::array();
  for (const ComparedSetting& setting : comparison.settings) {
    Json values = Json::array();
    for (const auto& value : setting.values) {
      values.push_back(value ? Json(visible_text(*value)) : Json(nullptr));
    }
    json["settings"].push_back({{"key", visible_text(setting.key)}, {"values", std::move(values)}});
  }
  return json;
}

std::string number_text(const std::optional<double>& value) {
  return value ? fmt::format("{:.4g}", *value) : "–";
}

std::string metric_table(const RunComparison& comparison, const TextStyle& style) {
  TextTable table({{.title = "number", .may_shorten = true},
                   {.title = "run"},
                   {.title = "value", .align = Align::right},
                   {.title = "interval"},
                   {.title = "against " + run_letter(comparison.baseline), .align = Align::right},
                   {.title = ""}});
  for (const ComparedMetric& metric : comparison.metrics) {
    for (std::size_t i = 0; i < metric.values.size(); ++i) {
      const ComparedValue& value = metric.values[i];
      const std::string interval =
          value.ci_low && value.ci_high
              ? fmt::format("[{}, {}]", number_text(value.ci_low), number_text(value.ci_high))
              : "";
      const std::string difference =
          value.difference ? fmt::format("{:+.4g}", *value.difference) : "";
      table.add_row({i == 0 ? metric.name : "", run_letter(i), number_text(value.value), interval,
                     difference, value.apart ? "*" : ""});
    }
  }
  return table.render(style);
}

std::string setting_table(const RunComparison& comparison, const TextStyle& style) {
  TextTable table(
      {{.title = "setting"}, {.title = "run"}, {.title = "value", .may_shorten = true}});
  for (const ComparedSetting& setting : comparison.settings) {
    for (std::size_t i = 0; i < setting.values.size(); ++i) {
      const auto& value = setting.values[i];
      table.add_row({i == 0 ? visible_text(setting.key) : "", run_letter(i),
                     value ? visible_text(*value) : "–"});
    }
  }
  return table.render(style);
}

std::string comparison_text(const RunComparison& comparison, const std::vector<StoredRun>& runs,
                            const TextStyle& style) {
  std::string text;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::string state(run_state(runs[i]));
    text += labelled_text(run_letter(i),
                          visible_text(runs[i].path.filename().string()) +
                              (state == "done" ? "" : ", " + state) +
                              (i == comparison.baseline ? ", the baseline" : ""),
                          4);
  }
  if (!comparison.same_model) text += "\nThe runs are of different models.\n";
  if (!comparison.same_target) text += "\nThe runs report different targets.\n";
  text += "\n" + metric_table(comparison, style);
  const auto is_apart = [](const ComparedMetric& metric) {
    return std::any_of(metric.values.begin(), metric.values.end(),
                       [](const ComparedValue& value) { return value.apart; });
  };
  if (std::any_of(comparison.metrics.begin(), comparison.metrics.end(), is_apart)) {
    text += "  * its interval and the baseline's do not overlap\n";
  }
  text += comparison.settings.empty() ? "\nThe settings are the same.\n"
                                      : "\n" + setting_table(comparison, style);
  return style.unicode ? text : ascii_text(text);
}

void run_compare(const Context& context, const CompareOptions& options) {
  std::vector<StoredRun> runs;
  for (const std::string& name : options.run.runs) {
    runs.push_back(open_run(resolve_run(name, options.run.runs_dir)));
  }
  const RunComparison comparison =
      compare_runs(runs, baseline_index(options, runs), options.metrics);
  require_same(comparison, options.allow_different);
  if (!options.html.empty()) {
    write_file_atomic(options.html, html_comparison(comparison, runs));
    context.message("Wrote    " + visible_text(options.html));
  }
  if (context.options.json) {
    context.out << dump_json(comparison_json(comparison, runs));
  } else {
    context.out << comparison_text(comparison, runs, context.text_style());
  }
}

}  // namespace

void add_compare_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<CompareOptions>();
  CLI::App* command = app.add_subcommand(
      "compare", "Final numbers of runs side by side, and the settings that differ");
  command->group(kRunsGroup);
  add_run_arguments(*command, options->run, 2, kMostRuns);
  command
      ->add_option("--metric", options->metrics,
                   "A number to show, or the beginning of its name up to a dot; may be repeated; "
                   "all unless given")
      ->type_name("NAME")
      ->expected(1)
      ->take_all();
  command
      ->add_option("--baseline", options->baseline,
                   "The run that the others are compared with; the first unless given")
      ->type_name("RUN");
  command->add_flag("--allow-different", options->allow_different,
                    "Also compare runs of different models or targets");
  command->add_option("--html", options->html, "Also write a page with their figures side by side")
      ->type_name("FILE");
  command->footer(
      "gnomon compare @last 20261122T105803Z\n"
      "gnomon compare RUN1 RUN2 RUN3 --metric evaluation.r --baseline RUN2");
  on_run(*command, context, [&context, options] { run_compare(context, *options); });
}

}  // namespace gnomon::cli
