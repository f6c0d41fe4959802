// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/encoded_texts.h"

#include <fmt/format.h>

#include "gnomon/base/error.h"

namespace gnomon {

EncodedTexts encode_texts(const Model& model, std::vector<TextRecord> records) {
  EncodedTexts texts;
  const Index n_ctx = model.config().n_ctx;
  for (std::size_t i = 0; i < records.size(); ++i) {
    Encoding encoding = model.tokenizer().encode_with_offsets(records[i].text);
    const auto n_token = static_cast<Index>(encoding.ids.size());
    std::string why;
    if (encoding.n_dropped_bytes > 0) {
      why = fmt::format("{} bytes have no token in the vocabulary", encoding.n_dropped_bytes);
    } else if (n_token == 0) {
      why = "the text has no tokens";
    } else if (n_token > n_ctx) {
      why = fmt::format("{} tokens, the context holds {}", n_token, n_ctx);
    }
    if (!why.empty()) {
      texts.excluded.push_back({static_cast<Index>(i), records[i].source, why});
      continue;
    }
    texts.ids.push_back(std::move(encoding.ids));
    texts.records.push_back(std::move(records[i]));
  }
  if (texts.records.empty()) {
    throw ArgumentError(
        ErrorCode::bad_data,
        fmt::format("no text is left of {}{}", records.size(),
                    texts.excluded.empty() ? "" : "; the first: " + texts.excluded.front().why));
  }
  return texts;
}

}  // namespace gnomon
