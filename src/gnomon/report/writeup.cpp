// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/writeup.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/model/hook_points.h"
#include "gnomon/report/detail/keyed_text.h"
#include "gnomon/report/detail/writeup_sections.h"
#include "gnomon/text/visible_text.h"

namespace gnomon {
namespace {

using detail::KeyedText;
using detail::WriteupSubject;

constexpr const char* kProjectionsFile = "analysis/projections.json";

std::string plain_name(const std::string& name) {
  std::string visible = visible_text(name);
  std::ranges::replace_if(
      visible, [](char c) { return c == '`' || c == '*' || c == '[' || c == '<' || c == '|'; },
      '\'');
  return visible;
}

WriteupSubject subject_of(const RunValues& values) {
  const ModelConfig config = values.model_config();
  const std::string target = values.text(std::string(kProjectionsFile) + "#/target");
  const RunManifest& manifest = values.run().manifest;
  WriteupSubject subject{config, target, parse_site(target, config), "", {}, false};
  if (manifest.model) subject.model = plain_name(manifest.model->name);
  for (const std::string name : {"head", "input", "input_gate", "input_up", "output", "final"}) {
    if (!values.direction(name).empty()) subject.directions.push_back(name);
  }
  subject.trained =
      !values.text(fmt::format("seeds/{}/evaluation.json#/target", manifest.seed)).empty();
  return subject;
}

void add_front_matter(KeyedText& text, const WriteupSubject& subject) {
  const RunManifest& manifest = text.values().run().manifest;
  text.add(fmt::format("---\nrun: {}\nmodel: {}\ntarget: {}\n", manifest.id, subject.model,
                       subject.target));
  if (const StoredRun* patch = text.values().patch_run())
    text.add(fmt::format("patch_run: {}\n", patch->manifest.id));
  text.add("---\n\n");
}

void add_reproduction(KeyedText& text, const WriteupSubject& subject) {
  const RunManifest& manifest = text.values().run().manifest;
  const std::string made = subject.trained
                               ? "gnomon run --config config.resolved.toml --out again"
                               : fmt::format(
                                     "gnomon projections --model {} --target '{}' --texts "
                                     "TEXTS --seed {} --out again",
                                     subject.model, subject.target, manifest.seed);
  text.add(fmt::format(
      "\n## How to reproduce it\n\n```sh\n{}\n```\n\nEvery number above is a value of this run; "
      "`report/writeup.json` has its key, and `gnomon verify RUN` compares them.\n\n"
      "```bibtex\n@software{{gnomon,\n  title = {{Gnomon: whether a language model can report what "
      "one of its own neurons is doing}},\n  version = {{{}}},\n  note = {{Run {}}}\n}}\n```\n",
      made, manifest.tool.version, manifest.id));
}

}  // namespace

Writeup write_up(const RunValues& values) {
  if (values.find(std::string(kProjectionsFile) + "#/directions") == nullptr) {
    throw FileError(
        ErrorCode::not_found,
        fmt::format("\"{}\" has no projections to write about", values.run().path.string()),
        "gnomon run and gnomon projections make such runs");
  }
  const WriteupSubject subject = subject_of(values);
  KeyedText text(values);
  add_front_matter(text, subject);
  detail::add_question(text, subject);
  detail::add_directions(text, subject);
  if (const std::vector<std::string> failed = values.failed_checks(); failed.empty()) {
    detail::add_findings(text, subject);
    detail::add_ladder(text);
    detail::add_cause(text, subject);
    detail::add_limits(text, subject);
  } else {
    detail::add_failure(text, failed);
  }
  add_reproduction(text, subject);
  Writeup writeup = text.finished();
  if (values.patch_run() != nullptr) writeup.patch_run = values.patch_run()->manifest.id;
  return writeup;
}

Json writeup_json(const Writeup& writeup) {
  Json json;
  json["$schema"] = "urn:gnomon:schema:writeup:1";
  json["words"] = writeup_words(writeup.markdown);
  json["patch_run"] = writeup.patch_run.empty() ? Json(nullptr) : Json(writeup.patch_run);
  json["numbers"] = Json::array();
  for (const WriteupNumber& number : writeup.numbers)
    json["numbers"].push_back({{"key", number.key}, {"text", number.text}});
  json["claims"] = Json::array();
  for (const WriteupClaim& claim : writeup.claims) {
    json["claims"].push_back({{"id", claim.id},
                              {"outcome", claim.outcome},
                              {"because", claim.because},
                              {"sentence", claim.sentence}});
  }
  return json;
}

ReportFiles writeup_report(const StoredRun& run) {
  if (!run.manifest.files.contains(kProjectionsFile)) return {};
  const Writeup writeup = write_up(RunValues(run));
  return {{{"writeup.md", writeup.markdown, false},
           {"writeup.json", dump_json(writeup_json(writeup)), false}},
          {}};
}

}  // namespace gnomon
