// SPDX-License-Identifier: Apache-2.0
#include "cli/run_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "cli/processor.h"
#include "cli/terminal.h"
#include "cli/version.h"
#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/threads.h"
#include "gnomon/model/hook_points.h"

namespace gnomon::cli {
namespace {

// Texts on which the identities are checked: the first of the corpus that fit, so that they are the
// same for every neuron of a model.
constexpr std::size_t kCheckedTexts = 8;
constexpr std::size_t kCheckedTokens = 256;

std::vector<Index> checked_texts(const StudyTexts& texts) {
  std::vector<Index> sample;
  std::size_t n_token = 0;
  for (std::size_t t = 0; t < texts.ids.size() && sample.size() < kCheckedTexts; ++t) {
    if (!sample.empty() && n_token + texts.ids[t].size() > kCheckedTokens) continue;
    n_token += texts.ids[t].size();
    sample.push_back(static_cast<Index>(t));
  }
  return sample;
}

}  // namespace

ToolRecord tool_record() {
  const Json version = version_json();
  ToolRecord tool;
  tool.version = version["version"].get<std::string>();
  tool.git = version["commit"].is_string() ? version["commit"].get<std::string>() : "";
  tool.compiler = version["compiler"].get<std::string>();
  tool.build_type = version["build_type"].get<std::string>();
  tool.blas = version["blas"].get<std::string>();
  return tool;
}

RunSettings command_settings(const Context& context, Precision precision) {
  RunSettings settings;
  settings.started = std::chrono::system_clock::now();
  settings.home = environment_variable("HOME");
  settings.manifest.argv = context.arguments;
  settings.manifest.tool = tool_record();
  settings.manifest.machine = {processor_name(), threads()};
  settings.manifest.precision = precision_name(precision);
  settings.manifest.backend = backend_name(gnomon::RunOptions{}.backend);
  settings.manifest.seed = context.options.seed;
  return settings;
}

ModelRecord model_record(const Model& model) {
  ModelRecord record{
      model.source().name, model.source().format, model.sha256(), {}, model.source().weights};
  for (const ModelFile& file : model.source().files) {
    record.files[file.path.filename().string()] = {sha256_file(file.path), file.bytes};
  }
  return record;
}

// "L8N481", or "L8.hook_mlp_out.481" for a coordinate.
std::string unit_word(const Target& target) {
  if (target.kind == TargetKind::neuron_post)
    return fmt::format("L{}N{}", target.layer(), target.index());
  return fmt::format("L{}.{}.{}", target.layer(), hook_point(target.at.site.kind).name,
                     target.index());
}

std::vector<CheckResult> identity_checks(const Model& model, const StudyTexts& texts,
                                         const StudyData& data,
                                         const std::vector<Ladder>& ladders) {
  const std::vector<Index> sample = checked_texts(texts);
  std::vector<std::vector<TokenId>> ids;
  for (const Index t : sample) ids.push_back(texts.ids[static_cast<std::size_t>(t)]);
  std::vector<CheckResult> checks = check_identities(model, data.target, ids, data.precision);
  for (CheckResult& check : check_study(model, texts, data, sample, ladders)) {
    checks.push_back(std::move(check));
  }
  return checks;
}

bool all_passed(const std::vector<CheckResult>& checks) {
  return std::ranges::none_of(
      checks, [](const CheckResult& check) { return check.status == CheckStatus::fail; });
}

void require_passed(const std::vector<CheckResult>& checks, const std::filesystem::path& run) {
  for (const CheckResult& check : checks) {
    if (check.status != CheckStatus::fail) continue;
    throw CheckError(
        fmt::format("check {} failed: {}: found {:.3g}, expected at most {:.3g}", check.id,
                    check.title, check.value.value_or(0), check.tolerance.value_or(0)),
        fmt::format("{} holds every check", (run / "checks.json").string()));
  }
}

}  // namespace gnomon::cli
