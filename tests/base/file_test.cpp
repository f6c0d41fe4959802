// SPDX-License-Identifier: Apache-2.0
#include "gnomon/base/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <stdexcept>

#include "gnomon/base/error.h"
#include "support/temporary_folder.h"

namespace gnomon {
namespace {

using test::file_content;
using test::names_in;
using test::TemporaryFolder;
using ::testing::HasSubstr;

ErrorCode code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const FileError& e) {
    return e.code();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorCode::internal;
}

TEST(MappedFile, HasTheBytes) {
  const TemporaryFolder folder;
  const MappedFile file(folder.write("a", std::string("x\0y", 3)));
  ASSERT_EQ(file.bytes().size(), 3U);
  EXPECT_EQ(file.bytes()[0], std::byte{'x'});
  EXPECT_EQ(file.bytes()[1], std::byte{0});
  EXPECT_EQ(file.path(), folder / "a");
}

TEST(MappedFile, MayBeEmptyAndMoves) {
  const TemporaryFolder folder;
  EXPECT_TRUE(MappedFile(folder.write("empty", "")).bytes().empty());
  MappedFile a(folder.write("a", "abc"));
  MappedFile b(std::move(a));
  EXPECT_EQ(b.bytes().size(), 3U);
  MappedFile c(folder.write("c", "four"));
  c = std::move(b);
  EXPECT_EQ(c.bytes().size(), 3U);
}

TEST(MappedFile, SaysWhyItCannot) {
  const TemporaryFolder folder;
  folder.write("a", "abc");
  EXPECT_EQ(code_of([&] { MappedFile(folder / "absent"); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { MappedFile(folder / "a/b"); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { MappedFile(folder.path()); }), ErrorCode::unreadable);
}

TEST(ReadTextFile, IsBounded) {
  const TemporaryFolder folder;
  const auto path = folder.write("a", "12345");
  EXPECT_EQ(read_text_file(path), "12345");
  EXPECT_EQ(read_text_file(path, 5), "12345");
  EXPECT_EQ(code_of([&] { read_text_file(path, 4); }), ErrorCode::bad_file);
  EXPECT_EQ(read_text_file(folder.write("empty", "")), "");
}

TEST(WriteFileAtomic, WritesReplacesAndCreatesFolders) {
  const TemporaryFolder folder;
  const auto path = folder / "one/two/a.txt";
  write_file_atomic(path, "first");
  EXPECT_EQ(file_content(path), "first");
  write_file_atomic(path, std::string("sec\0nd", 6));
  EXPECT_EQ(file_content(path), std::string("sec\0nd", 6));
  write_file_atomic(path, [](std::ostream& out) { out << "third " << 3; });
  EXPECT_EQ(file_content(path), "third 3");
  EXPECT_EQ(names_in(folder / "one/two"), (std::vector<std::string>{"a.txt"}));
}

TEST(WriteFileAtomic, GivesFilesTheUsualPermissions) {
  const TemporaryFolder folder;
  const mode_t before = ::umask(022);
  write_file_atomic(folder / "a", "x");
  ::umask(before);
  struct stat status {};
  ASSERT_EQ(::stat((folder / "a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0644U);
}

TEST(WriteFileAtomic, LeavesEverythingAsItWasWhereTheWriterThrows) {
  const TemporaryFolder folder;
  const auto path = folder.write("a", "before");
  EXPECT_THROW(write_file_atomic(path,
                                 [](std::ostream& out) {
                                   out << "half";
                                   throw std::runtime_error("stop");
                                 }),
               std::runtime_error);
  EXPECT_EQ(file_content(path), "before");
  EXPECT_EQ(names_in(folder.path()), (std::vector<std::string>{"a"}));
}

// A limit on the size of files stands in for a full disk: both fail in write().
TEST(WriteFileAtomic, LeavesEverythingAsItWasWhereTheDiskIsFull) {
  const TemporaryFolder folder;
  const auto path = folder.write("a", "before");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{100'000, before.rlim_max};
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  std::string message;
  ErrorCode code = ErrorCode::internal;
  try {
    write_file_atomic(path, std::string(200'000, 'x'));
  } catch (const FileError& e) {
    message = e.what();
    code = e.code();
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(code, ErrorCode::write_failed);
  EXPECT_THAT(message, HasSubstr("a\" cannot be written"));
  EXPECT_EQ(file_content(path), "before");
  EXPECT_EQ(names_in(folder.path()), (std::vector<std::string>{"a"}));
}

TEST(WriteFileAtomic, SaysWhyItCannot) {
  const TemporaryFolder folder;
  folder.write("file", "x");
  EXPECT_EQ(code_of([&] { write_file_atomic(folder / "file/below", "x"); }),
            ErrorCode::write_failed);
  std::filesystem::create_directory(folder / "taken");
  EXPECT_EQ(code_of([&] { write_file_atomic(folder / "taken", "x"); }), ErrorCode::write_failed);
  EXPECT_EQ(names_in(folder.path()), (std::vector<std::string>{"file", "taken"}));
}

// FIPS 180-2, appendix B, and the empty message.
TEST(Sha256, HasThePublishedValues) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const TemporaryFolder folder;
  EXPECT_EQ(sha256_file(folder.write("a", "abc")), sha256_hex("abc"));
  EXPECT_EQ(sha256_file(folder.write("b", "")), sha256_hex(""));
}

}  // namespace
}  // namespace gnomon
