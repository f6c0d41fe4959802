// SPDX-License-Identifier: Apache-2.0
#include "gnomon/base/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "gnomon/base/error.h"
#include "gnomon/base/interrupt.h"
#include "support/temporary_folder.h"

namespace gnomon {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using ::testing::HasSubstr;

ProcessResult shell(const std::string& script, std::chrono::milliseconds timeout = 20s) {
  return run_process({"/bin/sh", "-c", script}, {}, timeout);
}

TEST(Process, ReturnsStatusAndBothStreams) {
  const ProcessResult result = shell("echo to output; echo to errors >&2; exit 3");
  EXPECT_EQ(result.exit_status, 3);
  EXPECT_FALSE(result.timed_out);
  EXPECT_EQ(result.output, "to output\nto errors\n");
}

TEST(Process, PassesArgumentsAsTheyAre) {
  const ProcessResult result =
      run_process({"printf", "%s|", "a b", "$HOME", "*", "'", ""}, {}, 20s);
  EXPECT_EQ(result.exit_status, 0);
  EXPECT_EQ(result.output, "a b|$HOME|*|'||");
}

TEST(Process, HasAnEmptyInputAndTheGivenEnvironment) {
  const ProcessResult result = run_process({"/bin/sh", "-c", "cat; echo \"$GNOMON_A,$HOME,$PATH\""},
                                           {{"GNOMON_A", "one two"}, {"HOME", "/elsewhere"}}, 20s);
  EXPECT_EQ(result.output, "one two,/elsewhere," + std::string(std::getenv("PATH")) + "\n");
}

TEST(Process, KeepsTheEndOfALongOutput) {
  const ProcessResult result = shell("yes 0123456789 | head -c 1000000; echo; echo end");
  EXPECT_EQ(result.output.size(), 65536U);
  EXPECT_TRUE(result.output.ends_with("\nend\n"));
}

TEST(Process, ReportsTheSignalThatEndedIt) { EXPECT_EQ(shell("kill -9 $$").exit_status, 137); }

TEST(Process, SaysWhatCannotBeStarted) {
  try {
    run_process({"gnomon-no-such-program"}, {}, 20s);
    FAIL();
  } catch (const FileError& e) {
    EXPECT_EQ(e.code(), ErrorCode::not_found);
    EXPECT_THAT(e.what(), HasSubstr("\"gnomon-no-such-program\" cannot be started: No such file"));
  }
  try {
    run_process({"/tmp"}, {}, 20s);
    FAIL();
  } catch (const FileError& e) {
    EXPECT_EQ(e.code(), ErrorCode::unreadable);
  }
}

// The pids that a script has written, one a line.
bool any_alive(const std::string& output) {
  std::size_t begin = 0;
  while (begin < output.size()) {
    const pid_t pid = std::atoi(output.c_str() + begin);
    if (pid > 0 && ::kill(pid, 0) == 0) return true;
    begin = std::min(output.find('\n', begin), output.size() - 1) + 1;
  }
  return false;
}

TEST(Process, EndsWithItsChildrenOnTheTimeout) {
  const auto begin = Clock::now();
  const ProcessResult result = shell("sleep 30 & echo $!; wait", 300ms);
  EXPECT_TRUE(result.timed_out);
  EXPECT_LT(Clock::now() - begin, 10s);
  ASSERT_FALSE(result.output.empty());
  // The orphan is reaped by init, which may take a moment.
  for (int i = 0; i < 1000 && any_alive(result.output); ++i) std::this_thread::sleep_for(20ms);
  EXPECT_FALSE(any_alive(result.output));
}

TEST(Process, IsKilledWhereItIgnoresTheRequest) {
  const auto begin = Clock::now();
  const ProcessResult result = shell("trap '' INT; while :; do sleep 0.1; done", 200ms);
  EXPECT_TRUE(result.timed_out);
  EXPECT_EQ(result.exit_status, 137);
  EXPECT_LT(Clock::now() - begin, 15s);
}

TEST(Process, DoesNotWaitForWhatItsChildrenLeaveOpen) {
  const auto begin = Clock::now();
  const ProcessResult result = shell("sleep 8 & exit 0");
  EXPECT_EQ(result.exit_status, 0);
  EXPECT_LT(Clock::now() - begin, 6s);
}

TEST(Process, StopsOnRequest) {
  const std::jthread interrupter([] {
    std::this_thread::sleep_for(200ms);
    request_interrupt();
  });
  const auto begin = Clock::now();
  try {
    shell("sleep 30");
    ADD_FAILURE();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::interrupted);
  }
  clear_interrupt();
  EXPECT_LT(Clock::now() - begin, 10s);
}

TEST(Process, StartedIsNotWaitedFor) {
  const test::TemporaryFolder folder;
  const std::filesystem::path done = folder.path() / "done";
  const auto begin = Clock::now();
  // In a session of its own, a process is the leader: session and process have the same number.
  start_process({"/bin/sh", "-c", "sleep 3; ps -o sid= -p $$ | grep -qw $$ && touch \"$1\"", "sh",
                 done.string()});
  EXPECT_LT(Clock::now() - begin, 2s);
  EXPECT_FALSE(std::filesystem::exists(done));
  for (int i = 0; i < 1000 && !std::filesystem::exists(done); ++i)
    std::this_thread::sleep_for(20ms);
  EXPECT_TRUE(std::filesystem::exists(done));
}

TEST(Process, StartingWhatIsNotThereSaysSo) {
  EXPECT_THROW(start_process({"gnomon-has-no-such-program"}), FileError);
}

}  // namespace
}  // namespace gnomon
