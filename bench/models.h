// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "gnomon/base/file.h"
#include "gnomon/base/json.h"
#include "gnomon/base/random.h"
#include "gnomon/model/fetch.h"
#include "gnomon/model/model.h"
#include "gnomon/tensor/safetensors.h"

namespace gnomon::bench {

// A folder that is gone at the end of the process.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "gnomon-bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = pattern;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Random weights in the shapes of GPT-2 124M.
inline const Model& gpt2_shapes() {
  static const ScratchFolder folder;
  static const Model model = [] {
    constexpr Index kLayers = 12;
    constexpr Index kModel = 768;
    constexpr Index kMlp = 3072;
    constexpr Index kVocab = 50257;
    constexpr Index kContext = 1024;
    Random random(1, "bench weights");
    std::vector<std::pair<std::string, Tensor<float>>> weights;
    const auto add = [&](const std::string& name, std::vector<Index> shape, float centre,
                         float width) {
      Tensor<float> tensor(std::move(shape));
      for (float& w : tensor.values())
        w = centre + width * (2 * static_cast<float>(random.uniform()) - 1);
      weights.emplace_back(name, std::move(tensor));
    };
    add("wte.weight", {kVocab, kModel}, 0, 0.05F);
    add("wpe.weight", {kContext, kModel}, 0, 0.02F);
    for (Index l = 0; l < kLayers; ++l) {
      const std::string block = fmt::format("h.{}.", l);
      for (const char* norm : {"ln_1", "ln_2"}) {
        add(block + norm + ".weight", {kModel}, 1, 0.2F);
        add(block + norm + ".bias", {kModel}, 0, 0.1F);
      }
      const auto linear = [&](const std::string& name, Index n_in, Index n_out) {
        add(block + name + ".weight", {n_in, n_out}, 0, 0.05F);
        add(block + name + ".bias", {n_out}, 0, 0.1F);
      };
      linear("attn.c_attn", kModel, 3 * kModel);
      linear("attn.c_proj", kModel, kModel);
      linear("mlp.c_fc", kModel, kMlp);
      linear("mlp.c_proj", kMlp, kModel);
    }
    add("ln_f.weight", {kModel}, 1, 0.2F);
    add("ln_f.bias", {kModel}, 0, 0.1F);
    std::vector<StoredTensor> tensors;
    for (const auto& [name, tensor] : weights) tensors.push_back(stored(name, tensor));
    write_safetensors(folder.path() / "model.safetensors", tensors, {});
    write_file_atomic(folder.path() / "config.json",
                      dump_json({{"model_type", "gpt2"},
                                 {"n_layer", kLayers},
                                 {"n_embd", kModel},
                                 {"n_head", 12},
                                 {"n_positions", kContext},
                                 {"vocab_size", kVocab},
                                 {"activation_function", "gelu_new"}}));
    return Model::load(folder.path());
  }();
  return model;
}

// The fetched SmolLM2; null where it is not in the cache.
inline const Model* smollm2() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  static const auto path = find_known_model(
      "smollm2-135m",
      cache_folder(variable("GNOMON_CACHE"), variable("XDG_CACHE_HOME"), variable("HOME")));
  if (!path) return nullptr;
  static const Model model = Model::load(*path);
  return &model;
}

// Texts of `shortest` to `longest` random tokens.
inline std::vector<std::vector<TokenId>> random_texts(const ModelConfig& config, Index n,
                                                      Index shortest, Index longest) {
  Random random(2, "bench texts");
  std::vector<std::vector<TokenId>> texts(static_cast<std::size_t>(n));
  for (std::vector<TokenId>& text : texts) {
    const auto length =
        shortest +
        static_cast<Index>(random.below(static_cast<std::uint64_t>(longest - shortest + 1)));
    for (Index i = 0; i < length; ++i) {
      text.push_back(
          static_cast<TokenId>(random.below(static_cast<std::uint64_t>(config.d_vocab))));
    }
  }
  return texts;
}

}  // namespace gnomon::bench
