// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/base/json.h"
#include "gnomon/kernels/activation.h"
#include "gnomon/tensor/view.h"

namespace gnomon {

// Typed access to a Hugging Face config.json; messages name the file and the key. A key that is
// null counts as absent.
class ConfigReader {
 public:
  ConfigReader(const Json& json, std::string_view origin);

  // Throws FileError for negative numbers and those of 2^31 and more.
  Index integer(std::string_view key) const;
  Index integer_or(std::string_view key, Index fallback) const;
  // Of a size that has two names. Throws UnsupportedError where both are there and differ.
  Index integer_either(std::string_view key, std::string_view other) const;
  double number(std::string_view key) const;
  double number_or(std::string_view key, double fallback) const;
  bool boolean_or(std::string_view key, bool fallback) const;
  std::string text_or(std::string_view key, std::string_view fallback) const;
  std::optional<ConfigReader> object(std::string_view key) const;
  bool has(std::string_view key) const { return find(key) != nullptr; }
  // The object "rope_parameters", or "rope_scaling" of earlier versions. Throws UnsupportedError
  // where both are there.
  std::optional<ConfigReader> rope() const;

  // Throws UnsupportedError unless the boolean `key` is absent or has the value the forward pass
  // has.
  void require_boolean(std::string_view key, bool value) const;
  Activation activation(std::string_view key) const;
  // Throws UnsupportedError for a key that is not among `known` and is not null.
  void refuse_others(std::span<const std::string_view> known) const;
  const std::string& origin() const { return origin_; }

 private:
  const Json* find(std::string_view key) const;

  const Json* json_;
  std::string origin_;
};

// Rotary frequencies in radians per position, theta^(-2 i / n_rotary) for i < n_rotary / 2, and the
// scalings that Hugging Face calls "default", "linear" and "llama3". `scaling` is the object under
// "rope_parameters" or "rope_scaling"; other scalings and other keys in it are refused by name.
std::vector<double> rotary_frequencies(Index n_rotary, double theta,
                                       const std::optional<ConfigReader>& scaling,
                                       std::string_view origin);

}  // namespace gnomon
