// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/metrics_log.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <limits>

#include "gnomon/base/error.h"
#include "support/temporary_folder.h"

namespace gnomon {
namespace {

using test::file_content;
using test::TemporaryFolder;

TEST(MetricsLog, OneObjectALine) {
  const TemporaryFolder folder;
  MetricsLog log(folder / "deep/metrics.jsonl");
  log.append({{"step", 1}, {"split", "train"}, {"loss", 0.1}});
  EXPECT_EQ(file_content(log.path()), "{\"step\":1,\"split\":\"train\",\"loss\":0.1}\n");
  log.append({{"step", 2}, {"loss", 1e300}});
  EXPECT_EQ(file_content(log.path()),
            "{\"step\":1,\"split\":\"train\",\"loss\":0.1}\n{\"step\":2,\"loss\":1e+300}\n");
}

TEST(MetricsLog, HasNoNumbersThatJsonDoesNotHave) {
  const TemporaryFolder folder;
  MetricsLog log(folder / "m.jsonl");
  const double infinity = std::numeric_limits<double>::infinity();
  log.append({{"step", 1},
              {"loss", std::nan("")},
              {"norms", {1.0, infinity}},
              {"by", {{"a", -infinity}, {"b", {{std::nan("")}}}}}});
  EXPECT_EQ(file_content(log.path()),
            "{\"step\":1,\"loss\":null,\"norms\":[1.0,null],\"by\":{\"a\":null,\"b\":[[null]]}}\n");
}

TEST(MetricsLog, KeepsLinesApartWhateverTheTextsHold) {
  const TemporaryFolder folder;
  MetricsLog log(folder / "m.jsonl");
  log.append({{"step", 1}, {"text", "a\nb\x1b \xff é"}});
  const auto lines = read_metrics(log.path());
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["text"], "a\nb\x1b \uFFFD é");
}

TEST(MetricsLog, RefusesWhatHasNoStep) {
  const TemporaryFolder folder;
  MetricsLog log(folder / "m.jsonl");
  for (const Json& bad : {Json{{"loss", 1}}, Json{{"step", 1.5}}, Json{{"step", "1"}},
                          Json::array({1}), Json(nullptr)}) {
    EXPECT_THROW(log.append(bad), InternalError) << bad;
  }
  EXPECT_EQ(file_content(log.path()), "");
}

std::vector<std::int64_t> steps(const std::filesystem::path& path) {
  std::vector<std::int64_t> result;
  for (const Json& line : read_metrics(path)) result.push_back(line["step"].get<std::int64_t>());
  return result;
}

TEST(MetricsLog, GoesOnAfterAStep) {
  const TemporaryFolder folder;
  {
    MetricsLog log(folder / "m.jsonl");
    for (int step = 1; step <= 5; ++step) log.append({{"step", step}});
  }
  const std::string whole = file_content(folder / "m.jsonl");
  {
    MetricsLog log(folder / "m.jsonl", 3);
    EXPECT_EQ(steps(folder / "m.jsonl"), (std::vector<std::int64_t>{1, 2, 3}));
    log.append({{"step", 4}});
    log.append({{"step", 5}});
  }
  EXPECT_EQ(file_content(folder / "m.jsonl"), whole);
  const MetricsLog all(folder / "m.jsonl");
  EXPECT_EQ(file_content(folder / "m.jsonl"), whole);
  const MetricsLog none(folder / "m.jsonl", 0);
  EXPECT_EQ(file_content(folder / "m.jsonl"), "");
}

TEST(MetricsLog, DropsALineThatAKilledProcessLeftUnfinished) {
  const TemporaryFolder folder;
  const std::string whole = "{\"step\":1}\n{\"step\":2}\n";
  const std::string next = "{\"step\":3,\"loss\":0.5}";
  for (std::size_t n = 0; n <= next.size(); ++n) {
    folder.write("m.jsonl", whole + next.substr(0, n));
    EXPECT_EQ(steps(folder / "m.jsonl"), (std::vector<std::int64_t>{1, 2})) << n;
    MetricsLog log(folder / "m.jsonl");
    EXPECT_EQ(file_content(folder / "m.jsonl"), whole) << n;
  }
}

TEST(MetricsLog, SurvivesBeingKilled) {
  const TemporaryFolder folder;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    MetricsLog log(folder / "m.jsonl");
    for (int step = 1; step <= 100; ++step) log.append({{"step", step}});
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(steps(folder / "m.jsonl").size(), 100U);
}

TEST(MetricsLog, NamesTheLineThatIsNotOurs) {
  const TemporaryFolder folder;
  for (const char* line : {"{\"step\":", "[]", "{\"step\":\"x\"}", "null", ""}) {
    folder.write("m.jsonl", std::string("{\"step\":1}\n") + line + "\n{\"step\":2}\n");
    try {
      const MetricsLog log(folder / "m.jsonl");
      FAIL() << line;
    } catch (const FileError& error) {
      EXPECT_NE(std::string(error.what()).find("m.jsonl:2"), std::string::npos) << error.what();
    }
  }
}

TEST(MetricsLog, AFailedWriteLeavesTheLogAsItWas) {
  const TemporaryFolder folder;
  MetricsLog log(folder / "m.jsonl");
  log.append({{"step", 1}});
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto* const handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 1 << 12;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_THROW(log.append({{"step", 2}, {"text", std::string(1 << 13, 'x')}}), FileError);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, handler);
  log.append({{"step", 3}});
  EXPECT_EQ(file_content(log.path()), "{\"step\":1}\n{\"step\":3}\n");
}

}  // namespace
}  // namespace gnomon
