// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/model/config.h"
#include "gnomon/tensor/gguf.h"
#include "gnomon/tensor/view.h"

namespace gnomon {

// The tensor by whose elements the rotary frequencies are divided, where the file has one.
inline constexpr std::string_view kGgufRotaryFactors = "rope_freqs.weight";

// Typed access to the keys "ARCHITECTURE.*" of a GGUF file, asked for without that prefix. Each of
// these keys may change what the model computes, so every one of the file must have been asked for
// by the time of refuse_others(). Messages name file and key.
class GgufConfigReader {
 public:
  GgufConfigReader(const GgufFile& file, std::string_view architecture);

  // A list of one number for each block counts as that number where all are the same. Throws
  // FileError where the key is absent or of another type, UnsupportedError where the numbers
  // differ.
  Index integer(std::string_view name);
  Index integer_or(std::string_view name, Index fallback);
  // Throws FileError where the key is absent or of another type.
  double number(std::string_view name);
  double number_or(std::string_view name, double fallback);
  bool boolean(std::string_view name);
  std::string text_or(std::string_view name, std::string_view fallback);

  // Whatever it says, the forward pass is the same.
  void allow(std::string_view name);
  // Throws UnsupportedError unless the key is absent or has the one value (of a boolean, 0 or 1)
  // that the forward pass has.
  void require(std::string_view name, double value);
  // Throws UnsupportedError for a key that no call has named.
  void refuse_others() const;

  const GgufFile& file() const { return file_; }
  std::string origin() const { return file_.path().string(); }

 private:
  std::string key(std::string_view name);
  std::string required_key(std::string_view name);  // throws FileError where it is absent

  const GgufFile& file_;
  std::string prefix_;
  std::set<std::string, std::less<>> asked_;
};

// The sizes that files of every architecture state by the same keys, and whether the unembedding is
// tied; d_vocab is 0 where the file states none.
ModelConfig gguf_sizes(GgufConfigReader& reader);

// Rotary frequencies in radians per position,
//
//   frequency[i] = freq_base^(-2 i / n_rotary) / (scaling factor · rope_freqs[i]),
//
// i < n_rotary / 2, as llama.cpp has them: by the keys "rope.freq_base" (10000 where absent),
// "rope.scaling.type" ("none", or "linear", which is meant where absent), "rope.scaling.factor" or
// the older "rope.scale_linear" (1), and the tensor kGgufRotaryFactors (1), which is how files
// hold Llama 3's scaling. Throws UnsupportedError for other scalings, FileError for frequencies
// that are not positive numbers.
std::vector<double> gguf_rotary_frequencies(GgufConfigReader& reader, Index n_rotary);

}  // namespace gnomon
