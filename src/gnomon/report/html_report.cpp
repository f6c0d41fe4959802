// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/html_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "gnomon/report/html_text.h"
#include "gnomon/report/run_list.h"
#include "gnomon/report/study_files.h"

namespace gnomon {
namespace {

std::string row(std::string_view name, std::string_view value) {
  return fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", html_text(name),
                     html_text(value));
}

std::vector<CheckResult> checks_of(const StoredRun& run) {
  if (!run.manifest.files.contains("checks.json")) return {};
  return checks_from_json(run.read_json("checks.json"), "checks.json");
}

}  // namespace

std::string html_report(const StoredRun& run) {
  const RunManifest& manifest = run.manifest;
  std::string provenance = row("state", run_state(run)) +
                           row("command", fmt::format("{}", fmt::join(manifest.argv, " ")));
  if (manifest.model) {
    provenance += row("model", manifest.model->name) + row("model SHA-256", manifest.model->sha256);
  }
  provenance += row("gnomon", manifest.tool.version + " " + manifest.tool.git);
  std::string checks;
  for (const CheckResult& check : checks_of(run))
    checks += row(check.id + " " + check.title, check_status_name(check.status));
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'\">\n"
      "<title>{0}</title>\n<h1>{0}</h1>\n<h2>Provenance</h2>\n<table>\n{1}</table>\n"
      "<h2>Checks</h2>\n<table>\n{2}</table>\n</html>\n",
      html_text(manifest.id), provenance, checks);
}

}  // namespace gnomon
