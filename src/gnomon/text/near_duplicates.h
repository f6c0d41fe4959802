// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gnomon {

// in: texts    out: which of them are nearly the same: MinHash with banding, then exact comparison.
// Method, cost and what it misses: docs/methods/splits.md.

// What a shingle is a run of.
enum class ShingleUnit { characters, words };
std::string_view shingle_unit_name(ShingleUnit unit);

struct NearDuplicateOptions {
  double threshold = 0.8;  // smallest Jaccard similarity, above 0, at most 1
  ShingleUnit unit = ShingleUnit::characters;
  std::int64_t shingle_length = 5;  // in units
  std::int64_t n_hash = 128;        // MinHash values of a text
  std::uint64_t seed = 0;           // of the hash functions, stream "near duplicates"
};

// Jaccard similarity |A ∩ B| / |A ∪ B| of the sets of shingles: all runs of shingle_length units;
// the whole text where it is shorter. 0 where both texts are empty. Words are separated by single
// spaces, as normalised_text leaves them; characters are those of utf8_character_at.
double shingle_similarity(std::string_view a, std::string_view b,
                          const NearDuplicateOptions& options);

// How MinHash values are cut into bands. Two texts are compared where all values of a band agree,
// which happens with probability 1 - (1 - s^n_value)^n_band at similarity s (Leskovec, Rajaraman
// and Ullman, Mining of Massive Datasets, section 3.4.2).
struct Banding {
  std::int64_t n_band = 0;
  std::int64_t n_value = 0;  // of each band
  double missed = 0;         // probability that a pair at the threshold agrees in no band
};

// The longest bands that miss at most one pair in a thousand at the threshold, or bands of one
// value where none do.
Banding choose_banding(double threshold, std::int64_t n_hash);

struct NearDuplicatePair {
  std::size_t first = 0;  // smaller index
  std::size_t second = 0;
  double similarity = 0;  // exact
};

// The pairs are a spanning forest: of texts that are connected through near-duplicates, each pair
// that was found first and no more, so there are fewer pairs than texts.
struct NearDuplicates {
  std::vector<NearDuplicatePair> pairs;
  Banding banding;
  std::int64_t n_compared = 0;  // pairs of texts whose similarity was computed
};

// Every pair returned has shingle_similarity >= threshold; a pair that has it can be missed with
// the probability `missed` of the banding, and where more than 32 texts that are not
// near-duplicates of each other share every band with it. The same texts, options and seed give the
// same pairs. An empty text is near to nothing. Time is linear in the characters, up to sorting;
// memory 4 bytes a character and 4 n_hash bytes a text.
//
// Throws ArgumentError for options outside their range.
NearDuplicates find_near_duplicates(std::span<const std::string> texts,
                                    const NearDuplicateOptions& options);

}  // namespace gnomon
