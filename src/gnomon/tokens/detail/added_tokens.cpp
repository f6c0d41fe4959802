// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tokens/detail/added_tokens.h"

#include <algorithm>

#include "gnomon/text/utf8.h"
#include "gnomon/tokens/detail/code_point_class.h"
#include "gnomon/tokens/detail/utf8.h"

namespace gnomon::detail {
namespace {

bool has_bit(std::string_view text, std::size_t at, CodePointBit bit) {
  return (code_point_bits(utf8_character_at(text, at).code_point) & bit) != 0;
}

bool touches_word(std::string_view text, std::size_t first, std::size_t last) {
  return (first > 0 && has_bit(text, utf8_previous(text, first), kWord)) ||
         (last < text.size() && has_bit(text, last, kWord));
}

std::size_t skip_spaces_back(std::string_view text, std::size_t lowest, std::size_t end) {
  while (end > lowest) {
    const std::size_t previous = utf8_previous(text, end);
    if (!has_bit(text, previous, kSpace)) break;
    end = previous;
  }
  return end;
}

std::size_t skip_spaces(std::string_view text, std::size_t at) {
  while (at < text.size() && has_bit(text, at, kSpace)) at += utf8_character_at(text, at).n_bytes;
  return at;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<const AddedToken*> tokens) {
  for (const AddedToken* token : tokens) {
    if (token->content.empty()) continue;
    by_first_byte_[static_cast<unsigned char>(token->content.front())].push_back(token);
    empty_ = false;
  }
  for (auto& bucket : by_first_byte_) {
    std::stable_sort(bucket.begin(), bucket.end(), [](const AddedToken* a, const AddedToken* b) {
      return a->content.size() > b->content.size();
    });
  }
}

const AddedToken* AddedTokens::longest_at(std::string_view text, std::size_t at) const {
  for (const AddedToken* token : by_first_byte_[static_cast<unsigned char>(text[at])]) {
    if (text.substr(at).starts_with(token->content)) return token;
  }
  return nullptr;
}

void AddedTokens::split(std::string_view text, std::size_t offset,
                        std::vector<TextPart>& parts) const {
  const auto add = [&](std::size_t first, std::size_t last, const AddedToken* token) {
    parts.push_back({offset + first, offset + last, token});
  };
  std::size_t done = 0;
  for (std::size_t at = 0; !empty_ && at < text.size();) {
    const AddedToken* token = longest_at(text, at);
    if (token == nullptr) {
      ++at;
      continue;
    }
    std::size_t first = at;
    std::size_t last = at + token->content.size();
    at = last;  // a match that is turned down hides those inside it, as in Hugging Face
    if (token->single_word && touches_word(text, first, last)) continue;
    if (token->lstrip) first = skip_spaces_back(text, std::min(done, first), first);
    if (token->rstrip) last = skip_spaces(text, last);
    if (done < first) add(done, first, nullptr);
    // The space that an rstrip token took may be the start of this one.
    add(std::max(first, std::min(done, last)), last, token);
    done = last;
  }
  if (done < text.size()) add(done, text.size(), nullptr);
}

}  // namespace gnomon::detail
