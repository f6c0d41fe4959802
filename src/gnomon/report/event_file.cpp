// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/event_file.h"

#include <fmt/format.h>

#include <bit>
#include <string_view>

#include "gnomon/report/detail/crc32c.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

template <class T>
std::string little_endian(T value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof(T); ++i) bytes += static_cast<char>((value >> (8 * i)) & 0xFF);
  return bytes;
}

// Protocol buffers, encoding: a field is its number and wire type, then its value.
enum class WireType { varint = 0, bits64 = 1, bytes = 2, bits32 = 5 };

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>((value & 0x7F) | 0x80);
  return bytes + static_cast<char>(value);
}

std::string field(unsigned number, WireType type, std::string_view value) {
  std::string bytes = varint(std::uint64_t{number} << 3 | static_cast<std::uint64_t>(type));
  if (type == WireType::bytes) bytes += varint(value.size());
  return bytes.append(value);
}

// The numbers are those of tensorboard/compat/proto/event.proto and summary.proto.
namespace event {
constexpr unsigned kWallTime = 1;  // double, seconds since 1970
constexpr unsigned kStep = 2;
constexpr unsigned kFileVersion = 3;
constexpr unsigned kSummary = 5;
constexpr unsigned kSessionLog = 7;
}  // namespace event
constexpr unsigned kSummaryValue = 1;
constexpr unsigned kValueTag = 1;
constexpr unsigned kValueSimple = 2;  // float
constexpr unsigned kSessionStatus = 1;
constexpr std::uint64_t kSessionStart = 1;

std::string event_start(WallClock now, std::int64_t step) {
  const double seconds = std::chrono::duration<double>(now.time_since_epoch()).count();
  std::string bytes = field(event::kWallTime, WireType::bits64,
                            little_endian(std::bit_cast<std::uint64_t>(seconds)));
  // A field that is 0 is left out, as other writers do.
  if (step != 0) {
    bytes += field(event::kStep, WireType::varint, varint(static_cast<std::uint64_t>(step)));
  }
  return bytes;
}

// TFRecord: length, its checksum, data, their checksum.
std::string record(std::string_view data) {
  const std::string length = little_endian(static_cast<std::uint64_t>(data.size()));
  std::string bytes = length + little_endian(detail::masked_crc32c(length));
  bytes += data;
  return bytes + little_endian(detail::masked_crc32c(data));
}

fs::path new_path(const fs::path& folder, WallClock now) {
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  const std::string name = fmt::format("events.out.tfevents.{:010}.gnomon", seconds);
  fs::path path = folder / name;
  std::error_code ignored;
  for (int n = 2; fs::exists(path, ignored); ++n) path = folder / fmt::format("{}-{}", name, n);
  return path;
}

}  // namespace

EventFile::EventFile(const fs::path& folder, WallClock now, std::int64_t first_step)
    : file_(new_path(folder, now)) {
  std::string start =
      record(event_start(now, 0) + field(event::kFileVersion, WireType::bytes, "brain.Event:2"));
  if (first_step > 0) {
    const std::string status = field(kSessionStatus, WireType::varint, varint(kSessionStart));
    start +=
        record(event_start(now, first_step) + field(event::kSessionLog, WireType::bytes, status));
  }
  file_.append(start);
}

void EventFile::add(WallClock now, std::int64_t step, std::span<const ScalarEvent> scalars) {
  std::string summary;
  for (const ScalarEvent& scalar : scalars) {
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(scalar.value));
    summary += field(kSummaryValue, WireType::bytes,
                     field(kValueTag, WireType::bytes, scalar.tag) +
                         field(kValueSimple, WireType::bits32, little_endian(bits)));
  }
  file_.append(record(event_start(now, step) + field(event::kSummary, WireType::bytes, summary)));
}

}  // namespace gnomon
