// SPDX-License-Identifier: Apache-2.0
#include "gnomon/base/zip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gnomon/base/error.h"
#include "support/hostile_bytes.h"
#include "support/memory_file.h"
#include "support/zip_bytes.h"

namespace gnomon {
namespace {

using test::MemoryFile;
using test::ZipBytes;
using ::testing::HasSubstr;

constexpr std::uint64_t kPlenty = 1 << 20;

std::string content(const ZipFile& file, const ZipFile::Member& member) {
  const std::vector<std::byte> bytes = file.read(member, kPlenty);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void read_all(const std::filesystem::path& path) {
  const ZipFile file(path);
  for (const ZipFile::Member& member : file.members()) {
    ASSERT_EQ(file.find(member.name), &member);
    file.read(member, kPlenty);
  }
}

std::string refusal(const std::string& bytes) {
  MemoryFile file;
  file.set(bytes);
  try {
    read_all(file.path());
  } catch (const FileError& e) {
    return e.what();
  } catch (const UnsupportedError& e) {
    return std::string("unsupported: ") + e.what();
  }
  return "accepted";
}

std::string member_refusal(const ZipBytes::Options& options) {
  return refusal(ZipBytes().add("a", "some text, some text", options).str());
}

std::string varied_text(std::size_t n) {
  std::string text;
  std::uint32_t x = 1;
  while (text.size() < n) {
    x = x * 1664525 + 1013904223;
    text += static_cast<char>('a' + (x >> 24) % 26);
  }
  return text;
}

TEST(Zip, ReadsStoredAndDeflatedMembers) {
  const std::string large = varied_text(700'000);
  MemoryFile memory;
  memory.set(ZipBytes()
                 .add("dir/deflated", large)
                 .add("stored", "as it is", {.deflate = false})
                 .add("empty", "")
                 .add("empty stored", "", {.deflate = false})
                 .add("streamed", "sizes follow", {.data_descriptor = true})
                 .add("aligned", "padded", {.deflate = false, .extra = std::string(50, '\0')})
                 .str());
  const ZipFile file(memory.path());
  EXPECT_EQ(file.members().size(), 6U);
  EXPECT_EQ(content(file, *file.find("dir/deflated")), large);
  EXPECT_EQ(content(file, *file.find("stored")), "as it is");
  EXPECT_EQ(content(file, *file.find("empty")), "");
  EXPECT_EQ(content(file, *file.find("empty stored")), "");
  EXPECT_EQ(content(file, *file.find("streamed")), "sizes follow");
  EXPECT_EQ(content(file, *file.find("aligned")), "padded");
  EXPECT_EQ(file.find("absent"), nullptr);
}

// Python: info = zipfile.ZipInfo("hi.txt"); info.compress_type = zipfile.ZIP_DEFLATED;
//         zipfile.ZipFile(f, "w").writestr(info, "hello hello hello")
TEST(Zip, ReadsWhatPythonWrites) {
  using namespace std::string_literals;
  MemoryFile memory;
  memory.set(
      "PK\003\004\024\000\000\000\010\000\000\000!\000\200\210\371\345\012\000\000\000\021\000"
      "\000\000\006\000\000\000hi.txt\313H\315\311\311W\310@\220\000PK\001\002\024\003\024\000"
      "\000\000\010\000\000\000!\000\200\210\371\345\012\000\000\000\021\000\000\000\006\000"
      "\000\000\000\000\000\000\000\000\000\000\200\001\000\000\000\000hi.txtPK\005\006\000"
      "\000\000\000\001\000\001\0004\000\000\000.\000\000\000\000\000"s);
  const ZipFile file(memory.path());
  EXPECT_EQ(content(file, *file.find("hi.txt")), "hello hello hello");
}

TEST(Zip, FindsTheEndRecordBeforeAComment) {
  MemoryFile memory;
  memory.set(ZipBytes().add("a", "text").str("a comment with PK\x05\x06 inside"));
  EXPECT_EQ(ZipFile(memory.path()).members().size(), 1U);
  memory.set(ZipBytes().str());
  EXPECT_TRUE(ZipFile(memory.path()).members().empty());
  memory.set(ZipBytes().add("a", "text").str(std::string(65535, ' ')));
  EXPECT_EQ(ZipFile(memory.path()).members().size(), 1U);
}

TEST(Zip, RefusesWhatIsNotAnArchive) {
  EXPECT_THAT(refusal(""), HasSubstr("no end record"));
  EXPECT_THAT(refusal(varied_text(200'000)), HasSubstr("no end record"));
  EXPECT_THAT(refusal(ZipBytes().add("a", "text").str() + "x"), HasSubstr("no end record"));
}

TEST(Zip, RefusesByNameWhatItDoesNotRead) {
  EXPECT_THAT(member_refusal({.method = 12}), HasSubstr("unsupported"));
  EXPECT_THAT(member_refusal({.method = 12}), HasSubstr("compression method 12, expected 0"));
  EXPECT_THAT(member_refusal({.flags = 1}), HasSubstr("member \"a\" is encrypted"));
  EXPECT_THAT(member_refusal({.stated_size = 0xffffffff}), HasSubstr("zip64"));
  EXPECT_THAT(member_refusal({.stated_packed_size = 0xffffffff}), HasSubstr("zip64"));
  EXPECT_THAT(member_refusal({.stated_offset = 0xffffffff}), HasSubstr("zip64"));
  std::string bytes = ZipBytes().add("a", "text").str();
  bytes[bytes.size() - 22 + 4] = 1;
  EXPECT_THAT(refusal(bytes), HasSubstr("several disks"));
}

TEST(Zip, ChecksSizesAndCrc) {
  EXPECT_EQ(member_refusal({}), "accepted");
  EXPECT_THAT(member_refusal({.stated_size = 19}),
              HasSubstr("has more than the 19 bytes it states"));
  EXPECT_THAT(member_refusal({.stated_size = 21}), HasSubstr("has 20 bytes, expected 21"));
  EXPECT_THAT(member_refusal({.deflate = false, .stated_size = 19}),
              HasSubstr("is stored in 20 bytes, expected 19"));
  EXPECT_THAT(member_refusal({.stated_crc = 1}), HasSubstr("expected 00000001"));
  EXPECT_THAT(member_refusal({.deflate = false, .stated_crc = 1}), HasSubstr("expected 00000001"));
  EXPECT_THAT(member_refusal({.after_content = true}),
              HasSubstr("ends 1 bytes before its stated end"));
  EXPECT_THAT(member_refusal({.stated_packed_size = 5}), HasSubstr("not a valid deflate stream"));
  EXPECT_THAT(member_refusal({.deflate = false, .method = 8}),
              HasSubstr("not a valid deflate stream"));
  EXPECT_THAT(member_refusal({.stated_packed_size = 5000}),
              HasSubstr("lie before the central directory"));
}

TEST(Zip, ChecksLocalHeaders) {
  EXPECT_THAT(member_refusal({.stated_offset = 1}), HasSubstr("no local header at 1"));
  EXPECT_THAT(member_refusal({.stated_offset = 4000}),
              HasSubstr("begins at 4000, expected before"));
  EXPECT_THAT(member_refusal({.local_name = "b"}), HasSubstr("no local header at 0"));
}

TEST(Zip, RefusesRepeatedNames) {
  EXPECT_THAT(refusal(ZipBytes().add("a", "1").add("a", "2").str()),
              HasSubstr("member \"a\" stands twice"));
}

TEST(Zip, BoundsTheCentralDirectory) {
  std::string bytes = ZipBytes().add("a", "text").str();
  const auto with = [&](std::size_t from_end_record, std::string_view value) {
    std::string changed = bytes;
    changed.replace(changed.size() - 22 + from_end_record, value.size(), value);
    return refusal(changed);
  };
  EXPECT_THAT(with(12, "\xfe\xff\xff\xff"), HasSubstr("expected a range before the end record"));
  EXPECT_THAT(with(16, "\xfe\xff\xff\xff"), HasSubstr("expected a range before the end record"));
  EXPECT_THAT(with(8, "\xfe\xff\xfe\xff"), HasSubstr("states 65534 members, it has room for 1"));
}

TEST(Zip, LimitsWhatIsReadIntoMemory) {
  MemoryFile memory;
  memory.set(ZipBytes().add("zeros", std::string(1'000'000, '\0')).str());
  const ZipFile file(memory.path());
  EXPECT_EQ(file.read(*file.find("zeros"), 1'000'000).size(), 1'000'000U);
  EXPECT_THROW(file.read(*file.find("zeros"), 999'999), FileError);
}

TEST(Zip, NamesThatLeaveTheFolderAreOnlyNames) {
  MemoryFile memory;
  memory.set(ZipBytes().add("../../etc/x", "1").add("/abs", "2").str());
  const ZipFile file(memory.path());
  EXPECT_EQ(content(file, *file.find("../../etc/x")), "1");
  EXPECT_EQ(content(file, *file.find("/abs")), "2");
}

std::string small_archive() {
  return ZipBytes()
      .add("a", "some text, some text")
      .add("b", "stored", {.deflate = false, .extra = "pad"})
      .add("c", "streamed", {.data_descriptor = true})
      .str("comment");
}

TEST(Zip, SurvivesEveryTruncation) {
  const std::string bytes = small_archive();
  const test::HostileCounts counts = test::try_truncations(bytes, read_all);
  EXPECT_EQ(counts.accepted, 0);
  EXPECT_EQ(counts.refused, static_cast<int>(bytes.size()));
}

TEST(Zip, SurvivesEveryChangedByte) {
  const std::string bytes = small_archive();
  const test::HostileCounts counts = test::try_changed_bytes(bytes, bytes.size(), read_all);
  EXPECT_GT(counts.refused, counts.accepted);
}

}  // namespace
}  // namespace gnomon
