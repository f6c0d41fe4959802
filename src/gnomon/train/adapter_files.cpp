// SPDX-License-Identifier: Apache-2.0
#include "gnomon/train/adapter_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string_view>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/json.h"
#include "gnomon/base/quote.h"
#include "gnomon/tensor/safetensors.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTensorsName = "adapter_model.safetensors";
constexpr const char* kConfigName = "adapter_config.json";
constexpr std::string_view kWeight = ".weight";
constexpr std::string_view kPrefix = "base_model.model.";
constexpr std::string_view kA = ".lora_A.weight";
constexpr std::string_view kB = ".lora_B.weight";
constexpr std::size_t kLargestConfig = std::size_t{1} << 20;  // bytes

// "transformer.h.8.attn.c_attn"
std::string module_of(const std::string& parameter) {
  return parameter.substr(0, parameter.size() - kWeight.size());
}

bool is_embedding(std::string_view module) {
  constexpr std::array<std::string_view, 3> kNames = {"wte", "wpe", "embed_tokens"};
  const std::string_view name = module.substr(module.rfind('.') + 1);
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

void require_shape(const Tensor<float>& tensor, const std::string& name, bool rank_first,
                   Index rank) {
  const std::vector<Index>& shape = tensor.shape();
  const bool fits =
      shape.size() == 2 && shape[rank_first ? 0 : 1] == rank && shape[rank_first ? 1 : 0] > 0;
  if (fits) return;
  throw ArgumentError(fmt::format("write_adapter: {} of {} has shape {}, expected {}",
                                  rank_first ? "A" : "B", quote(name), shape_text(shape),
                                  rank_first ? fmt::format("[rank, n_in] = [{}, n_in]", rank)
                                             : fmt::format("[n_out, rank] = [n_out, {}]", rank)));
}

void require_finite(const Tensor<float>& tensor, const std::string& name) {
  const auto values = tensor.values();
  const auto bad =
      std::find_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
  if (bad == values.end()) return;
  throw ArgumentError(ErrorCode::bad_data,
                      fmt::format("write_adapter: the change of {} is {} at {}, expected finite "
                                  "numbers",
                                  quote(name), *bad, bad - values.begin()));
}

void check(const Adapter& adapter) {
  if (adapter.matrices.empty()) {
    throw ArgumentError("write_adapter: no matrix, expected at least one");
  }
  if (adapter.rank < 1 || !std::isfinite(adapter.alpha)) {
    throw ArgumentError(
        fmt::format("write_adapter: rank {} and alpha {}, expected a rank from 1 "
                    "and a finite alpha",
                    adapter.rank, adapter.alpha));
  }
  std::set<std::string> names;
  for (const AdapterMatrix& matrix : adapter.matrices) {
    if (!matrix.parameter.ends_with(kWeight) || matrix.parameter.size() == kWeight.size()) {
      throw ArgumentError(fmt::format("write_adapter: {}, expected a name that ends in \"{}\"",
                                      quote(matrix.parameter), kWeight));
    }
    if (!names.insert(matrix.parameter).second) {
      throw ArgumentError(fmt::format("write_adapter: {} is given twice", quote(matrix.parameter)));
    }
    if (is_embedding(module_of(matrix.parameter))) {
      throw UnsupportedError(fmt::format("write_adapter: {} is an embedding, expected a projection",
                                         quote(matrix.parameter)),
                             "choose matrices of attention and mlp");
    }
    require_shape(matrix.a, matrix.parameter, true, adapter.rank);
    require_shape(matrix.b, matrix.parameter, false, adapter.rank);
    require_finite(matrix.a, matrix.parameter);
    require_finite(matrix.b, matrix.parameter);
  }
}

// A whole number as PEFT writes it, without a fraction.
Json number(double value) {
  constexpr double kLargestExact = 9007199254740992.0;  // 2^53
  if (value == std::floor(value) && std::fabs(value) <= kLargestExact) {
    return static_cast<std::int64_t>(value);
  }
  return value;
}

// The fields of PEFT's LoraConfig that say what the tensors mean. Modules are named in full: PEFT
// takes a shorter name for every module that ends in it.
Json config_json(const Adapter& adapter) {
  std::set<std::string> modules;
  for (const AdapterMatrix& matrix : adapter.matrices) modules.insert(module_of(matrix.parameter));
  Json json;
  json["peft_type"] = "LORA";
  json["task_type"] = "CAUSAL_LM";
  json["base_model_name_or_path"] = adapter.base_model;
  json["revision"] = nullptr;
  json["inference_mode"] = true;
  json["r"] = adapter.rank;
  json["lora_alpha"] = number(adapter.alpha);
  json["lora_dropout"] = 0.0;
  json["use_rslora"] = false;
  json["use_dora"] = false;
  json["bias"] = "none";
  json["fan_in_fan_out"] = adapter.fan_in_fan_out;
  json["init_lora_weights"] = true;
  json["modules_to_save"] = nullptr;
  json["target_modules"] = modules;
  return json;
}

// adapter_config.json, every access checked.
class ConfigReader {
 public:
  explicit ConfigReader(const fs::path& path)
      : origin_(path.string()), json_(parse_json(read_text_file(path, kLargestConfig), origin_)) {
    if (!json_.is_object()) throw wrong("the document", "an object");
    require_plain_lora();
  }

  Index rank() const {
    const Json value = at("r");
    if (!value.is_number_integer() || value < 1 || value > 1000000) {
      throw wrong("\"r\"", "a rank from 1");
    }
    return value.get<Index>();
  }
  double alpha() const {
    const Json value = at("lora_alpha");
    if (!value.is_number()) throw wrong("\"lora_alpha\"", "a number");
    return value.get<double>();
  }
  bool fan_in_fan_out() const { return truth("fan_in_fan_out"); }
  std::string base_model() const {
    const Json value = at("base_model_name_or_path");
    return value.is_string() ? value.get<std::string>() : "";
  }

 private:
  Json at(const char* key) const { return json_.contains(key) ? json_[key] : Json(nullptr); }

  bool truth(const char* key) const {
    const Json value = at(key);
    return value.is_boolean() && value.get<bool>();
  }

  FileError wrong(std::string_view what, std::string_view expected) const {
    return FileError(fmt::format("\"{}\": {} is not {}", origin_, what, expected));
  }

  void require_plain_lora() const {
    if (at("peft_type") != "LORA") throw unsupported("peft_type", "LORA");
    for (const char* key : {"use_rslora", "use_dora"}) {
      if (truth(key)) throw unsupported(key, "false");
    }
    if (!at("bias").is_null() && at("bias") != "none") throw unsupported("bias", "none");
    for (const char* key : {"rank_pattern", "alpha_pattern", "modules_to_save"}) {
      if (!at(key).empty()) throw unsupported(key, "nothing");
    }
  }

  UnsupportedError unsupported(const char* key, const char* expected) const {
    return UnsupportedError(fmt::format("\"{}\": {} is {}, expected {}", origin_, key,
                                        quote(at(key).dump(), 60), expected));
  }

  std::string origin_;
  Json json_;
};

Tensor<float> float_tensor(const StoredTensor& stored, const fs::path& path) {
  if (stored.dtype != Dtype::f32 || stored.shape.size() != 2) {
    throw FileError(fmt::format("\"{}\": tensor {} is not a float32 matrix", path.string(),
                                quote(stored.name)));
  }
  Tensor<float> tensor(stored.shape);
  std::copy(stored.bytes.begin(), stored.bytes.end(),
            std::as_writable_bytes(tensor.values()).begin());
  return tensor;
}

struct Pair {
  Tensor<float> a, b;
  bool has_a = false;
  bool has_b = false;
};

std::map<std::string, Pair> read_pairs(const fs::path& path) {
  const SafetensorsFile file(path);
  std::map<std::string, Pair> pairs;
  for (const StoredTensor& stored : file.tensors()) {
    std::string_view name = stored.name;
    const bool is_a = name.ends_with(kA);
    if (!name.starts_with(kPrefix) || (!is_a && !name.ends_with(kB))) {
      throw FileError(fmt::format("\"{}\": tensor {}, expected {}MODULE{} and {}", path.string(),
                                  quote(stored.name), kPrefix, kA, kB));
    }
    name.remove_prefix(kPrefix.size());
    name.remove_suffix(is_a ? kA.size() : kB.size());
    Pair& pair = pairs[std::string(name)];
    (is_a ? pair.a : pair.b) = float_tensor(stored, path);
    (is_a ? pair.has_a : pair.has_b) = true;
  }
  return pairs;
}

}  // namespace

template <class T>
Adapter to_adapter(const LoraAdapter<T>& lora, std::string base_model) {
  Adapter adapter;
  adapter.rank = lora.rank();
  adapter.alpha = lora.alpha();
  adapter.base_model = std::move(base_model);
  const auto rounded = [](const Tensor<T>& from) {
    Tensor<float> to(from.shape());
    std::transform(from.values().begin(), from.values().end(), to.values().begin(),
                   [](T value) { return static_cast<float>(value); });
    return to;
  };
  for (const LoraMatrix<T>& matrix : lora.matrices()) {
    const bool in_out = matrix.row.layout == WeightLayout::in_out;
    if (!adapter.matrices.empty() && in_out != adapter.fan_in_fan_out) {
      throw UnsupportedError("to_adapter: matrices of two layouts, expected one",
                             "PEFT has one fan_in_fan_out for all matrices");
    }
    adapter.fan_in_fan_out = in_out;
    adapter.matrices.push_back({matrix.row.name, rounded(matrix.a), rounded(matrix.b)});
  }
  return adapter;
}

template Adapter to_adapter(const LoraAdapter<float>&, std::string);
template Adapter to_adapter(const LoraAdapter<double>&, std::string);

void write_adapter(const fs::path& folder, const Adapter& adapter) {
  check(adapter);
  std::vector<StoredTensor> tensors;
  for (const AdapterMatrix& matrix : adapter.matrices) {
    const std::string name = std::string(kPrefix) + module_of(matrix.parameter);
    tensors.push_back(stored(name + std::string(kA), matrix.a));
    tensors.push_back(stored(name + std::string(kB), matrix.b));
  }
  std::error_code ignored;
  fs::remove(folder / kConfigName, ignored);  // until the new tensors are there
  write_safetensors(folder / kTensorsName, tensors, {});
  write_file_atomic(folder / kConfigName, dump_json(config_json(adapter)));
}

Adapter read_adapter(const fs::path& folder) {
  const ConfigReader config(folder / kConfigName);
  Adapter adapter;
  adapter.rank = config.rank();
  adapter.alpha = config.alpha();
  adapter.fan_in_fan_out = config.fan_in_fan_out();
  adapter.base_model = config.base_model();
  const fs::path path = folder / kTensorsName;
  for (auto& [module, pair] : read_pairs(path)) {
    const bool fits = pair.has_a && pair.has_b && pair.a.shape()[0] == adapter.rank &&
                      pair.b.shape()[1] == adapter.rank;
    if (!fits) {
      throw FileError(fmt::format("\"{}\": {} has not both A [{}, n_in] and B [n_out, {}]",
                                  path.string(), quote(module), adapter.rank, adapter.rank));
    }
    adapter.matrices.push_back(
        {module + std::string(kWeight), std::move(pair.a), std::move(pair.b)});
  }
  if (adapter.matrices.empty()) {
    throw FileError(fmt::format("\"{}\": no tensors, expected low-rank changes", path.string()));
  }
  return adapter;
}

}  // namespace gnomon
