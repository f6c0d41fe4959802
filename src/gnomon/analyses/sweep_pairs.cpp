// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/sweep_pairs.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/quote.h"
#include "gnomon/base/random.h"

namespace gnomon {
namespace {

TokenId one_token(const Model& model, const std::string& text, const std::string& where) {
  const std::vector<TokenId> ids = model.tokenizer().encode(text);
  if (ids.size() != 1)
    throw ArgumentError(ErrorCode::bad_data,
                        fmt::format("{}: the answer {} has {} tokens, expected one", where,
                                    quote(text), ids.size()),
                        "most words are one token with the space before them");
  return ids.front();
}

// Fills read position and tokens; why not, where the pair cannot be asked.
std::optional<std::string> ask(const Model& model, const std::vector<TokenId>& clean,
                               const std::string& answer, const std::string& other,
                               const std::string& source, const SweepQuestion& question,
                               SweepCase& pair) {
  const auto n = static_cast<Index>(clean.size());
  pair.read_position = n - 1;
  switch (question.metric) {
    case SweepMetricKind::report: {
      const Position& at = question.report_position;
      if (at.kind == Position::Kind::index && (at.index >= 0 ? at.index >= n : -at.index > n))
        return fmt::format("{} tokens, {} does not exist", n, position_name(at));
      if (at.kind != Position::Kind::all) pair.read_position = resolve_position(at, n).front();
      return std::nullopt;
    }
    case SweepMetricKind::logit_difference: {
      const std::string& first = answer.empty() ? question.answer : answer;
      const std::string& second = other.empty() ? question.other : other;
      if (first.empty() || second.empty())
        throw ArgumentError(fmt::format("{}: a logit difference needs two tokens", source),
                            "give the columns \"answer\" and \"other\", or --answers");
      pair.answer = one_token(model, first, source);
      pair.other = one_token(model, second, source);
      return std::nullopt;
    }
    case SweepMetricKind::loss:
      break;
  }
  if (!answer.empty()) {
    pair.answer = one_token(model, answer, source);
    return std::nullopt;
  }
  if (n < 2) return "one token: no token before the last";
  pair.answer = clean.back();
  pair.read_position = n - 2;
  return std::nullopt;
}

void require_pairs(const SweepPairs& pairs) {
  if (!pairs.cases.empty()) return;
  std::string why = pairs.left_out.empty() ? "there are none" : pairs.left_out.front().why;
  throw ArgumentError(
      ErrorCode::bad_data,
      fmt::format("no pair of texts can be patched: {} left out, the first because: {}",
                  pairs.left_out.size(), why),
      "the texts of a pair need the same number of tokens");
}

}  // namespace

SweepPairs file_pairs(const Model& model, std::span<const TextPair> pairs,
                      const SweepQuestion& question) {
  SweepPairs result;
  std::map<std::string, Index> groups;
  for (const TextPair& given : pairs) {
    const auto leave_out = [&](std::string why) {
      result.left_out.push_back({given.source, std::move(why)});
    };
    std::vector<TokenId> clean = model.tokenizer().encode(given.clean);
    std::vector<TokenId> corrupted = model.tokenizer().encode(given.corrupted);
    if (clean.size() != corrupted.size()) {
      leave_out(fmt::format("{} and {} tokens", clean.size(), corrupted.size()));
      continue;
    }
    const Index n_ctx = model.config().n_ctx;
    if (clean.empty() || static_cast<Index>(clean.size()) > n_ctx) {
      leave_out(fmt::format("{} tokens, the context holds {}", clean.size(), n_ctx));
      continue;
    }
    const auto first = static_cast<Index>(result.texts.size());
    SweepCase pair{first, first + 1, 0, 0, 0, 0};
    if (const auto why =
            ask(model, clean, given.answer, given.other, given.source, question, pair)) {
      leave_out(*why);
      continue;
    }
    const std::string group = given.group.empty() ? "t" + given.clean : "g" + given.group;
    pair.group = groups.try_emplace(group, static_cast<Index>(groups.size())).first->second;
    result.texts.push_back(std::move(clean));
    result.texts.push_back(std::move(corrupted));
    result.cases.push_back(pair);
    result.source.push_back(given.source);
  }
  require_pairs(result);
  return result;
}

SweepPairs donor_pairs(const Model& model, const ReporterData& data, Part part, Index n_most,
                       std::uint64_t seed, const SweepQuestion& question) {
  std::vector<Index> rows = data.rows_of(part);
  Random random(seed, "sweep/donors");
  if (static_cast<Index>(rows.size()) > n_most) {
    random.shuffle(rows);
    rows.resize(static_cast<std::size_t>(n_most));
    std::ranges::sort(rows);
  }
  // Texts of the part by token count, each once, with its group.
  std::map<std::size_t, std::map<Index, Index>> by_length;
  for (const Index row : data.rows_of(part)) {
    const auto r = static_cast<std::size_t>(row);
    by_length[data.ids[static_cast<std::size_t>(data.text[r])].size()][data.text[r]] =
        data.group[r];
  }
  SweepPairs result;
  result.texts = data.ids;
  for (const Index row : rows) {
    const auto r = static_cast<std::size_t>(row);
    const std::vector<TokenId>& own = data.ids[static_cast<std::size_t>(data.text[r])];
    const std::string source = fmt::format("text {}", data.text[r]);
    std::vector<Index> donors;
    for (const auto& [text, group] : by_length[own.size()]) {
      if (group != data.group[r]) donors.push_back(text);
    }
    if (donors.empty()) {
      result.left_out.push_back(
          {source, fmt::format("no other text of the part has {} tokens", own.size())});
      continue;
    }
    SweepCase pair{data.text[r], donors[random.below(donors.size())], 0, data.group[r], 0, 0};
    if (const auto why = ask(model, own, "", "", source, question, pair)) {
      result.left_out.push_back({source, *why});
      continue;
    }
    if (question.metric == SweepMetricKind::report) pair.read_position = data.feature_position[r];
    result.cases.push_back(pair);
    result.source.push_back(source);
  }
  require_pairs(result);
  return result;
}

}  // namespace gnomon
