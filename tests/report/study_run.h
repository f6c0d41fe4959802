// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "analyses/tiny_study.h"
#include "gnomon/report/run_directory.h"
#include "gnomon/report/study_files.h"
#include "report/run_settings.h"

namespace gnomon::test {

struct StudyRunOptions {
  TinyStudyOptions study;
  TinyFamily family = TinyFamily::gpt2;
  std::string model_name = "tiny";
  bool a_check_failed = false;
};

// The run directory of a projection study of a tiny model, as `gnomon projections` writes it.
inline StoredRun write_study_run(const std::filesystem::path& folder,
                                 const StudyRunOptions& options) {
  const TinyStudy study = make_study(tiny_model(options.family), options.study);
  RunSettings settings = run_settings();
  settings.configuration = {{"command", std::string("projections"), "command line"},
                            {"target.unit", options.study.target, "--target"},
                            {"analysis.bootstrap", std::int64_t{200}, "default"},
                            {"analysis.confidence", 0.95, "default"}};
  RunDirectory run = RunDirectory::create(folder, std::move(settings));
  ModelRecord model = model_record();
  model.name = options.model_name;
  run.set_model(std::move(model));
  run.set_data(data_record());
  run.write_text("data/prompts.jsonl", prompts_jsonl(study.texts));
  write_study(run.path() / "data" / "activations.safetensors", study.data, study.analysis);
  run.add_file("data/activations.safetensors");
  run.write_json("analysis/projections.json", projections_json(study.data, study.analysis));
  run.write_csv("analysis/projections.csv",
                projections_csv(study.data, study.texts, study.analysis));
  run.write_json("analysis/correlation.json", correlation_json(study.analysis));
  run.write_json("analysis/audit.json", audit_json(study.ladders));
  const std::vector<CheckResult> checks = {
      make_check("R4", "the stored activation is measured again", 0, 1e-4, "difference"),
      make_check("I1", "an identity", options.a_check_failed ? 2 : 0.5, 1, "of its bound")};
  run.write_json("checks.json", checks_json(checks));
  run.finish();
  return open_run(folder);
}

}  // namespace gnomon::test
