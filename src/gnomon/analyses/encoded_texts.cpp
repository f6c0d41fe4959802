// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/encoded_texts.h"

#include <fmt/format.h>

#include <limits>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/interrupt.h"

namespace gnomon {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

bool has_position(const Position& position, Index n_token) {
  if (position.kind != Position::Kind::index) return true;
  return position.index >= 0 ? position.index < n_token : -position.index <= n_token;
}

// Empty where the text can be measured.
std::string why_excluded(const Encoding& encoding, const ModelConfig& config,
                         const std::optional<Position>& position) {
  const auto n_token = static_cast<Index>(encoding.ids.size());
  if (encoding.n_dropped_bytes > 0)
    return fmt::format("{} bytes have no token in the vocabulary", encoding.n_dropped_bytes);
  if (n_token == 0) return "the text has no tokens";
  if (n_token > config.n_ctx)
    return fmt::format("{} tokens, the context holds {}", n_token, config.n_ctx);
  if (position && !has_position(*position, n_token))
    return fmt::format("{} tokens, {} does not exist", n_token, position_name(*position));
  return {};
}

}  // namespace

EncodedTexts encode_texts(const Model& model, std::vector<TextRecord> records,
                          const EncodeOptions& options) {
  EncodedTexts texts;
  constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  std::unordered_map<std::string, std::size_t> first_copy;  // kNone where it was left out
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (i % 1024 == 0) check_interrupted();
    const auto exclude = [&](std::string why) {
      texts.excluded.push_back({static_cast<Index>(i), records[i].source, std::move(why)});
    };
    std::size_t* copy = nullptr;
    if (options.deduplicate) {
      const std::string_view key = trimmed(records[i].text);
      if (key.empty()) {
        exclude("the text is blank");
        continue;
      }
      copy = &first_copy.try_emplace(std::string(key), kNone).first->second;
      if (*copy != kNone) {
        ++texts.n_copies[*copy];
        continue;
      }
    }
    Encoding encoding = model.tokenizer().encode_with_offsets(records[i].text);
    std::string why = why_excluded(encoding, model.config(), options.position);
    if (!why.empty()) {
      exclude(std::move(why));
      continue;
    }
    if (copy != nullptr) *copy = texts.ids.size();
    texts.ids.push_back(std::move(encoding.ids));
    texts.records.push_back(std::move(records[i]));
    texts.n_copies.push_back(1);
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
