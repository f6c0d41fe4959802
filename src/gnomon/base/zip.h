// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gnomon/base/file.h"

namespace gnomon {

// A zip archive, mapped, for reading members one by one. A member's name is only ever compared,
// never used as a path. Reads stored and deflated members, with or without data descriptors. The
// central directory and every local header are checked against the size of the file before use.
// Throws FileError naming file, member, found and expected; UnsupportedError for encryption,
// several disks, sizes that need zip64, and other compression methods.
class ZipFile {
 public:
  struct Member {
    std::string name;
    std::uint64_t size = 0;  // after decompression
    std::uint32_t crc32 = 0;
    bool deflated = false;
    std::span<const std::byte> packed;  // as it stands in the file
  };

  explicit ZipFile(const std::filesystem::path& path);

  const std::vector<Member>& members() const { return members_; }
  const Member* find(const std::string& name) const;  // null where absent

  // Hands the member's content to `sink` in pieces. Throws FileError where it is damaged, longer or
  // shorter than stated, or its CRC-32 differs: what `sink` has received until then is not to be
  // used.
  void read(const Member& member,
            const std::function<void(std::span<const std::byte>)>& sink) const;
  // The whole content. Throws FileError as above, and where it has more than `largest` bytes.
  std::vector<std::byte> read(const Member& member, std::uint64_t largest) const;

 private:
  std::shared_ptr<const MappedFile> file_;
  std::vector<Member> members_;
  std::map<std::string, std::size_t> index_;
};

}  // namespace gnomon
