// SPDX-License-Identifier: Apache-2.0
// in: low-rank changes of a model   out: a folder that PEFT loads, docs/formats/adapters.md
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "gnomon/tensor/tensor.h"
#include "gnomon/train/lora.h"

namespace gnomon {

// The change alpha / rank · B A of one matrix.
struct AdapterMatrix {
  std::string parameter;  // Hugging Face's name: "transformer.h.8.attn.c_attn.weight"
  Tensor<float> a;        // [rank, n_in]
  Tensor<float> b;        // [n_out, rank]
};

struct Adapter {
  std::vector<AdapterMatrix> matrices;
  Index rank = 0;
  double alpha = 0;
  // W is [n_in, n_out], as GPT-2's Conv1D has it, and the change is added transposed.
  bool fan_in_fan_out = false;
  std::string base_model;  // "base_model_name_or_path": a name or a folder; may be empty
};

// What a trained LoraAdapter changes; values are rounded to float32.
template <class T>
Adapter to_adapter(const LoraAdapter<T>& lora, std::string base_model);

// Writes adapter_model.safetensors and adapter_config.json into `folder`, each atomically and the
// configuration last, so that a folder with one is complete. Throws ArgumentError where there is no
// matrix, a name is given twice or does not end in ".weight", a shape does not fit the rank, or a
// value is not finite; UnsupportedError for an embedding, which PEFT stores in another form;
// FileError (write_failed).
void write_adapter(const std::filesystem::path& folder, const Adapter& adapter);

// Reads such a folder, also one that PEFT wrote, with matrices in the order of their names. Throws
// FileError where a file is missing, is not valid, or does not fit the other, and UnsupportedError
// for kinds of adapters that add something else than alpha / rank · B A.
Adapter read_adapter(const std::filesystem::path& folder);

}  // namespace gnomon
