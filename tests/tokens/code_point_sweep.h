// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include "gnomon/base/threads.h"
#include "gnomon/tokens/detail/pretokenizer.h"
#include "gnomon/tokens/tokenizer.h"
#include "tokens/golden.h"

namespace gnomon::test {

inline constexpr char32_t kSweepBlock = 4096;
inline constexpr std::size_t kNSweeps = 4;

inline std::string in_context(const std::string& context, char32_t code_point) {
  std::string text;
  for (const char c : context) {
    if (c == '*') {
      detail::append_utf8(text, code_point);
    } else {
      text.push_back(c);
    }
  }
  return text;
}

inline std::string block_hash(const Tokenizer& tokenizer, const std::string& context,
                              char32_t first) {
  std::string lines;
  bool is_first = true;
  for (char32_t c = first; c < first + kSweepBlock; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    if (!is_first) lines += "\n";
    is_first = false;
    lines += ids_text(tokenizer.encode(in_context(context, c)));
  }
  return short_hash(lines, 8);
}

inline std::vector<char32_t> block_starts(char32_t end) {
  std::vector<char32_t> starts;
  for (char32_t first = 0; first < end; first += kSweepBlock) {
    if (first >= 0xD800 && first + kSweepBlock <= 0xE000) continue;  // only surrogates
    starts.push_back(first);
  }
  return starts;
}

// Compares where pretokens end, for every code point there is.
inline void expect_pretoken_sweep(const std::string& name) {
  const detail::Pretokenizer pretokenizer(golden_spec(name).steps);
  const std::vector<std::string>& blocks = golden().pretoken_sweeps.at(name);
  const std::vector<char32_t> starts = block_starts(0x110000);
  ASSERT_EQ(starts.size(), blocks.size());
  for (std::size_t i = 0; i < starts.size(); ++i) {
    std::string text;
    for (char32_t c = starts[i]; c < starts[i] + kSweepBlock; ++c) {
      if (c >= 0xD800 && c <= 0xDFFF) continue;
      text += in_context(golden().pretoken_context, c);
    }
    std::string ends;
    for (const std::size_t end : pretokenizer.ends(text)) {
      ends += (ends.empty() ? "" : " ") + std::to_string(end);
    }
    EXPECT_EQ(short_hash(ends, 8), blocks[i])
        << name << ", block from U+" << std::hex << static_cast<std::uint32_t>(starts[i]);
  }
}

// Compares the ids of every code point below `end`, whole blocks at a time.
inline void expect_sweep(const Tokenizer& tokenizer, const Sweep& sweep, char32_t end) {
  const std::vector<char32_t> starts = block_starts(end);
  ASSERT_LE(starts.size(), sweep.blocks.size());
  parallel_for(0, static_cast<std::int64_t>(starts.size()), 1,
               [&](std::int64_t begin, std::int64_t stop) {
                 for (std::int64_t b = begin; b < stop; ++b) {
                   const auto i = static_cast<std::size_t>(b);
                   EXPECT_EQ(block_hash(tokenizer, sweep.context, starts[i]), sweep.blocks[i])
                       << sweep.tokenizer << ", block from U+" << std::hex
                       << static_cast<std::uint32_t>(starts[i]);
                 }
               });
}

}  // namespace gnomon::test
