// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "gnomon/tensor/gguf.h"
#include "gnomon/tokens/tokenizer.h"

namespace gnomon {

// The tokenizer that a GGUF file's keys "tokenizer.ggml.*" describe; null where it has none. A key
// either says which ids a text has, and is obeyed, or says only what is done with ids; any other is
// refused. Throws FileError and UnsupportedError, naming file and key.
std::shared_ptr<const Tokenizer> gguf_tokenizer(const GgufFile& file);

}  // namespace gnomon
