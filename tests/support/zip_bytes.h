// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <zlib.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace gnomon::test {

// Puts a zip archive together byte by byte, right or wrong as the test wants it.
class ZipBytes {
 public:
  struct Options {
    bool deflate = true;
    bool data_descriptor = false;   // the local header has zeros, sizes and CRC follow the content
    std::uint16_t method = 0xffff;  // as stated; 0xffff: the right one
    std::uint16_t flags = 0;
    std::int64_t stated_size = -1;  // -1: the right one
    std::int64_t stated_packed_size = -1;
    std::int64_t stated_crc = -1;
    std::int64_t stated_offset = -1;
    std::string extra = {};       // of the local header: what aligns a member
    std::string local_name = {};  // empty: the same as the central one
    bool after_content = false;   // a byte more than the deflate stream has
  };

  static std::string deflated(std::string_view content) {
    std::string packed(content.size() + 1024, '\0');
    z_stream stream{};
    if (deflateInit2(&stream, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
      throw std::runtime_error("zlib failed");
    }
    std::string input(content);
    stream.next_in = reinterpret_cast<Bytef*>(input.data());
    stream.avail_in = static_cast<uInt>(input.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    const int status = deflate(&stream, Z_FINISH);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    if (status != Z_STREAM_END) throw std::runtime_error("zlib failed");
    return packed;
  }

  ZipBytes& add(const std::string& name, std::string_view content) {
    return add(name, content, Options{});
  }

  ZipBytes& add(const std::string& name, std::string_view content, const Options& options) {
    std::string packed = options.deflate ? deflated(content) : std::string(content);
    if (options.after_content) packed += 'x';
    const auto stated = [](std::int64_t value, std::size_t right) {
      return static_cast<std::uint32_t>(value >= 0 ? value : static_cast<std::int64_t>(right));
    };
    const std::uint32_t crc =
        stated(options.stated_crc,
               crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size()));
    const std::uint32_t packed_size = stated(options.stated_packed_size, packed.size());
    const std::uint32_t size = stated(options.stated_size, content.size());
    const std::uint32_t offset = stated(options.stated_offset, bytes_.size());
    const auto method = static_cast<std::uint16_t>(
        options.method != 0xffff ? options.method : (options.deflate ? 8 : 0));
    const auto flags =
        static_cast<std::uint16_t>(options.flags | (options.data_descriptor ? 8 : 0));
    const std::string& local_name = options.local_name.empty() ? name : options.local_name;

    u32(bytes_, 0x04034b50);
    u16(bytes_, 20);
    u16(bytes_, flags);
    u16(bytes_, method);
    u32(bytes_, 0);
    u32(bytes_, options.data_descriptor ? 0 : crc);
    u32(bytes_, options.data_descriptor ? 0 : packed_size);
    u32(bytes_, options.data_descriptor ? 0 : size);
    u16(bytes_, static_cast<std::uint16_t>(local_name.size()));
    u16(bytes_, static_cast<std::uint16_t>(options.extra.size()));
    bytes_ += local_name + options.extra + packed;
    if (options.data_descriptor) {
      u32(bytes_, 0x08074b50);
      u32(bytes_, crc);
      u32(bytes_, packed_size);
      u32(bytes_, size);
    }

    u32(central_, 0x02014b50);
    u16(central_, 20);
    u16(central_, 20);
    u16(central_, flags);
    u16(central_, method);
    u32(central_, 0);
    u32(central_, crc);
    u32(central_, packed_size);
    u32(central_, size);
    u16(central_, static_cast<std::uint16_t>(name.size()));
    for (int i = 0; i < 4; ++i) u16(central_, 0);
    u32(central_, 0);
    u32(central_, offset);
    central_ += name;
    ++n_member_;
    return *this;
  }

  std::string str(std::string_view comment = {}) const {
    std::string all = bytes_ + central_;
    u32(all, 0x06054b50);
    u16(all, 0);
    u16(all, 0);
    u16(all, n_member_);
    u16(all, n_member_);
    u32(all, static_cast<std::uint32_t>(central_.size()));
    u32(all, static_cast<std::uint32_t>(bytes_.size()));
    u16(all, static_cast<std::uint16_t>(comment.size()));
    return all.append(comment);
  }

 private:
  static void u16(std::string& out, std::uint16_t value) {
    out += static_cast<char>(value & 0xff);
    out += static_cast<char>(value >> 8);
  }
  static void u32(std::string& out, std::uint32_t value) {
    u16(out, static_cast<std::uint16_t>(value & 0xffff));
    u16(out, static_cast<std::uint16_t>(value >> 16));
  }

  std::string bytes_;
  std::string central_;
  std::uint16_t n_member_ = 0;
};

}  // namespace gnomon::test
