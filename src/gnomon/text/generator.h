// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/text/text_record.h"

namespace gnomon {

// Texts that the project brings along, so that a run needs no file. A grammar of sentence skeletons
// and topics: a template is one skeleton with one topic, and its id "skeleton/topic" is the
// record's template_id. What they cover and what they cannot stand for: docs/formats/texts.md.

// "scenes"
std::span<const std::string> builtin_names();

// How many texts generate_texts can give at most; the same for every seed.
// Throws ArgumentError for an unknown name, with the nearest known one.
std::int64_t builtin_size(std::string_view name);

// All template ids, in a fixed order.
std::vector<std::string> builtin_template_ids(std::string_view name);

// n texts, drawn without repetition: no two have the same normalised_text. Templates are balanced:
// the numbers of texts of any two templates differ by at most one. The same seed gives the same
// texts, and the first n of a longer draw are the draw of n. Throws ArgumentError for an unknown
// name, n < 1 or n > builtin_size(name).
std::vector<TextRecord> generate_texts(std::string_view name, std::int64_t n, std::uint64_t seed);

}  // namespace gnomon
