// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tokens/detail/pretokenizer.h"

#include <fmt/format.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <string>

#include "gnomon/base/error.h"
#include "gnomon/tokens/detail/code_point_class.h"

namespace gnomon::detail {
namespace {

struct CodeDeleter {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct MatchDataDeleter {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
using Code = std::unique_ptr<pcre2_code, CodeDeleter>;
using MatchData = std::unique_ptr<pcre2_match_data, MatchDataDeleter>;

// The Hugging Face expressions with classes written for projected text: {L} letters, {N} numbers,
// {s} white space, {f} what folds to s. They are, in this order:
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//   (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*
//     |\s*[\r\n]+|\s+(?!\S)|\s+
//   the same with \p{N} for \p{N}{1,3}
constexpr std::string_view kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?[{L}]+| ?[{N}]+| ?[^{s}{L}{N}]+|[{s}]+(?![^{s}])|[{s}]+)";
constexpr std::string_view kAnyCaseContraction =
    R"('(?:[sS{f}]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD])|[^\r\n{L}{N}]?[{L}]+)";
constexpr std::string_view kAfterNumber =
    R"(| ?[^{s}{L}{N}]+[\r\n]*|[{s}]*[\r\n]+|[{s}]+(?![^{s}])|[{s}]+)";

std::string class_body(std::uint8_t bit) {
  std::string body;
  for (unsigned byte = 0; byte < 0xC0; ++byte) {
    if ((projected_bits(static_cast<unsigned char>(byte)) & bit) != 0) {
      body += fmt::format("\\x{:02X}", byte);
    }
  }
  return body;
}

std::string with_classes(std::string pattern) {
  const std::pair<std::string_view, std::uint8_t> classes[] = {
      {"{L}", kLetter}, {"{N}", kNumber}, {"{s}", kSpace}, {"{f}", kFoldsToS}};
  for (const auto& [name, bit] : classes) {
    const std::string body = class_body(bit);
    for (std::size_t at = 0; (at = pattern.find(name, at)) != std::string::npos;) {
      pattern.replace(at, name.size(), body);
      at += body.size();
    }
  }
  return pattern;
}

std::string pattern_of(PretokenStep step) {
  switch (step) {
    case PretokenStep::gpt2:
      return with_classes(std::string(kGpt2));
    case PretokenStep::llama3:
      return with_classes(fmt::format("{}|[{{N}}]{{1,3}}{}", kAnyCaseContraction, kAfterNumber));
    case PretokenStep::qwen2:
      return with_classes(fmt::format("{}|[{{N}}]{}", kAnyCaseContraction, kAfterNumber));
    case PretokenStep::digits:
    case PretokenStep::digit_runs:
      break;
  }
  throw InternalError("pretokenizer: a step without an expression");
}

Code compile(const std::string& pattern) {
  int error = 0;
  PCRE2_SIZE at = 0;
  Code code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), 0, &error,
                          &at, nullptr));
  if (!code) {
    throw InternalError(
        fmt::format("pretokenizer: PCRE2 error {} at {} of its expression", error, at));
  }
  // Without a JIT compiler on this machine the interpreter runs, with the same matches.
  pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);
  return code;
}

// Ends of the matches in `piece` and of what lies between them, counted from `offset`.
void cut_by_expression(const pcre2_code* code, pcre2_match_data* data, std::string_view piece,
                       std::size_t offset, std::vector<std::size_t>& ends) {
  std::size_t done = 0;
  while (done < piece.size()) {
    const int found = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(piece.data()), piece.size(),
                                  done, 0, data, nullptr);
    if (found == PCRE2_ERROR_NOMATCH) break;
    if (found < 0) {
      throw Error(
          ErrorCode::out_of_resources,
          fmt::format("pretokenizer: PCRE2 error {} in {} bytes of text", found, piece.size()));
    }
    const PCRE2_SIZE* range = pcre2_get_ovector_pointer(data);
    if (range[0] > done) ends.push_back(offset + range[0]);
    ends.push_back(offset + range[1]);
    done = range[1];
  }
  if (done < piece.size()) ends.push_back(offset + piece.size());
}

void cut_by_digits(bool each, std::string_view piece, std::size_t offset,
                   std::vector<std::size_t>& ends) {
  const auto numeric = [&](std::size_t i) {
    return (projected_bits(static_cast<unsigned char>(piece[i])) & kNumeric) != 0;
  };
  for (std::size_t i = 1; i <= piece.size(); ++i) {
    if (i == piece.size() || numeric(i) != numeric(i - 1) || (each && numeric(i))) {
      ends.push_back(offset + i);
    }
  }
}

// From code points to bytes: `ends` rises, so one walk over the text serves all.
void scale_to_bytes(std::string_view text, std::vector<std::size_t>& ends) {
  std::size_t n_seen = 0;
  std::size_t at = 0;
  for (std::size_t& end : ends) {
    for (; n_seen < end; ++n_seen) {
      const auto byte = static_cast<unsigned char>(text[at]);
      at += byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
    }
    end = at;
  }
}

}  // namespace

struct Pretokenizer::Step {
  PretokenStep kind;
  Code code;  // none for digits
};

Pretokenizer::Pretokenizer(const std::vector<PretokenStep>& steps) {
  for (const PretokenStep kind : steps) {
    const bool is_digits = kind == PretokenStep::digits || kind == PretokenStep::digit_runs;
    steps_.push_back({kind, is_digits ? nullptr : compile(pattern_of(kind))});
  }
}

Pretokenizer::~Pretokenizer() = default;
Pretokenizer::Pretokenizer(Pretokenizer&&) noexcept = default;
Pretokenizer& Pretokenizer::operator=(Pretokenizer&&) noexcept = default;

std::vector<std::size_t> Pretokenizer::ends(std::string_view text) const {
  if (text.empty()) return {};
  const std::string projected = project(text);
  std::vector<std::size_t> ends = {projected.size()};
  for (const Step& step : steps_) {
    MatchData data;
    if (step.code) data.reset(pcre2_match_data_create_from_pattern(step.code.get(), nullptr));
    std::vector<std::size_t> finer;
    finer.reserve(2 * ends.size() + projected.size() / 4);
    std::size_t first = 0;
    for (const std::size_t last : ends) {
      // A piece is a text of its own: the next step does not see what is around it.
      const std::string_view piece = std::string_view(projected).substr(first, last - first);
      if (step.code) {
        cut_by_expression(step.code.get(), data.get(), piece, first, finer);
      } else {
        cut_by_digits(step.kind == PretokenStep::digits, piece, first, finer);
      }
      first = last;
    }
    ends = std::move(finer);
  }
  if (projected.size() != text.size()) scale_to_bytes(text, ends);
  return ends;
}

}  // namespace gnomon::detail
