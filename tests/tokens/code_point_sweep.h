// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include "gnomon/base/threads.h"
#include "gnomon/tokens/tokenizer.h"
#include "tokens/golden.h"

namespace gnomon::test {

inline constexpr char32_t kSweepBlock = 4096;
inline constexpr std::size_t kNSweeps = 5;

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
  return short_hash(lines, 16);
}

// Compares the ids of every code point below `end`, whole blocks at a time.
inline void expect_sweep(const Sweep& sweep, char32_t end) {
  const Tokenizer tokenizer(golden_spec(sweep.tokenizer));
  std::vector<char32_t> starts;
  for (char32_t first = 0; first < end; first += kSweepBlock) {
    if (first >= 0xD800 && first + kSweepBlock <= 0xE000) continue;  // only surrogates
    starts.push_back(first);
  }
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
