// SPDX-License-Identifier: Apache-2.0
#include "gnomon/activations/activation_file.h"

#include <fmt/format.h>

#include "gnomon/tensor/safetensors.h"

namespace gnomon {
namespace {

StoredTensor stored_indices(std::string name, const std::vector<Index>& values) {
  return {std::move(name),
          Dtype::i64,
          {static_cast<Index>(values.size())},
          std::as_bytes(std::span(values))};
}

}  // namespace

template <class T>
void write_activations(const std::filesystem::path& path,
                       std::span<const Activations<T>> activations,
                       std::span<const std::vector<TokenId>> texts, const ModelConfig& config,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<StoredTensor> tensors;
  for (const Activations<T>& read : activations) {
    const std::string name = activations_name(read.at, read.gradient, config);
    if (read.by_text.empty()) tensors.push_back(stored(name, read.values));
    for (std::size_t t = 0; t < read.by_text.size(); ++t) {
      tensors.push_back(stored(fmt::format("{}/{}", name, t), read.by_text[t]));
    }
    tensors.push_back(stored_indices(name + "/text", read.text));
    tensors.push_back(stored_indices(name + "/position", read.position));
  }
  std::vector<Index> ids;
  std::vector<Index> offset = {0};
  for (const std::vector<TokenId>& text : texts) {
    ids.insert(ids.end(), text.begin(), text.end());
    offset.push_back(static_cast<Index>(ids.size()));
  }
  tensors.push_back(stored_indices("token_ids", ids));
  tensors.push_back(stored_indices("text_offset", offset));
  write_safetensors(path, tensors, metadata);
}

template void write_activations<float>(const std::filesystem::path&,
                                       std::span<const Activations<float>>,
                                       std::span<const std::vector<TokenId>>, const ModelConfig&,
                                       const std::map<std::string, std::string>&);
template void write_activations<double>(const std::filesystem::path&,
                                        std::span<const Activations<double>>,
                                        std::span<const std::vector<TokenId>>, const ModelConfig&,
                                        const std::map<std::string, std::string>&);

}  // namespace gnomon
