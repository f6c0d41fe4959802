// SPDX-License-Identifier: Apache-2.0
#include <string_view>

#include "fuzz/read_input.h"
#include "gnomon/base/json.h"
#include "gnomon/report/evaluation_files.h"
#include "gnomon/report/resolved_config.h"
#include "gnomon/report/run_manifest.h"
#include "gnomon/report/run_summary.h"
#include "gnomon/report/study_files.h"

// The input as each of the files that are read back from a run directory.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using gnomon::test::catch_refusal;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  catch_refusal([&] {
    gnomon::resolved_config_toml(gnomon::parse_resolved_config(text, "config.resolved.toml"));
  });
  gnomon::Json json;
  if (!catch_refusal([&] { json = gnomon::parse_json(text, "run"); })) return 0;
  catch_refusal([&] {
    const gnomon::RunManifest manifest = gnomon::manifest_from_json(json, "run.json");
    gnomon::manifest_from_json(gnomon::to_json(manifest), "run.json");
  });
  catch_refusal([&] { gnomon::summary_from_json(json, "summary.json"); });
  catch_refusal([&] { gnomon::evaluation_from_json(json, "evaluation.json"); });
  catch_refusal([&] { gnomon::drift_from_json(json, 0.95, "training.json"); });
  catch_refusal([&] { gnomon::projections_from_json(json, "projections.json"); });
  catch_refusal([&] { gnomon::ladders_from_json(json, "audit.json"); });
  catch_refusal([&] { gnomon::checks_from_json(json, "checks.json"); });
  return 0;
}
