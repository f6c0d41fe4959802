// SPDX-License-Identifier: Apache-2.0
#include "gnomon/train/option_names.h"

#include <array>

namespace gnomon {
namespace {

using Name = std::string_view;

constexpr std::array kReporterKindNames = {Name("regression"), Name("classification"),
                                           Name("digit"), Name("on_off")};
constexpr std::array kBinningNames = {Name("equal_width"), Name("equal_count")};
constexpr std::array kTokenLossNames = {Name("full_vocabulary"), Name("restricted")};
constexpr std::array kHeadModeNames = {Name("trained"), Name("random"), Name("ridge")};
constexpr std::array kTrainedPartNames = {Name("none"),         Name("all"),
                                          Name("after_target"), Name("from_layer"),
                                          Name("selected"),     Name("lora")};
constexpr std::array kComponentNames = {Name("attention"), Name("mlp"), Name("embeddings"),
                                        Name("norms")};
constexpr std::array kTargetModeNames = {Name("snapshot"), Name("live")};
constexpr std::array kOptimizerKindNames = {Name("adamw"), Name("sgd")};
constexpr std::array kScheduleKindNames = {Name("constant"), Name("linear"), Name("cosine")};

}  // namespace

template <>
std::span<const Name> option_names<ReporterKind>() {
  return kReporterKindNames;
}

template <>
std::span<const Name> option_names<Binning>() {
  return kBinningNames;
}

template <>
std::span<const Name> option_names<TokenLoss>() {
  return kTokenLossNames;
}

template <>
std::span<const Name> option_names<HeadMode>() {
  return kHeadModeNames;
}

template <>
std::span<const Name> option_names<TrainedPart>() {
  return kTrainedPartNames;
}

template <>
std::span<const Name> option_names<Component>() {
  return kComponentNames;
}

template <>
std::span<const Name> option_names<TargetMode>() {
  return kTargetModeNames;
}

template <>
std::span<const Name> option_names<OptimizerKind>() {
  return kOptimizerKindNames;
}

template <>
std::span<const Name> option_names<ScheduleKind>() {
  return kScheduleKindNames;
}

}  // namespace gnomon
