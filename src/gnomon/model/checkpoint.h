// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "gnomon/model/family.h"
#include "gnomon/model/model.h"
#include "gnomon/tensor/gguf.h"
#include "gnomon/tensor/safetensors.h"

namespace gnomon {

// A weight or bias where it stands in a mapped file.
struct StoredWeight {
  StoredTensor tensor;
  WeightLayout layout = WeightLayout::out_in;
  GgufRowOrder row_order = GgufRowOrder::as_hugging_face;
};

// The tensors of a model file, found by the family's table: every row of the table has its tensor
// with the shape that the configuration asks for, and every tensor of the file belongs to a row.
class Checkpoint {
 public:
  static std::shared_ptr<const Checkpoint> load_folder(const std::filesystem::path& folder);
  static std::shared_ptr<const Checkpoint> load_gguf(const std::filesystem::path& path);

  const ModelConfig& config() const { return config_; }
  const ModelSource& source() const { return source_; }
  const GgufFile* gguf() const { return gguf_.get(); }

  // Null where the family or the file has none; `layer` is 0 for parts outside the blocks.
  const StoredWeight* weight(WeightKind kind, Index layer) const;
  const StoredWeight* bias(WeightKind kind, Index layer) const;

 private:
  using Key = std::pair<WeightKind, Index>;
  struct Binder;

  Checkpoint() = default;
  void bind(const Family& family, const std::vector<StoredTensor>& tensors, bool from_gguf);

  ModelConfig config_;
  ModelSource source_;
  std::vector<SafetensorsFile> files_;
  std::unique_ptr<GgufFile> gguf_;
  std::map<Key, StoredWeight> weights_;
  std::map<Key, StoredWeight> biases_;
};

}  // namespace gnomon
