// SPDX-License-Identifier: Apache-2.0
// Results of a study as JSON, read back.
#include "gnomon/report/study_files.h"

#include <gtest/gtest.h>

#include "analyses/tiny_study.h"
#include "gnomon/base/error.h"
#include "gnomon/report/study_text.h"

namespace gnomon::test {
namespace {

constexpr TinyFamily kFamilies[] = {TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox};

TEST(StudyFiles, TablesComeBackAsTheyWere) {
  for (const TinyFamily family : kFamilies) {
    const TinyStudy study = make_study(tiny_model(family), {});
    const ProjectionAnalysis again =
        projections_from_json(projections_json(study.data, study.analysis), "projections.json");
    EXPECT_EQ(directions_text(again, "title", {}), directions_text(study.analysis, "title", {}));
    EXPECT_EQ(cosines_text(again, {}), cosines_text(study.analysis, {}));
    EXPECT_EQ(baselines_text(again, {}), baselines_text(study.analysis, {}));
    const Json ladders = audit_json(study.ladders);
    EXPECT_EQ(audit_json(ladders_from_json(ladders, "audit.json")), ladders);
  }
}

TEST(StudyFiles, ChecksComeBackAsTheyWere) {
  const std::vector<CheckResult> checks = {
      make_check("I1", "an equation", 0.5, 1, "a fraction of the bound"),
      make_check("R7", "another", 2, 1, "reports that differ"),
      {"I2", "a third", CheckStatus::skip, std::nullopt, std::nullopt, "no neuron"}};
  const Json json = checks_json(checks);
  EXPECT_EQ(checks_json(checks_from_json(json, "checks.json")), json);
}

TEST(StudyFiles, ReadingRefusesWhatIsNotThere) {
  EXPECT_THROW(projections_from_json(Json::object(), "projections.json"), FileError);
  EXPECT_THROW(ladders_from_json(Json::array(), "audit.json"), FileError);
  EXPECT_THROW(checks_from_json(Json::parse(R"([{"id": "I1"}])"), "checks.json"), FileError);
  Json status = checks_json(std::vector{make_check("I1", "an equation", 0, 1, "")});
  status[0]["status"] = "perhaps";
  EXPECT_THROW(checks_from_json(status, "checks.json"), FileError);
}

}  // namespace
}  // namespace gnomon::test
