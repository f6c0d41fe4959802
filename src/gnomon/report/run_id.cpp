// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/run_id.h"

#include <fmt/format.h>

#include <cstdint>

#include "gnomon/base/error.h"

namespace gnomon {
namespace {

constexpr std::size_t kLongestWord = 40;

struct UtcFields {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  std::int64_t hour = 0;
  std::int64_t minute = 0;
  std::int64_t second = 0;
};

UtcFields utc_fields(WallClock time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  return {static_cast<int>(date.year()),     static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()), clock.hours().count(),
          clock.minutes().count(),           clock.seconds().count()};
}

bool is_kept(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-';
}

std::string plain_word(std::string_view word) {
  while (word.ends_with('/')) word.remove_suffix(1);
  word.remove_prefix(word.rfind('/') + 1);  // npos + 1 is 0
  std::string plain;
  for (const char c : word.substr(0, kLongestWord)) plain += is_kept(c) ? c : '-';
  // A leading dot hides the folder, a leading dash makes it look like an option.
  plain.erase(0, plain.find_first_not_of(".-"));
  return plain.empty() ? "unnamed" : plain;
}

// 20 bits of the hash in Crockford's alphabet, which has no i, l, o and u.
std::string short_hash(std::string_view sha256) {
  constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
  std::uint32_t bits = 0;
  if (sha256.size() < 5) throw InternalError("run_id: the configuration has no SHA-256");
  for (const char c : sha256.substr(0, 5)) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && (c < 'a' || c > 'f'))
      throw InternalError("run_id: a SHA-256 that is not hexadecimal");
    bits = bits * 16 + static_cast<std::uint32_t>(digit ? c - '0' : c - 'a' + 10);
  }
  std::string text;
  for (const int shift : {15, 10, 5, 0}) text += kAlphabet[(bits >> shift) & 31U];
  return text;
}

}  // namespace

std::string run_id(std::span<const std::string> words, std::string_view configuration_sha256) {
  std::string id;
  for (const std::string& word : words) id += plain_word(word) + "_";
  return id + short_hash(configuration_sha256);
}

std::string run_folder_name(WallClock started, std::string_view id) {
  const UtcFields t = utc_fields(started);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z_{}", t.year, t.month, t.day, t.hour,
                     t.minute, t.second, id);
}

std::string utc_time(WallClock time) {
  const UtcFields t = utc_fields(time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", t.year, t.month, t.day, t.hour,
                     t.minute, t.second);
}

}  // namespace gnomon
