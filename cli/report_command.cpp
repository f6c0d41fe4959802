// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/number_text.h"
#include "cli/option_values.h"
#include "cli/run_options.h"
#include "cli/terminal.h"
#include "gnomon/base/error.h"
#include "gnomon/base/process.h"
#include "gnomon/report/report_folder.h"
#include "gnomon/report/report_formats.h"
#include "gnomon/text/visible_text.h"

namespace gnomon::cli {
namespace {

// Of a format that makes more files, one line tells all.
constexpr std::size_t kListedFiles = 4;

struct ReportOptions {
  RunOptions run;
  std::vector<std::string> formats;  // all where it is empty
  bool open = false;
};

std::vector<ReportFormat> chosen_formats(const std::vector<std::string>& names) {
  const auto all = report_formats();
  if (names.empty()) return {all.begin(), all.end()};
  std::vector<std::string> known;
  for (const ReportFormat& format : all) known.emplace_back(format.name);
  std::vector<bool> chosen(all.size());
  for (const std::string& name : names) {
    const auto found = std::ranges::find(known, name);
    if (found == known.end()) throw_unknown_choice("--format", name, known);
    chosen[static_cast<std::size_t>(found - known.begin())] = true;
  }
  std::vector<ReportFormat> formats;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (chosen[i]) formats.push_back(all[i]);
  }
  return formats;
}

void run_report(const Context& context, const ReportOptions& options) {
  const std::vector<ReportFormat> formats = chosen_formats(options.formats);
  const std::filesystem::path run = resolve_run(options.run.runs.front(), options.run.runs_dir);
  ReportTools tools;
  if (const std::string python = environment_variable("GNOMON_PYTHON"); !python.empty())
    tools.python = python;
  Json list = Json::array();
  std::filesystem::path first;
  {
    ReportFolder report(run);
    for (const ReportFormat& format : formats) {
      const ReportFiles made = format.make(report.run(), tools);
      if (!format.prefix.empty()) report.replace(format.prefix, made.files);
      for (const ReportFile& file : made.files) {
        if (format.prefix.empty()) report.replace(file.name, std::span(&file, 1));
      }
      std::size_t bytes = 0;
      for (const ReportFile& file : made.files) {
        const std::filesystem::path path = run / kReportFolder / file.name;
        if (first.empty()) first = path;
        bytes += file.content.size();
        const std::string shown = visible_text(path.string());
        list.push_back({{"path", shown}, {"bytes", file.content.size()}});
        if (made.files.size() <= kListedFiles)
          context.message(fmt::format("Report   {}  {}", shown, size_text(file.content.size())));
      }
      if (made.files.size() > kListedFiles) {
        const std::filesystem::path place = run / kReportFolder / format.prefix;
        context.message(fmt::format("Report   {}  {} files, {}", visible_text(place.string()),
                                    made.files.size(), size_text(bytes)));
      }
      for (const std::string& note : made.notes) context.message("Note     " + visible_text(note));
    }
  }
  if (context.options.json) context.out << dump_json(Json{{"files", std::move(list)}});
  if (!options.open) return;
  if (first.empty()) throw ArgumentError("report: nothing was written that could be opened");
  start_process({"xdg-open", std::filesystem::absolute(first).string()});
}

}  // namespace

void add_report_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* command =
      app.add_subcommand("report", "Write what a run found into its folder, to be read");
  command->group(kRunsGroup);
  add_run_arguments(*command, options->run, 1, 1);
  std::vector<std::string> names;
  std::string meaning = "What to write, joined by commas; all unless given";
  for (const ReportFormat& format : report_formats()) {
    names.emplace_back(format.name);
    meaning += fmt::format("; {}: {}", format.name, format.meaning);
  }
  command->add_option("--format", options->formats, meaning)
      ->type_name(fmt::format("{}", fmt::join(names, ",")))
      ->expected(1)
      ->delimiter(',')
      ->take_all();
  command->add_flag("--open", options->open, "Show the first file with the system's viewer");
  command->footer("gnomon report @last --open\ngnomon report 20261122T105803Z --format html");
  on_run(*command, context, [&context, options] { run_report(context, *options); });
}

}  // namespace gnomon::cli
