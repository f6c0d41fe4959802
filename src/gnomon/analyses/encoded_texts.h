// SPDX-License-Identifier: Apache-2.0
// in: texts   out: their tokens, of those that the model can read whole
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gnomon/model/hook_points.h"
#include "gnomon/model/model.h"
#include "gnomon/text/text_record.h"

namespace gnomon {

// A text that an analysis does without, and why.
struct ExcludedText {
  Index record = 0;  // index in the corpus
  std::string source;
  std::string why;
};

struct EncodedTexts {
  std::vector<TextRecord> records;
  std::vector<std::vector<TokenId>> ids;  // of each record, 1 to n_ctx
  std::vector<Index> n_copies;  // of each, itself included: above 1 after deduplication only
  std::vector<ExcludedText> excluded;
};

struct EncodeOptions {
  // Keep one of texts that are the same but for ASCII white space at their ends, the first as it
  // stands, and leave out texts of nothing else. A template or group that only a dropped copy had
  // is gone with it.
  bool deduplicate = false;
  std::optional<Position> position = {};  // texts that do not have it are left out
};

// Texts without tokens and texts longer than the context are excluded, never cut; so are texts
// whose bytes the vocabulary cannot express. Throws ArgumentError (bad_data) where no text remains.
EncodedTexts encode_texts(const Model& model, std::vector<TextRecord> records,
                          const EncodeOptions& options = {});

}  // namespace gnomon
