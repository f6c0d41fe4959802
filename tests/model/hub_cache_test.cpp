// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/hub_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/interrupt.h"
#include "support/temporary_folder.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;
using test::file_content;
using test::names_in;
using test::TemporaryFolder;

constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";
constexpr const char* kOther = "0123456aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

class HubCache : public ::testing::Test {
 protected:
  const TemporaryFolder folder_;
  const HubRepository repository_{folder_.path(), parse_hub_id("org/name")};

  fs::path write(const fs::path& path, std::string_view content) const {
    write_file_atomic(path, content);
    return path;
  }
  fs::path in_snapshot(std::string_view name) const { return repository_.snapshot(kCommit) / name; }
  std::string missing(const std::string& revision = "main") const {
    const HubLookUp found = find_hub_snapshot(repository_, revision);
    EXPECT_FALSE(found.folder);
    return found.missing;
  }
};

TEST_F(HubCache, HasThePlacesOfThePackage) {
  const fs::path folder = folder_ / "models--org--name";
  EXPECT_EQ(repository_.folder(), folder);
  EXPECT_EQ(repository_.blob("abc"), folder / "blobs/abc");
  EXPECT_EQ(repository_.part("abc"), folder / "blobs/abc.incomplete");
  EXPECT_EQ(repository_.ref("refs/pr/1"), folder / "refs/refs/pr/1");
  EXPECT_EQ(repository_.snapshot(kCommit), folder / "snapshots" / kCommit);
  EXPECT_EQ(repository_.lock("abc"), folder_ / ".locks/models--org--name/abc.lock");
}

TEST_F(HubCache, KnowsTheHashThatNamesAFile) {
  const std::string sha256(64, 'a'), sha1(40, 'b');
  repository_.prepare();
  for (const std::string& etag : {sha256, sha1, std::string("no-hash")}) {
    write(repository_.blob(etag), "content");
    repository_.add_to_snapshot(kCommit, etag.substr(0, 2), repository_.blob(etag),
                                HubPlacing::link);
  }
  EXPECT_EQ(hub_content_hash(in_snapshot("aa")), sha256);
  EXPECT_EQ(hub_content_hash(in_snapshot("bb")), sha1);
  EXPECT_EQ(hub_content_hash(in_snapshot("no")), std::nullopt);
  EXPECT_EQ(hub_content_hash(repository_.blob(sha256)), std::nullopt);
  EXPECT_EQ(hub_content_hash(in_snapshot("absent")), std::nullopt);
  fs::create_symlink(repository_.ref("main"), in_snapshot("elsewhere"));
  EXPECT_EQ(hub_content_hash(in_snapshot("elsewhere")), std::nullopt);
}

TEST_F(HubCache, PreparesFoldersAndKeepsAnotherTag) {
  repository_.prepare();
  EXPECT_EQ(names_in(folder_.path()),
            (std::vector<std::string>{".locks", "CACHEDIR.TAG", "models--org--name"}));
  // bford.info/cachedir: the first 43 bytes.
  EXPECT_THAT(file_content(folder_ / "CACHEDIR.TAG"),
              ::testing::StartsWith("Signature: 8a477f597d28d172789f06886806bc55"));
  folder_.write("CACHEDIR.TAG", "another's");
  repository_.prepare();
  EXPECT_EQ(file_content(folder_ / "CACHEDIR.TAG"), "another's");
  EXPECT_TRUE(repository_.can_link());
  EXPECT_EQ(names_in(repository_.folder()), (std::vector<std::string>{"blobs"}));
}

TEST_F(HubCache, RefusesACacheThatIsAFile) {
  const HubRepository below_a_file(folder_.write("file", ""), parse_hub_id("org/name"));
  EXPECT_THROW(below_a_file.prepare(), FileError);
}

TEST_F(HubCache, PutsFilesIntoSnapshots) {
  write(repository_.blob("one"), "1");
  write(repository_.blob("two"), "2");
  repository_.add_to_snapshot(kCommit, "a", repository_.blob("one"), HubPlacing::link);
  EXPECT_EQ(fs::read_symlink(in_snapshot("a")), "../../blobs/one");
  repository_.add_to_snapshot(kCommit, "b/c", repository_.blob("one"), HubPlacing::link);
  EXPECT_EQ(fs::read_symlink(in_snapshot("b/c")), "../../../blobs/one");
  EXPECT_EQ(file_content(in_snapshot("b/c")), "1");
  // What stands there is replaced, and never what a link leads to.
  repository_.add_to_snapshot(kCommit, "a", repository_.blob("two"), HubPlacing::copy);
  EXPECT_FALSE(fs::is_symlink(in_snapshot("a")));
  EXPECT_EQ(file_content(in_snapshot("a")), "2");
  EXPECT_EQ(file_content(repository_.blob("one")), "1");
  repository_.add_to_snapshot(kCommit, "d", repository_.blob("two"), HubPlacing::move);
  EXPECT_EQ(file_content(in_snapshot("d")), "2");
  EXPECT_EQ(names_in(repository_.folder() / "blobs"), (std::vector<std::string>{"one"}));
  EXPECT_EQ(names_in(in_snapshot("")), (std::vector<std::string>{"a", "b", "d"}));
  EXPECT_THROW(
      repository_.add_to_snapshot(kCommit, "e", repository_.blob("absent"), HubPlacing::copy),
      FileError);
}

TEST_F(HubCache, RemembersRevisions) {
  EXPECT_EQ(repository_.commit_of("main"), std::nullopt);
  EXPECT_EQ(repository_.commit_of(kCommit), kCommit);
  repository_.set_ref("main", kCommit);
  repository_.set_ref("refs/pr/1", kOther);
  repository_.set_ref(kCommit, kCommit);
  EXPECT_EQ(file_content(repository_.ref("main")), kCommit);
  EXPECT_EQ(repository_.commit_of("refs/pr/1"), kOther);
  EXPECT_EQ(names_in(repository_.folder() / "refs"), (std::vector<std::string>{"main", "refs"}));
  write(repository_.ref("edited"), std::string(kCommit) + "\r\n");
  EXPECT_EQ(repository_.commit_of("edited"), kCommit);
  for (const std::string& wrong :
       {std::string(), std::string("../../../evil"), std::string("main"), std::string(5000, 'a')}) {
    write(repository_.ref("wrong"), wrong);
    EXPECT_THROW(repository_.commit_of("wrong"), FileError) << wrong.substr(0, 20);
  }
}

TEST_F(HubCache, FindsACommitByItsFirstDigits) {
  fs::create_directories(repository_.snapshot(kCommit));
  EXPECT_EQ(repository_.commit_of("0123456"), kCommit);
  EXPECT_EQ(repository_.commit_of("012345"), std::nullopt);
  EXPECT_EQ(repository_.commit_of("1234567"), std::nullopt);
  fs::create_directories(repository_.snapshot(kOther));
  EXPECT_EQ(repository_.commit_of("0123456"), std::nullopt);
  EXPECT_EQ(repository_.commit_of("01234567"), kCommit);
}

TEST_F(HubCache, SaysWhatASnapshotLacks) {
  EXPECT_EQ(missing(), "no such folder");
  repository_.prepare();
  EXPECT_EQ(missing(), "no refs/main");
  EXPECT_EQ(missing("v1/x"), "no refs/v1/x");
  repository_.set_ref("main", kCommit);
  const std::string place = std::string("snapshots/") + kCommit;
  EXPECT_EQ(missing(), "no " + place);
  write(in_snapshot("tokenizer.json"), "{}");
  EXPECT_EQ(missing(), "no config.json in " + place);
  write(in_snapshot("config.json"), "{}");
  EXPECT_EQ(missing(), "no model.safetensors in " + place);
  write(in_snapshot("model.safetensors.index.json"), R"({"weight_map": {"a": "p.safetensors"}})");
  EXPECT_EQ(missing(), "no p.safetensors in " + place);
  // A link whose blob is gone is no file.
  fs::create_symlink("../../blobs/gone", in_snapshot("p.safetensors"));
  EXPECT_EQ(missing(), "no p.safetensors in " + place);
  write(repository_.blob("gone"), "x");
  EXPECT_EQ(find_hub_snapshot(repository_, "main").folder, repository_.snapshot(kCommit));
  EXPECT_EQ(find_hub_snapshot(repository_, kCommit).folder, repository_.snapshot(kCommit));
}

// What other programs keep there does not matter.
TEST_F(HubCache, LeavesUnknownNamesAlone) {
  repository_.prepare();
  write(repository_.folder() / "trees" / (std::string(kCommit) + ".json"), "{}");
  write(repository_.folder() / ".no_exist" / kCommit / "added_tokens.json", "");
  write(repository_.blob("abc.1234abcd.incomplete"), "");
  write(in_snapshot("config.json"), "{}");
  write(in_snapshot("model.safetensors"), "x");
  EXPECT_EQ(find_hub_snapshot(repository_, kCommit).folder, repository_.snapshot(kCommit));
}

TEST_F(HubCache, NamesSnapshots) {
  const std::string end = std::string("/snapshots/") + kCommit;
  EXPECT_EQ(hub_snapshot_name("/c/models--org--na-me" + end), std::string("org/na-me@") + kCommit);
  EXPECT_EQ(hub_snapshot_name(repository_.snapshot(kCommit)), std::string("org/name@") + kCommit);
  for (const std::string& other :
       {std::string("/c/models--org--name/snapshots/main"), "/c/models--gpt2" + end,
        "/c/datasets--org--name" + end, "/c/models--a--b--c" + end, "/c/models----b" + end,
        "/c/models--org--name/blobs/" + std::string(kCommit), std::string(kCommit), std::string(),
        std::string("/")})
    EXPECT_EQ(hub_snapshot_name(other), std::nullopt) << other;
}

TEST_F(HubCache, ComparesContentsWithETags) {
  const fs::path file = folder_.write("file", "hello\n");
  // git hash-object, sha256sum.
  EXPECT_TRUE(has_content(file, "ce013625030ba8dba906f756967f9e9ca394464a"));
  EXPECT_TRUE(
      has_content(file, "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"));
  EXPECT_FALSE(has_content(file, std::string(40, '0')));
  EXPECT_FALSE(has_content(file, std::string(64, '0')));
  for (const std::string& wrong : {std::string(), std::string("abc"), std::string(41, '0'),
                                   std::string(40, 'G'), std::string("../../x")}) {
    EXPECT_FALSE(is_content_hash(wrong));
    EXPECT_THROW(has_content(file, wrong), ArgumentError);
  }
}

TEST_F(HubCache, LocksHoldOthersBack) {
  repository_.prepare();
  const fs::path path = repository_.lock("abc");
  auto held = std::make_optional<HubLock>(path, [] { ADD_FAILURE() << "nobody holds it"; });
  std::atomic<int> n_told = 0;
  std::atomic<bool> has_it = false;
  std::thread other([&] {
    const HubLock lock(path, [&] { ++n_told; });
    has_it = true;
  });
  while (n_told == 0) std::this_thread::yield();
  EXPECT_FALSE(has_it);
  held.reset();
  other.join();
  EXPECT_TRUE(has_it);
  EXPECT_EQ(n_told, 1);
}

// filelock, which huggingface_hub uses, may remove the file when it lets the lock go.
TEST_F(HubCache, ALockThatWasRemovedIsMadeAgain) {
  repository_.prepare();
  const fs::path path = repository_.lock("abc");
  auto held = std::make_optional<HubLock>(path, [] {});
  std::atomic<bool> told = false;
  std::thread other([&] { const HubLock lock(path, [&] { told = true; }); });
  while (!told) std::this_thread::yield();
  fs::remove(path);
  held.reset();
  other.join();
  EXPECT_TRUE(fs::exists(path));
}

TEST_F(HubCache, WaitingForALockCanBeInterrupted) {
  repository_.prepare();
  const HubLock held(repository_.lock("abc"), [] {});
  EXPECT_THROW(HubLock(repository_.lock("abc"), [] { request_interrupt(); }), Error);
  clear_interrupt();
}

}  // namespace
}  // namespace gnomon
