// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "gnomon/tokens/tokenizer_spec.h"

namespace gnomon {

// Reads a Hugging Face tokenizer.json; what is understood: docs/formats/tokenizer_json.md. bos and
// eos stay empty: config.json has them. Throws FileError for a file that is not what it should be,
// and UnsupportedError, naming the part, for one that needs something else than byte-level BPE.
TokenizerSpec read_tokenizer_json(const std::filesystem::path& path);

// Reads GPT-2's older pair of files. "<|endoftext|>", where the vocabulary has it, is the special
// token and both bos and eos.
TokenizerSpec read_vocab_and_merges(const std::filesystem::path& vocab_json,
                                    const std::filesystem::path& merges_txt);

}  // namespace gnomon
