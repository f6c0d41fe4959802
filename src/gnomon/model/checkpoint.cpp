// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/checkpoint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "gnomon/base/error.h"
#include "gnomon/base/json.h"
#include "gnomon/base/quote.h"
#include "gnomon/model/detail/safetensors_files.h"
#include "gnomon/model/gguf_config.h"
#include "gnomon/model/hub_cache.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> architecture_names() {
  std::vector<std::string> names;
  for (const Family* family : families()) names.emplace_back(family->architecture);
  return names;
}

const Family& require_family(const Family* family, std::string_view architecture,
                             const fs::path& path) {
  if (family != nullptr) return *family;
  throw UnsupportedError(fmt::format("\"{}\": architecture \"{}\", expected one of {}",
                                     path.string(), architecture,
                                     fmt::join(architecture_names(), ", ")));
}

std::string file_name(const WeightRow& row, Index layer, bool from_gguf) {
  return fmt::format(fmt::runtime(from_gguf ? row.gguf_name : row.hf_name), layer);
}

FileError missing_weights(const fs::path& folder) {
  const bool has_pickle = fs::exists(folder / "pytorch_model.bin");
  return {ErrorCode::not_found,
          fmt::format("\"{}\" holds no model.safetensors and no model.safetensors.index.json",
                      folder.string()),
          has_pickle ? "pytorch_model.bin is not read: save the model with save_pretrained(..., "
                       "safe_serialization=True)"
                     : "a model folder has config.json, model.safetensors and tokenizer.json"};
}

bool holds_the_same(const StoredTensor& a, const StoredTensor& b) {
  return a.dtype == b.dtype && a.shape == b.shape && std::ranges::equal(a.bytes, b.bytes);
}

// Keys of every family's config.json with which transformers computes, or reads, something else.
void refuse_other_models(const Json& json, const fs::path& path) {
  const auto says = [&](const char* key) { return json.contains(key) && !json[key].is_null(); };
  const auto refuse = [&](const char* key, const char* why, const char* hint) {
    throw UnsupportedError(fmt::format("\"{}\": \"{}\": {}", path.string(), key, why), hint);
  };
  if (says("quantization_config")) {
    refuse("quantization_config", "quantized weights are read from GGUF files only",
           "use the model's checkpoint from before it was quantized, or a GGUF file of it");
  }
  // null counts as false there.
  if (json.contains("is_causal") && json["is_causal"] != true) {
    refuse("is_causal",
           "attention that sees the tokens after a token, which the forward pass does not",
           "remove the key if the model was trained to predict the next token");
  }
  if (says("transformers_weights")) {
    refuse("transformers_weights", "the weights of another file than model.safetensors",
           "give that file the name model.safetensors and remove the key");
  }
  if (says("per_layer_config")) {
    refuse("per_layer_config", "blocks that are not all alike", "");
  }
}

// Files of the format that hold something else, or a part.
void require_whole_model(const GgufFile& file) {
  const auto refuse = [&](std::string_view key, const std::string& found,
                          std::string_view expected) {
    throw UnsupportedError(fmt::format("\"{}\": key \"{}\" is {}, expected {}",
                                       file.path().string(), key, found, expected));
  };
  if (const std::string* type = file.find_string("general.type");
      type != nullptr && *type != "model")
    refuse("general.type", quote(*type), "\"model\"");
  if (const std::int64_t n_part = file.integer_or("split.count", 1); n_part > 1)
    refuse("split.count", fmt::format("{}", n_part), "a file that holds the whole model");
  if (const std::int64_t version = file.integer_or("general.quantization_version", 2); version != 2)
    refuse("general.quantization_version", fmt::format("{}", version), "2");
}

}  // namespace

// Looks the rows of a table up among the tensors of a file, and remembers which tensors were used.
struct Checkpoint::Binder {
  const Family& family;
  const ModelConfig& config;
  const std::string& origin;
  bool from_gguf;
  std::map<std::string, const StoredTensor*> by_name;
  std::set<std::string> used;

  const StoredTensor* find(const std::string& name) {
    for (const std::string& candidate :
         {from_gguf ? name : std::string(family.hf_prefix) + name, name}) {
      if (const auto found = by_name.find(candidate); found != by_name.end()) {
        used.insert(candidate);
        return found->second;
      }
    }
    return from_gguf ? nullptr : find_other_name(name);
  }

  const StoredTensor* find_other_name(const std::string& name) {
    for (const OtherName& other : family.other_names) {
      if (name != std::string(other.hf_name) + ".weight") continue;
      const std::string candidate = std::string(other.name) + ".weight";
      if (const auto found = by_name.find(candidate); found != by_name.end()) {
        used.insert(candidate);
        return found->second;
      }
    }
    return nullptr;
  }

  StoredWeight require(const std::string& name, const std::vector<Index>& shape) {
    const StoredTensor* tensor = find(name);
    if (tensor == nullptr)
      throw FileError(fmt::format("\"{}\": tensor \"{}\" is missing", origin, name));
    if (tensor->shape != shape) {
      throw FileError(fmt::format("\"{}\": tensor \"{}\" has shape {}, expected {}", origin,
                                  tensor->name, shape_text(tensor->shape), shape_text(shape)));
    }
    return {*tensor, WeightLayout::out_in, GgufRowOrder::as_hugging_face};
  }

  StoredWeight weight(const WeightRow& row, Index layer) {
    const WeightLayout layout = from_gguf ? WeightLayout::out_in : row.hf_layout;
    StoredWeight found =
        require(file_name(row, layer, from_gguf) + ".weight", stored_shape(row, layout, config));
    found.layout = layout;
    found.row_order = row_order(row);
    return found;
  }

  StoredWeight bias(const WeightRow& row, Index layer) {
    StoredWeight found =
        require(file_name(row, layer, from_gguf) + ".bias", {axis_size(row.n_out, config)});
    found.row_order = row_order(row);
    return found;
  }

  GgufRowOrder row_order(const WeightRow& row) const {
    const bool is_ordered = row.kind == WeightKind::q_proj || row.kind == WeightKind::k_proj ||
                            row.kind == WeightKind::qkv_proj;
    return from_gguf && is_ordered ? family.gguf_row_order : GgufRowOrder::as_hugging_face;
  }

  void require_all_used() const {
    for (const auto& [name, tensor] : by_name) {
      if (used.contains(name)) continue;
      const bool ignored = std::any_of(
          family.ignored_endings.begin(), family.ignored_endings.end(),
          [&](std::string_view ending) { return std::string_view(name).ends_with(ending); });
      if (ignored && !from_gguf) continue;
      throw UnsupportedError(fmt::format(
          "\"{}\": tensor \"{}\" {} is not part of a {} model that the forward pass has", origin,
          name, shape_text(tensor->shape), family.architecture));
    }
  }
};

void Checkpoint::bind(const Family& family, const std::vector<StoredTensor>& tensors,
                      bool from_gguf) {
  const std::string origin = source_.files.front().path.string();
  Binder binder{family, config_, origin, from_gguf, {}, {}};
  for (const StoredTensor& tensor : tensors) {
    if (!binder.by_name.emplace(tensor.name, &tensor).second) {
      throw FileError(
          fmt::format("\"{}\": tensor \"{}\" stands in the model twice", origin, tensor.name));
    }
    source_.n_by_dtype[std::string(dtype_info(tensor.dtype).name)] += 1;
  }
  for (const WeightRow& row : family.rows) {
    if (row.kind == WeightKind::lm_head && config_.tied_unembedding) {
      // Some exports store the tied matrix a second time. Where it is another one, transformers
      // takes it in spite of the tie.
      const StoredTensor* again = binder.find(file_name(row, 0, from_gguf) + ".weight");
      const StoredTensor& tied = weights_.at({WeightKind::wte, 0}).tensor;
      if (again != nullptr && !holds_the_same(*again, tied)) {
        throw FileError(fmt::format("\"{}\": the unembedding is said to be tied, and tensor \"{}\" "
                                    "has other numbers than \"{}\"",
                                    origin, again->name, tied.name),
                        "say \"tie_word_embeddings\": false in config.json if it is meant to be "
                        "used");
      }
      continue;
    }
    const Index n_layer = is_per_block(row) ? config_.n_layers : 1;
    for (Index layer = 0; layer < n_layer; ++layer) {
      weights_[{row.kind, layer}] = binder.weight(row, layer);
      if (!row.has_bias) continue;
      biases_[{row.kind, layer}] = binder.bias(row, layer);
    }
  }
  binder.require_all_used();
  for (const auto* stored : {&weights_, &biases_}) {
    for (const auto& [key, entry] : *stored) {
      Index n = 1;
      for (const Index axis : entry.tensor.shape) n *= axis;
      source_.n_parameters += n;
    }
  }
}

std::shared_ptr<const Checkpoint> Checkpoint::load_folder(const fs::path& folder) {
  const fs::path config_path = folder / "config.json";
  const Json json = read_json_file(config_path);
  const auto model_type = json.find("model_type");
  if (model_type == json.end() || !model_type->is_string()) {
    throw FileError(fmt::format("\"{}\": \"model_type\" is missing, expected one of {}",
                                config_path.string(), fmt::join(architecture_names(), ", ")));
  }
  const auto architecture = model_type->get<std::string>();
  const Family& family = require_family(find_family(architecture), architecture, config_path);
  refuse_other_models(json, config_path);
  std::shared_ptr<Checkpoint> checkpoint(new Checkpoint);
  checkpoint->config_ = family.config_from_json(json, config_path.string());
  check_config(checkpoint->config_, config_path.string());

  const std::vector<fs::path> paths = safetensors_files(folder);
  if (paths.empty()) throw missing_weights(folder);
  std::vector<StoredTensor> tensors;
  checkpoint->source_.format = "safetensors";
  const fs::path real_folder = fs::weakly_canonical(folder);
  checkpoint->source_.name =
      hub_snapshot_name(real_folder).value_or(real_folder.filename().string());
  for (const fs::path& path : paths) {
    const SafetensorsFile& file = checkpoint->files_.emplace_back(path);
    tensors.insert(tensors.end(), file.tensors().begin(), file.tensors().end());
    checkpoint->source_.files.push_back({path, fs::file_size(path)});
  }
  checkpoint->source_.files.push_back({config_path, fs::file_size(config_path)});
  checkpoint->bind(family, tensors, false);
  return checkpoint;
}

std::shared_ptr<const Checkpoint> Checkpoint::load_gguf(const fs::path& path) {
  std::shared_ptr<Checkpoint> checkpoint(new Checkpoint);
  checkpoint->gguf_ = std::make_unique<GgufFile>(path);
  const GgufFile& file = *checkpoint->gguf_;
  require_whole_model(file);
  const std::string* architecture = file.find_string("general.architecture");
  if (architecture == nullptr) {
    throw FileError(fmt::format("\"{}\": key \"general.architecture\" is missing", path.string()));
  }
  const Family& family = require_family(find_gguf_family(*architecture), *architecture, path);
  checkpoint->config_ = family.config_from_gguf(file);
  const StoredTensor* embedding = file.find("token_embd.weight");
  if (embedding == nullptr || embedding->shape.size() != 2) {
    throw FileError(fmt::format("\"{}\": tensor \"token_embd.weight\" is missing or not a matrix",
                                path.string()));
  }
  ModelConfig& config = checkpoint->config_;
  if (config.d_vocab != 0 && config.d_vocab != embedding->shape[0]) {
    throw FileError(
        fmt::format("\"{}\": \"token_embd.weight\" has {} rows, expected \"{}.vocab_size\" = {}",
                    path.string(), embedding->shape[0], *architecture, config.d_vocab));
  }
  config.d_vocab = embedding->shape[0];
  check_config(config, path.string());
  const std::string* name = file.find_string("general.name");
  checkpoint->source_.name = name != nullptr ? *name : path.stem().string();
  checkpoint->source_.format = "gguf";
  checkpoint->source_.files.push_back({path, fs::file_size(path)});
  std::vector<StoredTensor> weights = file.tensors();
  // Part of the configuration: the rotary frequencies have it.
  if (config.position == PositionKind::rotary)
    std::erase_if(weights,
                  [](const StoredTensor& tensor) { return tensor.name == kGgufRotaryFactors; });
  checkpoint->bind(family, weights, true);
  return checkpoint;
}

const StoredWeight* Checkpoint::weight(WeightKind kind, Index layer) const {
  const auto found = weights_.find({kind, layer});
  return found == weights_.end() ? nullptr : &found->second;
}

const StoredWeight* Checkpoint::bias(WeightKind kind, Index layer) const {
  const auto found = biases_.find({kind, layer});
  return found == biases_.end() ? nullptr : &found->second;
}

}  // namespace gnomon
