// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/run_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "gnomon/base/error.h"
#include "gnomon/base/nearest_name.h"
#include "gnomon/base/quote.h"

namespace gnomon {
namespace {

constexpr std::string_view kLow = ".ci_low";
constexpr std::string_view kHigh = ".ci_high";

bool is_name(std::string_view name) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-@[].").find(c) != std::string_view::npos;
  };
  return !name.empty() && name.front() != '.' && name.back() != '.' &&
         name.find("..") == std::string_view::npos &&
         std::all_of(name.begin(), name.end(), is_allowed);
}

bool is_interval(std::string_view name) { return name.ends_with(kLow) || name.ends_with(kHigh); }

std::optional<double> number_of(const RunSummary& summary, const std::string& name) {
  const auto found = summary.find(name);
  return found == summary.end() ? std::nullopt : found->second;
}

bool is_chosen(const std::string& name, std::span<const std::string> metrics) {
  return metrics.empty() || std::any_of(metrics.begin(), metrics.end(), [&](const auto& metric) {
           return name == metric || name.starts_with(metric + ".");
         });
}

void require_known(std::span<const std::string> metrics, const std::set<std::string>& names) {
  for (const std::string& metric : metrics) {
    const bool known = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return is_chosen(name, std::span(&metric, 1));
    });
    if (known) continue;
    std::string message = fmt::format("no run has a number {}", quote(metric));
    const std::vector<std::string> candidates(names.begin(), names.end());
    if (const auto nearest = nearest_name(metric, candidates)) {
      message += fmt::format("; did you mean \"{}\"?", *nearest);
    }
    throw ArgumentError(message);
  }
}

ComparedMetric compared(const std::string& name, std::span<const RunSummary> summaries,
                        std::size_t baseline) {
  ComparedMetric metric{name, {}};
  for (const RunSummary& summary : summaries) {
    metric.values.push_back({.value = number_of(summary, name),
                             .ci_low = number_of(summary, name + std::string(kLow)),
                             .ci_high = number_of(summary, name + std::string(kHigh)),
                             .difference = std::nullopt});
  }
  const ComparedValue base = metric.values[baseline];
  for (std::size_t i = 0; i < metric.values.size(); ++i) {
    ComparedValue& value = metric.values[i];
    if (i == baseline) continue;
    if (value.value && base.value) value.difference = *value.value - *base.value;
    const bool intervals = value.ci_low && value.ci_high && base.ci_low && base.ci_high;
    value.apart = intervals && (*value.ci_low > *base.ci_high || *value.ci_high < *base.ci_low);
  }
  return metric;
}

bool all_equal(const std::vector<std::optional<std::string>>& values) {
  return std::all_of(values.begin(), values.end(),
                     [&](const auto& value) { return value == values.front(); });
}

std::vector<ComparedSetting> different_settings(std::span<const StoredRun> runs) {
  std::vector<ComparedSetting> settings;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    for (const ConfigEntry& entry : runs[i].read_configuration()) {
      auto found = std::find_if(settings.begin(), settings.end(),
                                [&](const auto& s) { return s.key == entry.key; });
      if (found == settings.end()) {
        settings.push_back({entry.key, std::vector<std::optional<std::string>>(runs.size())});
        found = settings.end() - 1;
      }
      found->values[i] = config_value_text(entry.value);
    }
  }
  std::erase_if(settings, [](const ComparedSetting& s) { return all_equal(s.values); });
  return settings;
}

}  // namespace

Json summary_json(const RunSummary& summary) {
  Json json;
  json["$schema"] = "urn:gnomon:schema:summary:1";
  for (const auto& [name, value] : summary) {
    if (!is_name(name)) {
      throw InternalError(fmt::format("summary_json: {} is no name of a number", quote(name)));
    }
    json[name] = value ? number_or_null(*value) : Json(nullptr);
  }
  return json;
}

RunSummary summary_from_json(const Json& json, std::string_view origin) {
  if (!json.is_object()) throw FileError(fmt::format("\"{}\" is not an object", origin));
  RunSummary summary;
  for (const auto& [name, value] : json.items()) {
    if (name == "$schema") continue;
    if (!is_name(name) || (!value.is_number() && !value.is_null())) {
      throw FileError(fmt::format("\"{}\": {} is {}, expected a number or null", origin,
                                  quote(name), value.type_name()));
    }
    summary[name] = value.is_null() ? std::nullopt : std::optional(value.get<double>());
  }
  return summary;
}

std::optional<RunSummary> read_summary(const StoredRun& run) {
  if (!run.manifest.files.contains(kSummaryFile)) return std::nullopt;
  return summary_from_json(run.read_json(kSummaryFile), (run.path / kSummaryFile).string());
}

RunComparison compare_runs(std::span<const StoredRun> runs, std::size_t baseline,
                           std::span<const std::string> metrics) {
  if (runs.size() < 2 || baseline >= runs.size()) {
    throw ArgumentError(fmt::format("{} runs, expected at least two to compare", runs.size()));
  }
  RunComparison comparison;
  comparison.baseline = baseline;
  std::vector<RunSummary> summaries;
  std::set<std::string> names;
  for (const StoredRun& run : runs) {
    auto summary = read_summary(run);
    if (!summary) {
      throw ArgumentError(fmt::format("\"{}\" has no {}, expected a run with final numbers",
                                      run.path.string(), kSummaryFile));
    }
    for (const auto& [name, value] : *summary) {
      if (!is_interval(name)) names.insert(name);
    }
    summaries.push_back(std::move(*summary));
  }
  require_known(metrics, names);
  for (const std::string& name : names) {
    if (is_chosen(name, metrics)) comparison.metrics.push_back(compared(name, summaries, baseline));
  }
  comparison.settings = different_settings(runs);
  for (const ComparedSetting& setting : comparison.settings) {
    if (setting.key == "target.unit" || setting.key == "target.units") {
      comparison.same_target = false;
    }
  }
  const auto model_hash = [](const StoredRun& run) {
    return run.manifest.model ? run.manifest.model->sha256 : "";
  };
  for (const StoredRun& run : runs) {
    if (model_hash(run) != model_hash(runs.front())) comparison.same_model = false;
  }
  return comparison;
}

}  // namespace gnomon
