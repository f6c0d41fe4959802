// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/number_text.h"
#include "cli/progress.h"
#include "cli/run_options.h"
#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/report/run_list.h"
#include "gnomon/report/run_summary.h"
#include "gnomon/report/text_table.h"
#include "gnomon/report/wrapped_text.h"
#include "gnomon/text/visible_text.h"

namespace gnomon::cli {
namespace {

// What a command about many runs shows of one; a broken file of a run is no reason to show nothing.
template <class T, class Read>
T or_empty(Read read) {
  try {
    return read();
  } catch (const Error&) {
    return {};
  }
}

// The text of a setting: "blocks.1.mlp.hook_post[5]@last", or several joined by commas.
std::string target_text(const StoredRun& run) {
  const auto entries = or_empty<std::vector<ConfigEntry>>([&] { return run.read_configuration(); });
  for (const ConfigEntry& entry : entries) {
    if (const auto* text = std::get_if<std::string>(&entry.value);
        text != nullptr && entry.key == "target.unit") {
      return visible_text(*text);
    }
    if (const auto* texts = std::get_if<std::vector<std::string>>(&entry.value);
        texts != nullptr && entry.key == "target.units") {
      return visible_text(fmt::format("{}", fmt::join(*texts, ", ")));
    }
  }
  return "";
}

RunSummary summary_of(const StoredRun& run) {
  return or_empty<RunSummary>([&] { return read_summary(run).value_or(RunSummary()); });
}

// "r +0.888 [+0.86, +0.91], R²ident +0.771" of the numbers that a summary begins with.
std::string main_numbers(const RunSummary& summary) {
  const auto number = [&](const char* name) {
    const auto found = summary.find(name);
    return found == summary.end() ? std::nullopt : found->second;
  };
  std::string text;
  if (const auto r = number("evaluation.r")) {
    text += "r " + format_r(*r);
    const auto low = number("evaluation.r.ci_low");
    const auto high = number("evaluation.r.ci_high");
    if (low && high) text += " " + format_interval(*low, *high);
  }
  if (const auto r2 = number("evaluation.r2_identity")) {
    text += (text.empty() ? "" : ", ") + std::string("R²ident ") + format_r(*r2);
  }
  return text;
}

std::string readable_time(const std::string& utc) {
  if (utc.size() < 16) return "?";
  return utc.substr(0, 10) + " " + utc.substr(11, 5);
}

Json listed_json(const ListedRun& listed) {
  Json json;
  json["path"] = visible_text(listed.path.string());
  json["started"] = listed.started.empty() ? Json(nullptr) : Json(visible_text(listed.started));
  if (!listed.run) {
    json["state"] = "unreadable";
    json["problem"] = visible_text(listed.problem);
    return json;
  }
  const RunManifest& manifest = listed.run->manifest;
  json["id"] = visible_text(manifest.id);
  json["name"] = visible_text(manifest.name);
  json["state"] = run_state(*listed.run);
  json["target"] = target_text(*listed.run);
  json["summary"] = Json::object();
  for (const auto& [name, value] : summary_of(*listed.run)) {
    json["summary"][name] = value ? number_or_null(*value) : Json(nullptr);
  }
  return json;
}

std::string listed_text(const ListedRun& listed, const TextStyle& style) {
  constexpr int kIdWidth = 48;
  constexpr int kStateWidth = 13;
  const std::string id = listed.run ? listed.run->manifest.id : listed.path.filename().string();
  const std::string state(listed.run ? run_state(*listed.run) : "unreadable");
  std::string text = padded(shortened(visible_text(id), kIdWidth - 2), kIdWidth, Align::left) +
                     padded(state, kStateWidth, Align::left) +
                     readable_time(visible_text(listed.started)) + "\n";
  std::vector<std::string> more;
  if (!listed.run) {
    more.push_back(visible_text(listed.problem));
  } else {
    for (const std::string& part : {target_text(*listed.run), main_numbers(summary_of(*listed.run)),
                                    visible_text(listed.run->manifest.name)}) {
      if (!part.empty()) more.push_back(part);
    }
  }
  const std::string line = fmt::format("{}", fmt::join(more, "   "));
  if (!line.empty()) text += "    " + shortened(line, style.width - 4) + "\n";
  return style.unicode ? text : ascii_text(text);
}

void run_list(const Context& context, const std::string& runs_dir) {
  const std::vector<ListedRun> runs = list_runs(runs_dir);
  if (context.options.json) {
    Json list = Json::array();
    for (const ListedRun& run : runs) list.push_back(listed_json(run));
    context.out << dump_json(Json{{"folder", visible_text(runs_dir)}, {"runs", std::move(list)}});
    return;
  }
  for (const ListedRun& run : runs) context.out << listed_text(run, context.text_style());
  context.message(fmt::format("{} runs in {}", runs.size(), visible_text(runs_dir)));
}

// The checks of a run by their status, and those that failed.
struct CheckCounts {
  std::map<std::string, int> by_status;
  std::vector<std::string> failed;
};

CheckCounts count_checks(const StoredRun& run) {
  CheckCounts counts;
  if (!run.manifest.files.contains("checks.json")) return counts;
  const Json checks = or_empty<Json>([&] { return run.read_json("checks.json"); });
  if (!checks.is_array()) return counts;
  for (const Json& check : checks) {
    if (!check.is_object() || !check.contains("status") || !check["status"].is_string()) continue;
    const auto status = check["status"].get<std::string>();
    ++counts.by_status[status];
    if (status != "fail") continue;
    const bool titled = check.contains("title") && check["title"].is_string();
    counts.failed.push_back(titled ? visible_text(check["title"].get<std::string>()) : "?");
  }
  return counts;
}

Json timing_of(const StoredRun& run) {
  Json timing = or_empty<Json>([&] { return read_json_file(run.path / "timing.json"); });
  return timing.is_object() ? timing : Json::object();
}

// By the name of the stage, of what the file has as a number.
std::map<std::string, double> stage_seconds(const Json& timing) {
  std::map<std::string, double> seconds;
  if (!timing.contains("stages") || !timing["stages"].is_array()) return seconds;
  for (const Json& stage : timing["stages"]) {
    const bool fits = stage.is_object() && stage.contains("name") && stage["name"].is_string() &&
                      stage.contains("seconds") && stage["seconds"].is_number();
    if (fits) seconds[stage["name"].get<std::string>()] = stage["seconds"].get<double>();
  }
  return seconds;
}

Json shown_json(const StoredRun& run) {
  Json json;
  json["path"] = visible_text(run.path.string());
  json["state"] = run_state(run);
  json["manifest"] = to_json(run.manifest);
  json["timing"] = timing_of(run);
  json["checks"] = count_checks(run).by_status;
  json["summary"] = Json::object();
  for (const auto& [name, value] : summary_of(run)) {
    json["summary"][name] = value ? number_or_null(*value) : Json(nullptr);
  }
  return json;
}

// Labelled lines, every text of the run made safe to print.
class Lines {
 public:
  void add(std::string_view label, std::string_view text) {
    if (!text.empty()) text_ += labelled_text(label, visible_text(text), kIndent);
  }
  void add_all(std::string_view label, const std::vector<std::string>& texts) {
    for (std::size_t i = 0; i < texts.size(); ++i) add(i == 0 ? label : "", texts[i]);
  }
  const std::string& text() const { return text_; }

 private:
  static constexpr int kIndent = 12;
  std::string text_;
};

std::vector<std::string> stage_texts(const StoredRun& run, const Json& timing) {
  const auto seconds = stage_seconds(timing);
  std::vector<std::string> texts;
  for (const StageRecord& stage : run.manifest.stages) {
    const bool stale = run_state(run) == "stale" && stage.status == RunStatus::running;
    std::string text = fmt::format("{}: {}", stage.name, stale ? "stale" : to_string(stage.status));
    if (const auto found = seconds.find(stage.name); found != seconds.end()) {
      text += ", " + duration_text(found->second);
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

std::string time_text(const Json& timing, const char* key) {
  return timing.contains(key) && timing[key].is_string() ? timing[key].get<std::string>() : "";
}

std::string shown_text(const StoredRun& run) {
  const RunManifest& m = run.manifest;
  const Json timing = timing_of(run);
  Lines lines;
  lines.add("run", run.path.string());
  lines.add("id", m.id);
  lines.add("name", m.name);
  lines.add("state", run_state(run));
  if (m.error) {
    lines.add("error", fmt::format("{} {}: {}", m.error->code, m.error->kind, m.error->message));
    lines.add("", m.error->hint);
  }
  lines.add("started", time_text(timing, "started"));
  lines.add("ended", time_text(timing, "ended"));
  lines.add("command", fmt::format("{}", fmt::join(m.argv, " ")));
  lines.add("target", target_text(run));
  if (m.model) {
    lines.add("model", fmt::format("{}, {}, SHA-256 {}", m.model->name, m.model->format,
                                   m.model->sha256.substr(0, 12)));
  }
  if (m.data) {
    lines.add("data", fmt::format("{} rows, {} distinct, {} groups", m.data->rows, m.data->distinct,
                                  m.data->groups));
  }
  lines.add("computed",
            fmt::format("seed {}, {}, {}, {} threads, gnomon {} {}", m.seed, m.precision, m.backend,
                        m.machine.threads, m.tool.version, m.tool.git));
  lines.add_all("stages", stage_texts(run, timing));
  const CheckCounts checks = count_checks(run);
  std::vector<std::string> counts;
  for (const auto& [status, n] : checks.by_status)
    counts.push_back(fmt::format("{} {}", n, status));
  lines.add("checks", fmt::format("{}", fmt::join(counts, ", ")));
  lines.add_all("failed", checks.failed);
  std::vector<std::string> numbers;
  for (const auto& [name, value] : summary_of(run)) {
    numbers.push_back(fmt::format("{} {}", name, value ? fmt::format("{:.4g}", *value) : "–"));
  }
  lines.add_all("numbers", numbers);
  std::vector<std::string> files;
  for (const auto& [name, file] : m.files) {
    files.push_back(fmt::format("{}  {}", name, size_text(file.bytes)));
  }
  for (const std::string& name : m.varying_files) files.push_back(name);
  lines.add_all("files", files);
  return lines.text();
}

void run_show(const Context& context, const RunOptions& options) {
  const StoredRun run = open_run(resolve_run(options.runs.front(), options.runs_dir));
  if (context.options.json) {
    context.out << dump_json(shown_json(run));
    return;
  }
  const std::string text = shown_text(run);
  context.out << (context.text_style().unicode ? text : ascii_text(text));
}

// By read(2), as every input of the command: iostreams would read on after a signal.
bool is_confirmed(const Context& context, const std::string& question) {
  context.err << question << " [y/N] " << std::flush;
  std::string answer;
  char c = 0;
  while (::read(STDIN_FILENO, &c, 1) == 1 && c != '\n') answer += c;
  return answer == "y" || answer == "Y" || answer == "yes";
}

std::string size_of_run(const StoredRun& run) {
  std::uint64_t bytes = 0;
  for (const auto& [name, file] : run.manifest.files) bytes += file.bytes;
  return fmt::format("{} files, {}", run.manifest.files.size(), size_text(bytes));
}

struct RemoveOptions {
  RunOptions run;
  bool yes = false;
};

void run_remove(const Context& context, const RemoveOptions& options) {
  // All of them first, so that a wrong name removes nothing.
  std::vector<StoredRun> runs;
  for (const std::string& name : options.run.runs) {
    runs.push_back(open_run(resolve_run(name, options.run.runs_dir)));
    if (runs.back().being_written) {
      throw ArgumentError(fmt::format("\"{}\" is being written, expected a run that has ended",
                                      visible_text(runs.back().path.string())),
                          "wait for it to end");
    }
  }
  if (!options.yes && (!is_terminal(STDIN_FILENO) || context.options.json)) {
    throw ArgumentError("runs rm asks before it removes, and nobody can answer here",
                        "gnomon runs rm --yes RUN");
  }
  Json list = Json::array();
  for (const StoredRun& run : runs) {
    const std::string path = visible_text(run.path.string());
    if (!options.yes &&
        !is_confirmed(context, fmt::format("remove {} ({})?", path, size_of_run(run)))) {
      context.message("kept");
      continue;
    }
    const RemovedRun removed = remove_run(run);
    list.push_back({{"path", path},
                    {"files", removed.n_files},
                    {"bytes", removed.bytes},
                    {"kept", Json::array()}});
    for (const std::string& name : removed.kept) list.back()["kept"].push_back(visible_text(name));
    context.message(
        fmt::format("removed {}: {} files, {}", path, removed.n_files, size_text(removed.bytes)));
    for (const std::string& name : removed.kept) {
      context.message(fmt::format("kept {}, which the run does not list",
                                  visible_text((run.path / name).string())));
    }
  }
  if (context.options.json) context.out << dump_json(Json{{"removed", std::move(list)}});
}

}  // namespace

void add_runs_command(CLI::App& app, Context& context) {
  CLI::App* runs = app.add_subcommand("runs", "List, show and remove run directories");
  runs->group(kRunsGroup);
  runs->require_subcommand(0, 1);

  auto runs_dir = std::make_shared<std::string>(kRunsFolder);
  CLI::App* list = runs->add_subcommand("list", "The runs of a folder, the latest first");
  add_runs_dir_option(*list, *runs_dir);
  list->footer("gnomon runs list\ngnomon runs list --runs-dir study --json");
  on_run(*list, context, [&context, runs_dir] { run_list(context, *runs_dir); });

  auto shown = std::make_shared<RunOptions>();
  CLI::App* show = runs->add_subcommand("show", "What a run did, its stages, numbers and files");
  add_run_arguments(*show, *shown, 1, 1);
  show->footer("gnomon runs show @last");
  on_run(*show, context, [&context, shown] { run_show(context, *shown); });

  auto removed = std::make_shared<RemoveOptions>();
  CLI::App* remove = runs->add_subcommand("rm", "Remove runs; asks before");
  add_run_arguments(*remove, removed->run, 1, kMostRuns);
  remove->add_flag("--yes", removed->yes, "Do not ask");
  remove->footer("gnomon runs rm @last\ngnomon runs rm --yes 20261122T105803Z");
  on_run(*remove, context, [&context, removed] { run_remove(context, *removed); });
}

}  // namespace gnomon::cli
