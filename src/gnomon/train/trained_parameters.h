// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "gnomon/model/parameters.h"
#include "gnomon/train/train_options.h"

namespace gnomon {

// The parameters that an option names, in the order of the model's table; empty for `none`. For
// lora: the matrices that get a low-rank change. `target_layer` is the last layer of the targets.
//
//   attention   projections of the attention        mlp     projections of the MLP
//   embeddings  token and position embeddings, and an unembedding of its own
//   norms       weights and biases of all norms
//
// Throws ArgumentError where nothing is named: no block after the target, a layer that the model
// does not have, a pattern that matches no parameter (with the nearest name), for lora a match that
// is no projection.
std::vector<ParameterRow> trained_parameters(const TrainedParameters& trained,
                                             const ModelConfig& config, Index target_layer);

// The first block whose input a change of these parameters cannot reach: passes may begin there
// with a stored stream. n_layers where none is changed, -1 where an embedding is, so that nothing
// can be stored; 0 is the first block, whose input is the embedding's sum.
Index first_changed_block(const std::vector<ParameterRow>& rows, const ModelConfig& config);

// The component a parameter belongs to.
Component component_of(WeightKind kind);

// "*" stands for any characters, also none. The pattern may match any part of the name.
bool matches_pattern(std::string_view name, std::string_view pattern);

}  // namespace gnomon
