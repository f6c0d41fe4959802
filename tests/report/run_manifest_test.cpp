// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/run_manifest.h"

#include <gtest/gtest.h>

#include <functional>
#include <new>

#include "gnomon/base/error.h"
#include "report/run_settings.h"

namespace gnomon {
namespace {

RunManifest full_manifest() {
  RunManifest m = test::run_settings().manifest;
  m.id = "tiny_L1N5_s7_0000";
  m.configuration_sha256 = std::string(64, 'c');
  m.seed = 18446744073709551615U;
  m.status = RunStatus::failed;
  m.stages = {{"data", RunStatus::done}, {"project", RunStatus::failed}};
  m.model = test::model_record();
  m.data = test::data_record();
  m.files = {{"checks.json", {std::string(64, 'd'), 10}},
             {"analysis/a.json", {std::string(64, 'e'), 0}}};
  m.varying_files = {"timing.json", "console.log"};
  m.error = ErrorRecord{"E031", "input_not_found", "\"x\" does not exist", "look elsewhere"};
  return m;
}

TEST(RunManifest, ReadsBackWhatItWrote) {
  const Json json = to_json(full_manifest());
  EXPECT_EQ(to_json(manifest_from_json(json, "run.json")), json);
  EXPECT_EQ(to_json(manifest_from_json(parse_json(dump_json(json), "x"), "run.json")), json);
}

TEST(RunManifest, MayLackModelDataAndError) {
  RunManifest m = full_manifest();
  m.model.reset();
  m.data.reset();
  m.error.reset();
  const RunManifest read = manifest_from_json(to_json(m), "run.json");
  EXPECT_FALSE(read.model || read.data || read.error);
}

TEST(RunManifest, IgnoresFieldsOfLaterMinorVersions) {
  Json json = to_json(full_manifest());
  json["tags"] = {{"k", "v"}};
  EXPECT_NO_THROW(manifest_from_json(json, "run.json"));
}

TEST(RunManifest, RefusesANewerSchema) {
  Json json = to_json(full_manifest());
  json["schema"] = 2;
  try {
    manifest_from_json(json, "runs/a/run.json");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::incompatible);
    EXPECT_STREQ(error.what(), "\"runs/a/run.json\" has schema 2, expected at most 1");
    EXPECT_FALSE(error.hint().empty());
  }
}

struct HostileRow {
  std::function<void(Json&)> change;
  std::string message;
};

TEST(RunManifest, RefusesHostileFieldsByName) {
  const std::vector<HostileRow> rows = {
      {[](Json& j) { j = Json::array(); },
       R"("the document" is of type array, expected an object)"},
      {[](Json& j) { j.erase("id"); }, R"("id" is missing)"},
      {[](Json& j) { j["schema"] = 0; }, R"("schema" is of type number, expected a number from 1)"},
      {[](Json& j) { j["schema"] = "1"; },
       R"("schema" is of type string, expected a whole number from 0)"},
      {[](Json& j) { j["seed"] = -1; },
       R"("seed" is of type number, expected a whole number from 0)"},
      {[](Json& j) { j["seed"] = 1.5; },
       R"("seed" is of type number, expected a whole number from 0)"},
      {[](Json& j) { j["status"] = "great"; },
       R"("status" is of type string, expected running, done, failed or interrupted)"},
      {[](Json& j) { j["argv"] = "gnomon"; }, R"("argv" is of type string, expected a list)"},
      {[](Json& j) { j["argv"] = {1}; }, R"("argv[]" is of type number, expected a string)"},
      {[](Json& j) { j["stages"] = {1}; }, R"("stages[]" is of type number, expected an object)"},
      {[](Json& j) { j["tool"] = nullptr; }, R"("tool" is of type null, expected an object)"},
      {[](Json& j) { j["machine"]["threads"] = 1e10; },
       R"("machine.threads" is of type number, expected a whole number from 0)"},
      {[](Json& j) { j["machine"]["threads"] = 1ULL << 40U; },
       R"("machine.threads" is of type number, expected a number of threads)"},
      {[](Json& j) { j["model"]["sha256"] = "A"; },
       R"("model.sha256" is not a SHA-256, expected 64 hexadecimal digits)"},
      {[](Json& j) { j["data"] = true; }, R"("data" is of type boolean, expected an object)"},
      {[](Json& j) { j["files"] = Json::array(); },
       R"("files" is of type array, expected an object)"},
      {[](Json& j) { j["files"]["checks.json"] = "x"; },
       R"("files[]" is of type string, expected an object)"},
      {[](Json& j) { j["varying_files"] = {"/etc/passwd"}; },
       R"("varying_files" has a path that is absolute, expected one inside the run)"},
  };
  for (const HostileRow& row : rows) {
    Json json = to_json(full_manifest());
    row.change(json);
    try {
      manifest_from_json(json, "run.json");
      ADD_FAILURE() << row.message;
    } catch (const FileError& error) {
      EXPECT_EQ(error.code(), ErrorCode::bad_file);
      EXPECT_EQ(error.what(), "\"run.json\": " + row.message);
    }
  }
}

TEST(RunManifest, RefusesEveryPathOutOfTheRun) {
  const Json record = {{"sha256", std::string(64, 'a')}, {"bytes", 1}};
  for (const char* path : {"", "/etc/passwd", "../x", "a/../../x", "a/..", "..", ".", "a//b", "a/",
                           "./a", "a\\..\\b", "a\nb", "a\x7f"}) {
    Json json = to_json(full_manifest());
    json["files"][path] = record;
    EXPECT_THROW(manifest_from_json(json, "run.json"), FileError) << path;
  }
  for (const char* path : {"a", "a/b.json", "..a", "a..", ".hidden", "...", "a b"}) {
    Json json = to_json(full_manifest());
    json["files"][path] = record;
    EXPECT_NO_THROW(manifest_from_json(json, "run.json")) << path;
  }
}

TEST(ErrorRecordOf, NamesCodeAndKind) {
  const ErrorRecord ours = error_record(FileError(ErrorCode::not_found, "no", "try"));
  EXPECT_EQ(ours.code, "E031");
  EXPECT_EQ(ours.kind, "input_not_found");
  EXPECT_EQ(ours.message, "no");
  EXPECT_EQ(ours.hint, "try");
  EXPECT_EQ(error_record(std::bad_alloc()).code, "E050");
  EXPECT_EQ(error_record(std::runtime_error("x")).code, "E001");
}

}  // namespace
}  // namespace gnomon
