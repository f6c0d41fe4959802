// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <string_view>

#include "fuzz/read_input.h"
#include "gnomon/tokens/tokenizer.h"
#include "gnomon/tokens/tokenizer_json.h"

namespace {

// Letters, digits, white space, a contraction, other scripts, and bytes that are not UTF-8.
constexpr std::string_view kText =
    "The shadow's 12 hours\t\r\n  don\xe2\x80\x99t caf\xc3\xa9 \xe6\x9d\xb1\xf0\x9f\x8c\x9e "
    "<|endoftext|>\xff\xc3 \x01";

void require(bool holds) {
  if (!holds) std::abort();
}

void encode(const gnomon::Tokenizer& tokenizer, std::string_view text) {
  const gnomon::Encoding encoding = tokenizer.encode_with_offsets(text);
  require(encoding.ids.size() == encoding.spans.size());
  std::size_t last = 0;
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    require(encoding.ids[i] >= 0 && encoding.ids[i] < tokenizer.d_vocab());
    require(encoding.spans[i].first >= last && encoding.spans[i].last >= encoding.spans[i].first);
    last = encoding.spans[i].last;
  }
  require(last <= text.size());
  require(tokenizer.encode(text) == encoding.ids);
  tokenizer.decode(encoding.ids);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return gnomon::test::read_input(data, size, [&](const std::filesystem::path& path) {
    const gnomon::Tokenizer tokenizer(gnomon::read_tokenizer_json(path));
    encode(tokenizer, kText);
    encode(tokenizer, {reinterpret_cast<const char*>(data), size});
  });
}
