// SPDX-License-Identifier: Apache-2.0
// in: a choice of train_options.h   out: the name by which files store it
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "gnomon/train/train_options.h"

namespace gnomon {

// The names of all values of E, in the order of the enumerators. Stored in configurations and
// checkpoints: the name of a value is the enumerator, and is never changed.
template <class E>
std::span<const std::string_view> option_names();

template <>
std::span<const std::string_view> option_names<ReporterKind>();
template <>
std::span<const std::string_view> option_names<Binning>();
template <>
std::span<const std::string_view> option_names<TokenLoss>();
template <>
std::span<const std::string_view> option_names<HeadMode>();
template <>
std::span<const std::string_view> option_names<TrainedPart>();
template <>
std::span<const std::string_view> option_names<Component>();
template <>
std::span<const std::string_view> option_names<TargetMode>();
template <>
std::span<const std::string_view> option_names<OptimizerKind>();
template <>
std::span<const std::string_view> option_names<ScheduleKind>();

template <class E>
std::string_view option_name(E value) {
  return option_names<E>()[static_cast<std::size_t>(value)];
}

// Nothing where no value has that name.
template <class E>
std::optional<E> option_of_name(std::string_view name) {
  const auto names = option_names<E>();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<E>(i);
  }
  return std::nullopt;
}

}  // namespace gnomon
