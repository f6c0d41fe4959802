// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/config_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "gnomon/base/error.h"
#include "gnomon/base/quote.h"

namespace gnomon {
namespace {

// Larger than any published size; a few of them multiply to less than 2^63.
constexpr std::uint32_t kLargestInteger = (std::uint32_t{1} << 31) - 1;

constexpr std::array<std::string_view, 3> kScalings = {"default", "linear", "llama3"};
// Of "rope_parameters" and "rope_scaling". What transformers puts there for other models, such as
// parameters for each type of layer, changes the frequencies.
constexpr std::array<std::string_view, 8> kRopeKeys = {
    "rope_type",        "type",
    "rope_theta",       "partial_rotary_factor",
    "factor",           "low_freq_factor",
    "high_freq_factor", "original_max_position_embeddings"};

FileError wrong_type(std::string_view origin, std::string_view key, std::string_view expected) {
  return FileError(fmt::format("\"{}\": \"{}\" is not {}", origin, key, expected));
}

// Hugging Face's "llama3" scaling: low frequencies are divided by `factor`, high ones kept, those
// between interpolated by the share of the original context that one turn covers.
double llama3_frequency(double frequency, double factor, double low, double high,
                        double original_context) {
  const double turns = original_context * frequency / (2 * std::numbers::pi);
  if (turns < low) return frequency / factor;
  if (turns > high) return frequency;
  const double smooth = (turns - low) / (high - low);
  return (1 - smooth) * frequency / factor + smooth * frequency;
}

}  // namespace

ConfigReader::ConfigReader(const Json& json, std::string_view origin)
    : json_(&json), origin_(origin) {
  if (!json.is_object()) throw FileError(fmt::format("\"{}\" is not a JSON object", origin));
}

const Json* ConfigReader::find(std::string_view key) const {
  const auto found = json_->find(key);
  return found == json_->end() || found->is_null() ? nullptr : &*found;
}

Index ConfigReader::integer(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr)
    throw FileError(fmt::format("\"{}\": \"{}\" is missing, expected a number", origin_, key));
  if (!value->is_number_integer()) throw wrong_type(origin_, key, "an integer");
  // The library converts what does not fit to some other number.
  const bool fits = value->is_number_unsigned()
                        ? value->get<std::uint64_t>() <= kLargestInteger
                        : value->get<Index>() >= 0 && value->get<Index>() <= Index{kLargestInteger};
  if (!fits) {
    throw FileError(fmt::format("\"{}\": \"{}\" is {}, expected a number between 0 and {}", origin_,
                                key, value->dump(), kLargestInteger));
  }
  return value->get<Index>();
}

Index ConfigReader::integer_or(std::string_view key, Index fallback) const {
  return has(key) ? integer(key) : fallback;
}

Index ConfigReader::integer_either(std::string_view key, std::string_view other) const {
  if (!has(other)) return integer(key);
  if (has(key) && integer(key) != integer(other)) {
    throw UnsupportedError(fmt::format("\"{}\": \"{}\" is {} and \"{}\", which is the same, {}",
                                       origin_, key, integer(key), other, integer(other)));
  }
  return integer(other);
}

double ConfigReader::number(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr)
    throw FileError(fmt::format("\"{}\": \"{}\" is missing, expected a number", origin_, key));
  if (!value->is_number()) throw wrong_type(origin_, key, "a number");
  return value->get<double>();
}

double ConfigReader::number_or(std::string_view key, double fallback) const {
  return has(key) ? number(key) : fallback;
}

bool ConfigReader::boolean_or(std::string_view key, bool fallback) const {
  const Json* value = find(key);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) throw wrong_type(origin_, key, "true or false");
  return value->get<bool>();
}

std::string ConfigReader::text_or(std::string_view key, std::string_view fallback) const {
  const Json* value = find(key);
  if (value == nullptr) return std::string(fallback);
  if (!value->is_string()) throw wrong_type(origin_, key, "a string");
  return value->get<std::string>();
}

std::optional<ConfigReader> ConfigReader::object(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  return ConfigReader(*value, fmt::format("{}: {}", origin_, key));
}

std::optional<ConfigReader> ConfigReader::rope() const {
  const Json* scaling = find("rope_scaling");
  const bool has_scaling = scaling != nullptr && !(scaling->is_object() && scaling->empty());
  if (has("rope_parameters") && has_scaling) {
    throw UnsupportedError(fmt::format(
        "\"{}\": both \"rope_parameters\" and \"rope_scaling\", expected one of them", origin_));
  }
  std::optional<ConfigReader> rope =
      object(has("rope_parameters") ? "rope_parameters" : "rope_scaling");
  constexpr std::string_view kContext = "original_max_position_embeddings";
  if (rope && has(kContext) && rope->number_or(kContext, number(kContext)) != number(kContext)) {
    throw UnsupportedError(fmt::format("\"{}\": \"{}\" is {}, and another in the rotary parameters",
                                       origin_, kContext, number(kContext)));
  }
  return rope;
}

void ConfigReader::require_boolean(std::string_view key, bool value) const {
  if (boolean_or(key, value) != value) {
    throw UnsupportedError(
        fmt::format("\"{}\": \"{}\" is {}, expected {}: the forward pass has no such step", origin_,
                    key, !value, value));
  }
}

void ConfigReader::refuse_others(std::span<const std::string_view> known) const {
  for (const auto& [key, value] : json_->items()) {
    if (value.is_null() || std::ranges::find(known, key) != known.end()) continue;
    throw UnsupportedError(
        fmt::format("\"{}\": {}: the forward pass has no such step", origin_, quote(key)));
  }
}

Activation ConfigReader::activation(std::string_view key) const {
  const std::string name = text_or(key, "");
  // "gelu_fast" writes the constant sqrt(2 / pi) with ten digits.
  if (name == "gelu_new" || name == "gelu_pytorch_tanh" || name == "gelu_fast")
    return Activation::gelu_new;
  if (name == "gelu" || name == "gelu_python") return Activation::gelu;
  if (name == "silu" || name == "swish") return Activation::silu;
  if (name == "relu") return Activation::relu;
  throw UnsupportedError(
      fmt::format("\"{}\": \"{}\" is \"{}\", expected gelu_new, gelu_pytorch_tanh, gelu_fast, "
                  "gelu, silu or relu",
                  origin_, key, name));
}

std::vector<double> rotary_frequencies(Index n_rotary, double theta,
                                       const std::optional<ConfigReader>& scaling,
                                       std::string_view origin) {
  if (n_rotary <= 0 || n_rotary % 2 != 0 || n_rotary > 65536) {
    throw FileError(
        fmt::format("\"{}\": {} rotary channels, expected an even number", origin, n_rotary));
  }
  if (!(theta > 0))
    throw FileError(
        fmt::format("\"{}\": rope theta is {}, expected a positive number", origin, theta));
  std::vector<double> frequency(static_cast<std::size_t>(n_rotary / 2));
  for (std::size_t i = 0; i < frequency.size(); ++i) {
    frequency[i] = std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(n_rotary));
  }
  if (!scaling) return frequency;
  const std::string kind = scaling->text_or("rope_type", scaling->text_or("type", "default"));
  if (std::ranges::find(kScalings, kind) == kScalings.end()) {
    throw UnsupportedError(fmt::format(
        "\"{}\": rope scaling {}, expected default, linear or llama3", origin, quote(kind)));
  }
  scaling->refuse_others(kRopeKeys);
  if (kind == "default") return frequency;
  if (kind == "linear") {
    const double factor = scaling->number("factor");
    for (double& f : frequency) f /= factor;
    return frequency;
  }
  const double factor = scaling->number("factor");
  const double low = scaling->number("low_freq_factor");
  const double high = scaling->number("high_freq_factor");
  const double context = scaling->number("original_max_position_embeddings");
  for (double& f : frequency) f = llama3_frequency(f, factor, low, high, context);
  return frequency;
}

}  // namespace gnomon
