// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/commands.h"
#include "cli/number_text.h"
#include "cli/processor.h"
#include "cli/resolve_model.h"
#include "cli/version.h"
#include "gnomon/base/error.h"
#include "gnomon/base/json.h"
#include "gnomon/base/process.h"
#include "gnomon/base/threads.h"
#include "gnomon/kernels/matmul.h"
#include "gnomon/model/fetch.h"
#include "gnomon/report/wrapped_text.h"
#include "gnomon/text/visible_text.h"

namespace gnomon::cli {
namespace {

namespace fs = std::filesystem;

struct Finding {
  std::string name;
  bool ok = true;
  std::string found;
  std::string what_to_do;  // where not ok
};

std::vector<std::string> instruction_sets() {
  std::string flags = proc_value("/proc/cpuinfo", "flags");
  if (flags.empty()) flags = proc_value("/proc/cpuinfo", "Features");
  constexpr std::array<std::string_view, 11> kOfInterest = {
      "sse4_2",   "avx",   "avx2", "fma", "avx512f", "avx512_bf16",
      "amx_bf16", "asimd", "bf16", "sve", "sve2"};
  std::vector<std::string> found;
  std::istringstream words(flags);
  std::vector<std::string> all;
  for (std::string word; words >> word;) all.push_back(word);
  for (const std::string_view set : kOfInterest) {
    if (std::find(all.begin(), all.end(), set) != all.end()) found.emplace_back(set);
  }
  return found;
}

Finding processor() {
  const std::string name = processor_name();
  const std::vector<std::string> sets = instruction_sets();
  const bool slow_x86 = std::find(sets.begin(), sets.end(), "sse4_2") != sets.end() &&
                        (std::find(sets.begin(), sets.end(), "avx2") == sets.end() ||
                         std::find(sets.begin(), sets.end(), "fma") == sets.end());
  return {"processor", !slow_x86, fmt::format("{} ({})", name, fmt::join(sets, " ")),
          slow_x86 ? "it has no AVX2 with FMA: results are right and slow" : ""};
}

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return CPU_COUNT(&set);
}

Finding cores() {
  const int usable = usable_cores();
  const int used = threads();
  const bool too_many = used > usable;
  return {
      "cores", !too_many,
      fmt::format("{} of {} usable, {} threads", usable, ::sysconf(_SC_NPROCESSORS_ONLN), used),
      too_many ? fmt::format("more threads than cores slow each other: --threads {}", usable) : ""};
}

std::optional<std::uint64_t> leading_number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

Finding memory() {
  const auto total = leading_number(proc_value("/proc/meminfo", "MemTotal"));
  const auto available = leading_number(proc_value("/proc/meminfo", "MemAvailable"));
  if (!total || !available) return {"memory", true, "unknown", ""};
  std::uint64_t free = *available * 1024;
  std::string found = fmt::format("{} free of {}", size_text(free), size_text(*total * 1024));
  std::ifstream limit_file("/sys/fs/cgroup/memory.max");
  std::string limit_line;
  if (std::getline(limit_file, limit_line)) {
    if (const auto limit = leading_number(limit_line)) {
      found += fmt::format(", limit {}", size_text(*limit));
      free = std::min(free, *limit);
    }
  }
  // SmolLM2-135M in float, its decoded copy and the activations of a batch.
  constexpr std::uint64_t kEnough = 1'500'000'000;
  return {"memory", free >= kEnough, found,
          free >= kEnough
              ? ""
              : fmt::format("smollm2-135m wants {}: close other programs", size_text(kEnough))};
}

Finding kernels() { return {"kernels", true, kernels_description(), ""}; }

Finding blas() { return {"BLAS", true, blas_description(), ""}; }

Finding python() {
  constexpr std::chrono::seconds kPatience{10};
  std::vector<std::string> found;
  for (const std::vector<std::string>& argv :
       {std::vector<std::string>{"python3", "--version"}, {"python3", "-m", "pip", "--version"}}) {
    try {
      const ProcessResult result = run_process(argv, {}, kPatience);
      if (result.exit_status != 0 || result.timed_out) break;
      const std::string line = result.output.substr(0, result.output.find('\n'));
      // "pip 23.0.1 from ...": the path is of no interest.
      found.push_back(visible_text(line.substr(0, line.find(" from "))));
    } catch (const FileError&) {
      break;
    }
  }
  if (found.size() == 2) return {"python", true, fmt::format("{}", fmt::join(found, ", ")), ""};
  return {"python", false, found.empty() ? "python3 not found" : found[0] + ", pip not found",
          "gnomon model fetch needs python3 with pip; without them, give --model a file"};
}

Finding cache() {
  try {
    return {"cache", true, visible_text(user_cache_folder().string()), ""};
  } catch (const ArgumentError& error) {
    return {"cache", false, error.what(), "set HOME or GNOMON_CACHE"};
  }
}

std::optional<fs::path> known_cache() {
  try {
    return user_cache_folder();
  } catch (const ArgumentError&) {
    return std::nullopt;
  }
}

Finding model(const KnownModel& known, const fs::path& folder) {
  const std::string name = "model";
  const std::string command = "gnomon model fetch " + known.name;
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(known_model_path(known, folder), error);
  if (error) return {name, false, known.name + " is not fetched", command};
  if (bytes != known.bytes) {
    return {name, false,
            fmt::format("{} has {} bytes, expected {}", known.name, bytes, known.bytes), command};
  }
  return {name, true, fmt::format("{}, {}, size is right", known.name, size_text(bytes)), ""};
}

// Of the folder, or of the nearest one above it that exists.
Finding disk(fs::path folder) {
  std::error_code error;
  while (!fs::exists(folder, error) && folder.has_relative_path()) folder = folder.parent_path();
  const fs::space_info space = fs::space(folder, error);
  if (error) return {"disk", true, "unknown", ""};
  std::uint64_t needed = 0;
  for (const KnownModel& known : known_models()) needed += 2 * known.bytes;
  return {"disk", space.available >= needed,
          fmt::format("{} free at {}", size_text(space.available), visible_text(folder.string())),
          space.available >= needed
              ? ""
              : fmt::format("fetching models wants {}: set GNOMON_CACHE to another disk",
                            size_text(needed))};
}

Finding terminal(const Context& context) {
  const bool on_terminal = is_terminal(STDOUT_FILENO);
  const bool utf8 = speaks_utf8(environment_variable);
  return {"terminal", utf8,
          fmt::format("{}, {} columns, colour {}, {}", on_terminal ? "terminal" : "no terminal",
                      terminal_columns(STDOUT_FILENO), context.color_out ? "on" : "off",
                      utf8 ? "UTF-8" : "not UTF-8"),
          utf8 ? "" : "signs such as Σ need a UTF-8 locale: LC_ALL=C.UTF-8"};
}

std::vector<Finding> examine(const Context& context) {
  const Json version = version_json();
  std::vector<Finding> findings = {{"gnomon", true,
                                    fmt::format("{}, {}, {}", version["version"].get<std::string>(),
                                                version["compiler"].get<std::string>(),
                                                version["build_type"].get<std::string>()),
                                    ""},
                                   processor(),
                                   cores(),
                                   memory(),
                                   kernels(),
                                   blas(),
                                   python(),
                                   cache()};
  if (const auto folder = known_cache()) {
    for (const KnownModel& known : known_models()) findings.push_back(model(known, *folder));
    findings.push_back(disk(*folder));
  }
  findings.push_back(terminal(context));
  return findings;
}

void print_text(const Context& context, const std::vector<Finding>& findings) {
  constexpr int kIndent = 18;
  for (const Finding& finding : findings) {
    const std::string mark = painted(finding.ok ? "ok  " : "warn",
                                     finding.ok ? Paint::green : Paint::yellow, context.color_out);
    // The mark's colour codes take no columns, so the line is laid out without it.
    const std::string line =
        labelled_text(fmt::format("      {}", finding.name), finding.found, kIndent);
    context.out << mark << line.substr(4);
    if (!finding.ok) context.out << labelled_text("", "do: " + finding.what_to_do, kIndent);
  }
}

void run_doctor(const Context& context) {
  const std::vector<Finding> findings = examine(context);
  if (!context.options.json) return print_text(context, findings);
  Json json = Json::array();
  for (const Finding& finding : findings) {
    json.push_back({{"name", finding.name},
                    {"ok", finding.ok},
                    {"found", finding.found},
                    {"what_to_do", finding.what_to_do}});
  }
  context.out << dump_json(Json{{"findings", std::move(json)}});
}

}  // namespace

void add_doctor_command(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("doctor", "Check what this machine has and lacks");
  command->group(kSetUpGroup);
  command->footer("gnomon doctor\ngnomon doctor --json");
  on_run(*command, context, [&context] { run_doctor(context); });
}

}  // namespace gnomon::cli
