// SPDX-License-Identifier: Apache-2.0
#include "gnomon/base/zip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/quote.h"

namespace gnomon {
namespace {

using Bytes = std::span<const std::byte>;

// Sizes and signatures of APPNOTE.TXT 6.3, sections 4.3.7, 4.3.12 and 4.3.16.
constexpr std::size_t kLocalHeaderBytes = 30;
constexpr std::size_t kCentralHeaderBytes = 46;
constexpr std::size_t kEndRecordBytes = 22;
constexpr std::size_t kLongestComment = 0xffff;
constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::uint32_t kCentralSignature = 0x02014b50;
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint16_t kEncrypted = 1;
constexpr std::uint16_t kStored = 0;
constexpr std::uint16_t kDeflated = 8;
constexpr std::size_t kPieceBytes = 1 << 18;

std::uint16_t u16(Bytes bytes, std::size_t offset) {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[offset]) |
                                    std::to_integer<unsigned>(bytes[offset + 1]) << 8);
}

std::uint32_t u32(Bytes bytes, std::size_t offset) {
  return u16(bytes, offset) | static_cast<std::uint32_t>(u16(bytes, offset + 2)) << 16;
}

std::string text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

[[noreturn]] void fail(const MappedFile& file, const std::string& what) {
  throw FileError(fmt::format("\"{}\": {}", file.path().string(), what),
                  "the archive is damaged or cut short; get it again");
}

[[noreturn]] void refuse(const MappedFile& file, const std::string& what) {
  throw UnsupportedError(fmt::format("\"{}\": {}", file.path().string(), what));
}

struct CentralDirectory {
  Bytes bytes;
  std::size_t offset = 0;
  std::size_t n_member = 0;
};

// The end record stands at the end, followed by a comment of a length that it states.
std::size_t find_end_record(const MappedFile& file) {
  const Bytes bytes = file.bytes();
  if (bytes.size() >= kEndRecordBytes) {
    const std::size_t last = bytes.size() - kEndRecordBytes;
    const std::size_t first = last - std::min(last, kLongestComment);
    for (std::size_t offset = last + 1; offset-- > first;) {
      if (u32(bytes, offset) == kEndSignature && u16(bytes, offset + 20) == last - offset) {
        return offset;
      }
    }
  }
  fail(file, "no end record of a zip archive in the last 64 KiB");
}

CentralDirectory find_central_directory(const MappedFile& file) {
  const std::size_t end = find_end_record(file);
  const Bytes record = file.bytes().subspan(end, kEndRecordBytes);
  const std::uint16_t n_member = u16(record, 10);
  const std::uint32_t size = u32(record, 12);
  const std::uint32_t offset = u32(record, 16);
  if (n_member == 0xffff || size == 0xffffffff || offset == 0xffffffff) {
    refuse(file, "an archive with zip64 sizes, which are not read");
  }
  if (u16(record, 4) != 0 || u16(record, 6) != 0 || u16(record, 8) != n_member) {
    refuse(file, "an archive of several disks, which is not read");
  }
  if (offset > end || size > end - offset) {
    fail(file, fmt::format("the central directory takes {} bytes from {}, expected a range before "
                           "the end record at {}",
                           size, offset, end));
  }
  if (n_member > size / kCentralHeaderBytes) {
    fail(file,
         fmt::format("the central directory of {} bytes states {} members, it has room for {}",
                     size, n_member, size / kCentralHeaderBytes));
  }
  return {file.bytes().subspan(offset, size), offset, n_member};
}

// Where a member's bytes begin: after its local header, whose variable part may differ in length
// from the central one.
Bytes packed_bytes(const MappedFile& file, std::size_t directory_offset,
                   std::uint32_t header_offset, std::uint32_t packed_size,
                   const std::string& name) {
  const Bytes before = file.bytes().first(directory_offset);
  const std::string who = fmt::format("member {}", quote(name));
  if (header_offset > before.size() || before.size() - header_offset < kLocalHeaderBytes) {
    fail(file, fmt::format("{} begins at {}, expected before the central directory at {}", who,
                           header_offset, directory_offset));
  }
  const Bytes header = before.subspan(header_offset);
  const std::size_t name_size = u16(header, 26);
  const std::size_t extra_size = u16(header, 28);
  if (u32(header, 0) != kLocalSignature ||
      header.size() - kLocalHeaderBytes < name_size + extra_size ||
      text(header.subspan(kLocalHeaderBytes, name_size)) != name) {
    fail(file, fmt::format("{} has no local header at {}", who, header_offset));
  }
  const Bytes rest = header.subspan(kLocalHeaderBytes + name_size + extra_size);
  if (packed_size > rest.size()) {
    fail(file, fmt::format("{} has {} bytes, but {} lie before the central directory", who,
                           packed_size, rest.size()));
  }
  return rest.first(packed_size);
}

ZipFile::Member read_member(const MappedFile& file, const CentralDirectory& directory, Bytes header,
                            const std::string& name) {
  const std::string who = fmt::format("member {}", quote(name));
  const std::uint16_t method = u16(header, 10);
  const std::uint32_t packed_size = u32(header, 20);
  const std::uint32_t size = u32(header, 24);
  const std::uint32_t offset = u32(header, 42);
  if ((u16(header, 8) & kEncrypted) != 0) refuse(file, who + " is encrypted");
  if (method != kStored && method != kDeflated) {
    refuse(file, fmt::format("{} has compression method {}, expected 0 (stored) or 8 (deflate)",
                             who, method));
  }
  if (packed_size == 0xffffffff || size == 0xffffffff || offset == 0xffffffff) {
    refuse(file, who + " has zip64 sizes, which are not read");
  }
  if (u16(header, 34) != 0) refuse(file, who + " lies on another disk");
  if (method == kStored && packed_size != size) {
    fail(file, fmt::format("{} is stored in {} bytes, expected {}", who, packed_size, size));
  }
  ZipFile::Member member;
  member.name = name;
  member.size = size;
  member.crc32 = u32(header, 16);
  member.deflated = method == kDeflated;
  member.packed = packed_bytes(file, directory.offset, offset, packed_size, name);
  return member;
}

// Owns zlib's state.
class Inflater {
 public:
  Inflater() {
    // Negative: raw deflate, without a zlib header.
    if (inflateInit2(&stream_, -MAX_WBITS) != Z_OK) {
      throw Error(ErrorCode::out_of_resources, "zlib found no memory to decompress with");
    }
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
};

// Counts and sums what passes, and refuses more than the member states.
class CheckedSink {
 public:
  CheckedSink(const MappedFile& file, const ZipFile::Member& member,
              const std::function<void(Bytes)>& sink)
      : file_(file), member_(member), sink_(sink) {}

  void put(Bytes piece) {
    size_ += piece.size();
    if (size_ > member_.size) {
      fail(file_, fmt::format("member {} has more than the {} bytes it states", quote(member_.name),
                              member_.size));
    }
    crc_ = crc32_z(crc_, reinterpret_cast<const Bytef*>(piece.data()), piece.size());
    if (!piece.empty()) sink_(piece);
  }

  void finish() const {
    if (size_ != member_.size) {
      fail(file_, fmt::format("member {} has {} bytes, expected {}", quote(member_.name), size_,
                              member_.size));
    }
    if (crc_ != member_.crc32) {
      fail(file_, fmt::format("member {} has CRC-32 {:08x}, expected {:08x}", quote(member_.name),
                              crc_, member_.crc32));
    }
  }

 private:
  const MappedFile& file_;
  const ZipFile::Member& member_;
  const std::function<void(Bytes)>& sink_;
  std::uint64_t size_ = 0;
  uLong crc_ = ::crc32_z(0, nullptr, 0);
};

void inflate_into(const MappedFile& file, const ZipFile::Member& member, CheckedSink& sink) {
  Inflater inflater;
  z_stream& stream = inflater.stream();
  // zlib takes a pointer to const only under ZLIB_CONST, and writes to none. Sizes fit: the format
  // without zip64 has 32 bits for them.
  stream.next_in =
      const_cast<Bytef*>(reinterpret_cast<const Bytef*>(member.packed.data()));  // NOLINT
  stream.avail_in = static_cast<uInt>(member.packed.size());
  std::vector<std::byte> piece(kPieceBytes);
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    status = inflate(&stream, Z_NO_FLUSH);
    const std::size_t n = piece.size() - stream.avail_out;
    if ((status != Z_OK && status != Z_STREAM_END) || (status == Z_OK && n == 0)) {
      fail(file, fmt::format("member {} is not a valid deflate stream", quote(member.name)));
    }
    sink.put(Bytes(piece).first(n));
  }
  if (stream.avail_in != 0) {
    fail(file, fmt::format("member {} ends {} bytes before its stated end", quote(member.name),
                           stream.avail_in));
  }
}

}  // namespace

ZipFile::ZipFile(const std::filesystem::path& path)
    : file_(std::make_shared<const MappedFile>(path)) {
  const CentralDirectory directory = find_central_directory(*file_);
  Bytes rest = directory.bytes;
  members_.reserve(directory.n_member);
  for (std::size_t i = 0; i < directory.n_member; ++i) {
    if (rest.size() < kCentralHeaderBytes || u32(rest, 0) != kCentralSignature) {
      fail(*file_, fmt::format("no central header of member {} of {}", i + 1, directory.n_member));
    }
    const std::size_t name_size = u16(rest, 28);
    const std::size_t entry_size = kCentralHeaderBytes + name_size + u16(rest, 30) + u16(rest, 32);
    if (entry_size > rest.size()) {
      fail(*file_,
           fmt::format("the central header of member {} of {} has {} bytes, but {} are left", i + 1,
                       directory.n_member, entry_size, rest.size()));
    }
    const std::string name = text(rest.subspan(kCentralHeaderBytes, name_size));
    if (!index_.emplace(name, members_.size()).second) {
      fail(*file_, fmt::format("member {} stands twice, expected once", quote(name)));
    }
    members_.push_back(read_member(*file_, directory, rest.first(kCentralHeaderBytes), name));
    rest = rest.subspan(entry_size);
  }
}

const ZipFile::Member* ZipFile::find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &members_[found->second];
}

void ZipFile::read(const Member& member, const std::function<void(Bytes)>& sink) const {
  CheckedSink checked(*file_, member, sink);
  if (member.deflated) {
    inflate_into(*file_, member, checked);
  } else {
    checked.put(member.packed);
  }
  checked.finish();
}

std::vector<std::byte> ZipFile::read(const Member& member, std::uint64_t largest) const {
  if (member.size > largest) {
    fail(*file_, fmt::format("member {} has {} bytes, expected at most {}", quote(member.name),
                             member.size, largest));
  }
  std::vector<std::byte> content;
  read(member, [&](Bytes piece) { content.insert(content.end(), piece.begin(), piece.end()); });
  return content;
}

}  // namespace gnomon
