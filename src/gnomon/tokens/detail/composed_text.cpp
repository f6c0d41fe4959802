// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tokens/detail/composed_text.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <new>
#include <stdexcept>

#include "gnomon/text/utf8.h"

namespace gnomon::detail {
namespace {

// No character below it changes, and none joins what stands before it.
constexpr char32_t kFirstMark = 0x300;
constexpr unsigned char kFirstByteOfMarks = 0xCC;

// Characters with a part in normalization that Unicode has had since version 10. Hugging Face
// tokenizers 0.23 normalizes by version 9, to which they are letters like any other: found by
// asking it about every code point beside utf8proc 2.8, which knows version 15.
struct CodePointRange {
  char32_t first, last;
};
constexpr CodePointRange kLater[] = {
    {0x7FD, 0x7FD},     {0x898, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},
    {0xC3C, 0xC3C},     {0xD3B, 0xD3C},     {0xEBA, 0xEBA},     {0x1715, 0x1715},
    {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},   {0xA82C, 0xA82C},   {0x10D24, 0x10D27},
    {0x10EAB, 0x10EAC}, {0x10EFD, 0x10EFF}, {0x10F46, 0x10F50}, {0x10F82, 0x10F85},
    {0x11070, 0x11070}, {0x1133B, 0x1133B}, {0x1145E, 0x1145E}, {0x11839, 0x1183A},
    {0x11930, 0x11930}, {0x11935, 0x11935}, {0x11938, 0x11938}, {0x1193D, 0x1193E},
    {0x11943, 0x11943}, {0x119E0, 0x119E0}, {0x11A34, 0x11A34}, {0x11A47, 0x11A47},
    {0x11A99, 0x11A99}, {0x11D42, 0x11D42}, {0x11D44, 0x11D45}, {0x11D97, 0x11D97},
    {0x11F41, 0x11F42}, {0x16FF0, 0x16FF1}, {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136},
    {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF}};

bool is_later(char32_t code_point) {
  const auto* after = std::ranges::upper_bound(kLater, code_point, {}, &CodePointRange::first);
  return after != std::begin(kLater) && code_point <= (after - 1)->last;
}

std::string form_c_of_run(std::string_view text) {
  utf8proc_uint8_t* made = nullptr;
  const utf8proc_ssize_t n =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &made,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(made, &std::free);
  if (n == UTF8PROC_ERROR_NOMEM) throw std::bad_alloc();
  if (n < 0) throw std::logic_error(utf8proc_errmsg(n));
  return {reinterpret_cast<const char*>(made), static_cast<std::size_t>(n)};
}

std::string form_c(std::string_view text) {
  std::string result;
  std::size_t first = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Character c = utf8_character_at(text, at);
    if (is_later(c.code_point)) {
      result += form_c_of_run(text.substr(first, at - first));
      result += text.substr(at, c.n_bytes);
      first = at + c.n_bytes;
    }
    at += c.n_bytes;
  }
  return result + form_c_of_run(text.substr(first));
}

int combining_class(std::string_view text) {
  const char32_t first = utf8_character_at(text, 0).code_point;
  if (is_later(first)) return 0;
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(first))->combining_class;
}

// Whether the character `next` begins a stretch after `before`. Composition joins a starter and
// what follows it, so that what comes after `next` cannot tell.
bool begins_stretch(std::string_view before, std::string_view next, std::string_view both) {
  if (utf8_character_at(next, 0).code_point < kFirstMark) return true;
  if (combining_class(next) != 0) return false;
  const std::string alone = form_c(next);
  // Some Tibetan vowels are starters made of two marks.
  return combining_class(alone) == 0 && form_c(both) == form_c(before) + alone;
}

}  // namespace

std::optional<RewrittenText> compose(std::string_view text) {
  const bool plain = std::ranges::all_of(
      text, [](char c) { return static_cast<unsigned char>(c) < kFirstByteOfMarks; });
  if (plain) return std::nullopt;
  if (form_c(text) == text) return std::nullopt;

  RewrittenText result;
  std::size_t first = 0;
  const auto end_stretch = [&](std::size_t at) {
    result.stretches.push_back({result.text.size(), first});
    result.text += form_c(text.substr(first, at - first));
    first = at;
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t after = at + utf8_character_at(text, at).n_bytes;
    if (at > first && begins_stretch(text.substr(first, at - first), text.substr(at, after - at),
                                     text.substr(first, after - first)))
      end_stretch(at);
    at = after;
  }
  end_stretch(text.size());
  result.stretches.push_back({result.text.size(), text.size()});
  return result;
}

}  // namespace gnomon::detail
