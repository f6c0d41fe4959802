// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tokens/detail/byte_pair_merge.h"

#include <algorithm>

namespace gnomon::detail {
namespace {

constexpr std::int32_t kNone = -1;

struct Link {
  std::int32_t previous;
  std::int32_t next;
  bool joined_away = false;
};

struct Candidate {
  std::uint32_t rank;
  std::int32_t at;
  TokenId joined;
};

bool comes_later(const Candidate& a, const Candidate& b) {
  return a.rank != b.rank ? a.rank > b.rank : a.at > b.at;
}

std::uint64_t pair_key(TokenId left, TokenId right) {
  return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

}  // namespace

void MergeTable::add(TokenId left, TokenId right, std::uint32_t rank, TokenId joined) {
  merges_.insert_or_assign(pair_key(left, right), Merge{rank, joined});
}

const MergeTable::Merge* MergeTable::find(TokenId left, TokenId right) const {
  const auto found = merges_.find(pair_key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

void MergeTable::apply(std::vector<Symbol>& symbols) const {
  const auto n = static_cast<std::int32_t>(symbols.size());
  const auto symbol = [&](std::int32_t i) -> Symbol& {
    return symbols[static_cast<std::size_t>(i)];
  };
  std::vector<Link> links(symbols.size());
  const auto link = [&](std::int32_t i) -> Link& { return links[static_cast<std::size_t>(i)]; };
  std::vector<Candidate> queue;
  const auto consider = [&](std::int32_t at) {
    const Merge* merge = find(symbol(at).id, symbol(link(at).next).id);
    if (merge == nullptr) return;
    queue.push_back({merge->rank, at, merge->joined});
    std::push_heap(queue.begin(), queue.end(), comes_later);
  };
  for (std::int32_t i = 0; i < n; ++i) link(i) = {i - 1, i + 1 < n ? i + 1 : kNone};
  for (std::int32_t i = 0; i + 1 < n; ++i) consider(i);

  while (!queue.empty()) {
    std::pop_heap(queue.begin(), queue.end(), comes_later);
    const Candidate best = queue.back();
    queue.pop_back();
    Link& here = link(best.at);
    if (here.joined_away || here.next == kNone) continue;
    // The pair may have changed since it was queued; then it was queued again.
    const Merge* merge = find(symbol(best.at).id, symbol(here.next).id);
    if (merge == nullptr || merge->joined != best.joined) continue;
    Link& away = link(here.next);
    symbol(best.at).id = best.joined;
    symbol(best.at).last = symbol(here.next).last;
    away.joined_away = true;
    here.next = away.next;
    if (here.next != kNone) {
      link(here.next).previous = best.at;
      consider(best.at);
    }
    if (here.previous != kNone) consider(here.previous);
  }
  std::size_t n_left = 0;
  for (std::size_t i = 0; i < symbols.size(); ++i) {
    if (!links[i].joined_away) symbols[n_left++] = symbols[i];
  }
  symbols.resize(n_left);
}

}  // namespace gnomon::detail
