// SPDX-License-Identifier: Apache-2.0
#include "gnomon/text/near_duplicates.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_set>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/interrupt.h"
#include "gnomon/base/random.h"
#include "gnomon/base/threads.h"
#include "gnomon/text/detail/disjoint_sets.h"
#include "gnomon/text/utf8.h"

namespace gnomon {
namespace {

constexpr double kMostMissed = 1e-3;
// Earlier texts of a bucket that a text is compared with. Texts that are already connected cost
// nothing, so the bound is felt only where a bucket is full of texts that are alike, yet not alike
// enough: there it keeps the time linear.
constexpr std::size_t kMostCompared = 32;
// Bounds the memory of pairs that need not be compared again: 8 bytes and a node each.
constexpr std::size_t kMostRemembered = std::size_t{1} << 22;

void check_options(const NearDuplicateOptions& options) {
  if (!(options.threshold > 0 && options.threshold <= 1)) {
    throw ArgumentError(
        fmt::format("find_near_duplicates: the threshold is {}, expected above 0 and at most 1",
                    options.threshold));
  }
  if (options.shingle_length < 1 || options.n_hash < 1) {
    throw ArgumentError(
        fmt::format("find_near_duplicates: {} units a shingle and {} hashes, expected at least 1",
                    options.shingle_length, options.n_hash));
  }
}

// Where each unit begins, then the end of the text.
std::vector<std::size_t> unit_offsets(std::string_view text, ShingleUnit unit) {
  std::vector<std::size_t> offsets;
  if (unit == ShingleUnit::characters) {
    for (std::size_t i = 0; i < text.size(); i += utf8_character_at(text, i).n_bytes)
      offsets.push_back(i);
  } else {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != ' ' && (i == 0 || text[i - 1] == ' ')) offsets.push_back(i);
    }
  }
  offsets.push_back(text.size());
  return offsets;
}

template <class Visit>
void for_each_shingle(std::string_view text, const NearDuplicateOptions& options, Visit visit) {
  if (text.empty()) return;
  const std::vector<std::size_t> offsets = unit_offsets(text, options.unit);
  const std::size_t n_unit = offsets.size() - 1;
  const auto length = static_cast<std::size_t>(options.shingle_length);
  if (n_unit < length) return visit(text);
  for (std::size_t i = 0; i + length <= n_unit; ++i) {
    std::string_view shingle = text.substr(offsets[i], offsets[i + length] - offsets[i]);
    // The space before the next word, or at the end of a text that normalised_text has not seen.
    if (options.unit == ShingleUnit::words && shingle.ends_with(' ')) shingle.remove_suffix(1);
    visit(shingle);
  }
}

template <class T>
void sort_unique(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

template <class T>
double jaccard(std::span<const T> a, std::span<const T> b) {
  std::size_t n_both = 0;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const bool a_first = a[i] < b[j];
    const bool b_first = b[j] < a[i];
    n_both += !a_first && !b_first ? 1 : 0;
    i += b_first ? 0 : 1;
    j += a_first ? 0 : 1;
  }
  const std::size_t n_either = a.size() + b.size() - n_both;
  return n_either == 0 ? 0 : static_cast<double>(n_both) / static_cast<double>(n_either);
}

std::vector<std::string_view> shingle_set(std::string_view text,
                                          const NearDuplicateOptions& options) {
  std::vector<std::string_view> shingles;
  for_each_shingle(text, options, [&](std::string_view shingle) { shingles.push_back(shingle); });
  sort_unique(shingles);
  return shingles;
}

// FNV-1a, then the finaliser of SplitMix64, so that all bits of the result are mixed.
std::uint32_t hash_of(std::string_view bytes) {
  std::uint64_t h = 0xCBF29CE484222325;
  for (const char c : bytes) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9;
  h = (h ^ (h >> 27)) * 0x94D049BB133111EB;
  return static_cast<std::uint32_t>(h >> 32);
}

struct HashFunctions {
  std::vector<std::uint32_t> factor;  // odd, so that each function is a permutation
  std::vector<std::uint32_t> shift;
};

HashFunctions draw_hash_functions(const NearDuplicateOptions& options) {
  Random random(options.seed, "near duplicates");
  HashFunctions functions;
  for (std::int64_t k = 0; k < options.n_hash; ++k) {
    functions.factor.push_back(static_cast<std::uint32_t>(random.next() >> 32) | 1U);
    functions.shift.push_back(static_cast<std::uint32_t>(random.next() >> 32));
  }
  return functions;
}

// The hashed shingles of every text and their MinHash values.
class Sketches {
 public:
  Sketches(std::span<const std::string> texts, const NearDuplicateOptions& options)
      : n_hash_(static_cast<std::size_t>(options.n_hash)),
        sets_(texts.size()),
        values_(texts.size() * n_hash_, std::numeric_limits<std::uint32_t>::max()) {
    const HashFunctions functions = draw_hash_functions(options);
    parallel_for(0, std::ssize(texts), 64, [&](std::int64_t first, std::int64_t last) {
      for (auto t = static_cast<std::size_t>(first); t < static_cast<std::size_t>(last); ++t) {
        for_each_shingle(texts[t], options,
                         [&](std::string_view shingle) { sets_[t].push_back(hash_of(shingle)); });
        sort_unique(sets_[t]);
        sets_[t].shrink_to_fit();
        sketch(sets_[t], functions, values_.data() + t * n_hash_);
      }
    });
  }

  bool empty(std::size_t text) const { return sets_[text].empty(); }
  std::span<const std::uint32_t> set(std::size_t text) const { return sets_[text]; }
  std::span<const std::uint32_t> values(std::size_t text) const {
    return std::span(values_).subspan(text * n_hash_, n_hash_);
  }

 private:
  void sketch(const std::vector<std::uint32_t>& set, const HashFunctions& functions,
              std::uint32_t* values) const {
    for (const std::uint32_t x : set) {
      for (std::size_t k = 0; k < n_hash_; ++k) {
        std::uint32_t h = x * functions.factor[k] + functions.shift[k];
        h ^= h >> 15;
        values[k] = std::min(values[k], h);
      }
    }
  }

  std::size_t n_hash_;
  std::vector<std::vector<std::uint32_t>> sets_;
  std::vector<std::uint32_t> values_;
};

struct BucketEntry {
  std::uint64_t key;
  std::size_t text;

  bool operator<(const BucketEntry& other) const {
    return std::pair(key, text) < std::pair(other.key, other.text);
  }
};

std::vector<BucketEntry> sorted_buckets(const Sketches& sketches, std::size_t n_text,
                                        const Banding& banding, std::int64_t band) {
  std::vector<BucketEntry> entries;
  const auto n_value = static_cast<std::size_t>(banding.n_value);
  for (std::size_t t = 0; t < n_text; ++t) {
    if (sketches.empty(t)) continue;
    std::uint64_t key = 0;
    const auto values =
        sketches.values(t).subspan(static_cast<std::size_t>(band) * n_value, n_value);
    for (const std::uint32_t value : values) {
      key = (key ^ value) * 0x9E3779B97F4A7C15;
      key ^= key >> 29;
    }
    entries.push_back({key, t});
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

class NearDuplicateSearch {
 public:
  NearDuplicateSearch(std::span<const std::string> texts, const NearDuplicateOptions& options)
      : texts_(texts), options_(options), sketches_(texts, options), sets_(texts.size()) {
    found_.banding = choose_banding(options.threshold, options.n_hash);
  }

  NearDuplicates run() && {
    for (std::int64_t band = 0; band < found_.banding.n_band; ++band) {
      check_interrupted();
      const std::vector<BucketEntry> entries =
          sorted_buckets(sketches_, texts_.size(), found_.banding, band);
      for (std::size_t first = 0; first < entries.size();) {
        std::size_t end = first + 1;
        while (end < entries.size() && entries[end].key == entries[first].key) ++end;
        search_bucket(std::span(entries).subspan(first, end - first));
        first = end;
      }
    }
    return std::move(found_);
  }

 private:
  void search_bucket(std::span<const BucketEntry> bucket) {
    for (std::size_t i = 1; i < bucket.size(); ++i) {
      if (i % 4096 == 0) check_interrupted();
      for (std::size_t back = 1; back <= std::min(i, kMostCompared); ++back)
        compare(bucket[i - back].text, bucket[i].text);
    }
  }

  void compare(std::size_t first, std::size_t second) {
    if (sets_.root(first) == sets_.root(second)) return;
    const std::size_t n_first = sketches_.set(first).size();
    const std::size_t n_second = sketches_.set(second).size();
    // The similarity is at most the ratio of the sizes.
    if (static_cast<double>(std::min(n_first, n_second)) <
        options_.threshold * static_cast<double>(std::max(n_first, n_second))) {
      return;
    }
    const std::uint64_t pair = (static_cast<std::uint64_t>(first) << 32) ^ second;
    if (too_different_.contains(pair)) return;
    ++found_.n_compared;
    if (jaccard(sketches_.set(first), sketches_.set(second)) >= options_.threshold) {
      // Different shingles may have one hash: the shingles themselves decide.
      const double similarity = shingle_similarity(texts_[first], texts_[second], options_);
      if (similarity >= options_.threshold) {
        sets_.join(first, second);
        found_.pairs.push_back({first, second, similarity});
        return;
      }
    }
    if (too_different_.size() < kMostRemembered) too_different_.insert(pair);
  }

  std::span<const std::string> texts_;
  const NearDuplicateOptions& options_;
  Sketches sketches_;
  detail::DisjointSets sets_;
  std::unordered_set<std::uint64_t> too_different_;
  NearDuplicates found_;
};

}  // namespace

std::string_view shingle_unit_name(ShingleUnit unit) {
  return unit == ShingleUnit::characters ? "characters" : "words";
}

double shingle_similarity(std::string_view a, std::string_view b,
                          const NearDuplicateOptions& options) {
  check_options(options);
  const std::vector<std::string_view> shingles_a = shingle_set(a, options);
  const std::vector<std::string_view> shingles_b = shingle_set(b, options);
  return jaccard<std::string_view>(shingles_a, shingles_b);
}

Banding choose_banding(double threshold, std::int64_t n_hash) {
  NearDuplicateOptions options;
  options.threshold = threshold;
  options.n_hash = n_hash;
  check_options(options);
  for (std::int64_t n_value = n_hash;; --n_value) {
    const std::int64_t n_band = n_hash / n_value;
    const double agree = std::pow(threshold, static_cast<double>(n_value));
    const double missed = std::pow(1 - agree, static_cast<double>(n_band));
    if (missed <= kMostMissed || n_value == 1) return {n_band, n_value, missed};
  }
}

NearDuplicates find_near_duplicates(std::span<const std::string> texts,
                                    const NearDuplicateOptions& options) {
  check_options(options);
  if (texts.size() > std::numeric_limits<std::uint32_t>::max()) {
    throw ArgumentError(
        ErrorCode::bad_data,
        fmt::format("find_near_duplicates: found {} texts, expected less than 2^32", texts.size()));
  }
  return NearDuplicateSearch(texts, options).run();
}

}  // namespace gnomon
