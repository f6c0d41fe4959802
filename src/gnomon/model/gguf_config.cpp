// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/gguf_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <variant>

#include "gnomon/base/error.h"
#include "gnomon/base/quote.h"
#include "gnomon/kernels/dequantize.h"
#include "gnomon/model/config_reader.h"
#include "gnomon/tensor/tensor.h"

namespace gnomon {
namespace {

double number_of(const GgufFile& file, const std::string& key) {
  if (const auto* flag = std::get_if<bool>(&file.metadata().at(key).value)) return *flag ? 1 : 0;
  return file.number_or(key, 0);
}

std::vector<double> rotary_factors(const GgufFile& file, const StoredTensor& tensor,
                                   Index n_factor) {
  if (tensor.shape != std::vector<Index>{n_factor}) {
    throw FileError(fmt::format("\"{}\": tensor {} has shape {}, expected {}", file.path().string(),
                                quote(tensor.name), shape_text(tensor.shape),
                                shape_text({n_factor})));
  }
  std::vector<double> factors(static_cast<std::size_t>(n_factor));
  dequantize<double>(factors, tensor.dtype, tensor.bytes);
  for (const double factor : factors) {
    if (!(factor > 0) || std::isinf(factor)) {
      throw FileError(fmt::format("\"{}\": tensor {} has the factor {}, expected positive numbers",
                                  file.path().string(), quote(tensor.name), factor));
    }
  }
  return factors;
}

// 1 where the file scales nothing.
double linear_factor(GgufConfigReader& reader) {
  // Both, so that neither stays unnamed.
  const double older = reader.number_or("rope.scale_linear", 0);
  const double factor = reader.number_or("rope.scaling.factor", older);
  const std::string type = reader.text_or("rope.scaling.type", "linear");
  if (type != "none" && type != "linear") {
    throw UnsupportedError(fmt::format("\"{}\": rope scaling {}, expected \"none\" or \"linear\"",
                                       reader.origin(), quote(type)));
  }
  if (!(factor >= 0) || std::isinf(factor)) {
    throw FileError(fmt::format("\"{}\": rope scaling by {}, expected a positive number",
                                reader.origin(), factor));
  }
  return type == "none" || factor == 0 ? 1 : factor;
}

}  // namespace

GgufConfigReader::GgufConfigReader(const GgufFile& file, std::string_view architecture)
    : file_(file), prefix_(fmt::format("{}.", architecture)) {}

std::string GgufConfigReader::key(std::string_view name) {
  std::string key = prefix_ + std::string(name);
  asked_.insert(key);
  return key;
}

std::string GgufConfigReader::required_key(std::string_view name) {
  std::string full = key(name);
  if (!file_.has(full))
    throw FileError(fmt::format("\"{}\" lacks the key {}", origin(), quote(full)));
  return full;
}

Index GgufConfigReader::integer(std::string_view name) {
  const std::string full = key(name);
  const auto found = file_.metadata().find(full);
  if (found == file_.metadata().end()) return file_.integer(full);
  const auto* list = std::get_if<GgufValue::Array>(&found->second.value);
  if (list == nullptr || list->empty()) return file_.integer(full);
  std::optional<Index> number;
  for (const GgufValue& entry : *list) {
    const auto* with_sign = std::get_if<std::int64_t>(&entry.value);
    const auto* without = std::get_if<std::uint64_t>(&entry.value);
    if (with_sign == nullptr && without == nullptr) return file_.integer(full);
    const Index value = with_sign != nullptr ? *with_sign : static_cast<Index>(*without);
    if (number && *number != value) {
      throw UnsupportedError(
          fmt::format("\"{}\": key {} is {} and {}, expected the same for every "
                      "block",
                      origin(), quote(full), *number, value));
    }
    number = value;
  }
  return *number;
}

Index GgufConfigReader::integer_or(std::string_view name, Index fallback) {
  return file_.has(key(name)) ? integer(name) : fallback;
}

double GgufConfigReader::number(std::string_view name) {
  return file_.number_or(required_key(name), 0);
}

double GgufConfigReader::number_or(std::string_view name, double fallback) {
  return file_.number_or(key(name), fallback);
}

bool GgufConfigReader::boolean(std::string_view name) {
  return file_.boolean_or(required_key(name), false);
}

std::string GgufConfigReader::text_or(std::string_view name, std::string_view fallback) {
  const std::string* text = file_.find_string(key(name));
  return text == nullptr ? std::string(fallback) : *text;
}

void GgufConfigReader::allow(std::string_view name) { key(name); }

void GgufConfigReader::require(std::string_view name, double value) {
  const std::string full = key(name);
  if (!file_.has(full)) return;
  if (const double found = number_of(file_, full); found != value) {
    throw UnsupportedError(
        fmt::format("\"{}\": key {} is {}, expected {}: the forward pass has no other", origin(),
                    quote(full), found, value));
  }
}

void GgufConfigReader::refuse_others() const {
  for (const auto& [name, value] : file_.metadata()) {
    if (!name.starts_with(prefix_) || asked_.contains(name)) continue;
    throw UnsupportedError(
        fmt::format("\"{}\": key {}: the forward pass has no such step", origin(), quote(name)));
  }
}

ModelConfig gguf_sizes(GgufConfigReader& reader) {
  ModelConfig config;
  config.n_layers = reader.integer("block_count");
  config.d_model = reader.integer("embedding_length");
  config.n_heads = reader.integer("attention.head_count");
  config.d_mlp = reader.integer("feed_forward_length");
  config.d_vocab = reader.integer_or("vocab_size", 0);
  config.n_ctx = reader.integer("context_length");
  config.tied_unembedding = reader.file().find("output.weight") == nullptr;
  return config;
}

std::vector<double> gguf_rotary_frequencies(GgufConfigReader& reader, Index n_rotary) {
  const double base = reader.number_or("rope.freq_base", 10000);
  const double factor = linear_factor(reader);
  // What a scaling was derived from; "linear" does not use it.
  reader.allow("rope.scaling.original_context_length");
  reader.allow("rope.scaling.finetuned");
  reader.require("rope.scaling.attn_factor", 1);
  std::vector<double> frequency = rotary_frequencies(n_rotary, base, std::nullopt, reader.origin());
  for (double& f : frequency) f /= factor;
  if (const StoredTensor* tensor = reader.file().find(std::string(kGgufRotaryFactors))) {
    const std::vector<double> factors =
        rotary_factors(reader.file(), *tensor, static_cast<Index>(frequency.size()));
    for (std::size_t i = 0; i < frequency.size(); ++i) frequency[i] /= factors[i];
  }
  return frequency;
}

}  // namespace gnomon
