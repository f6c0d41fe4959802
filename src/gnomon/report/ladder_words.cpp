// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/ladder_words.h"

#include <array>

namespace gnomon {
namespace {

struct StepWords {
  std::string_view step;
  std::string_view words;
  std::string_view meaning;
};

constexpr std::string_view kCurve =
    "The neuron's activation is a curve of its input: a line can follow a curve only so far.";
constexpr std::string_view kProduct =
    "A gated neuron multiplies two inputs. No single direction gives a product.";

constexpr std::array kSteps = {
    StepWords{
        "+ attention", "adding what attention writes in this block",
        "Attention brings in information from earlier tokens, and the neuron reads the stream "
        "after it. A projection of the stream before the block does not have it."},
    StepWords{"norm: centring", "subtracting the stream's mean",
              "LayerNorm subtracts the mean over the d_model numbers, token by token."},
    StepWords{
        "norm: scale 1/σ", "dividing by the stream's size",
        "The normalisation divides by σ, another number for every token: texts whose stream is "
        "large count less."},
    StepWords{"norm: weight", "multiplying with the normalisation's weights",
              "The normalisation weighs the d_model numbers before the neuron reads them."},
    StepWords{"norm: bias", "adding the normalisation's bias",
              "The same number for every text: it cannot change r."},
    StepWords{"+ b_in", "adding the neuron's bias",
              "The same number for every text: it cannot change r."},
    StepWords{"gelu_new", "the neuron's curve", kCurve},
    StepWords{"gelu", "the neuron's curve", kCurve},
    StepWords{"silu", "the neuron's curve", kCurve},
    StepWords{"relu", "the neuron's curve", kCurve},
    StepWords{"product of the branches", "multiplying the neuron's two inputs", kProduct},
    StepWords{"× up branch", "multiplying with the neuron's second input", kProduct},
    StepWords{"× silu(gate)", "multiplying with the neuron's gate", kProduct},
    StepWords{"× gelu(gate)", "multiplying with the neuron's gate", kProduct},
    StepWords{"× gelu_new(gate)", "multiplying with the neuron's gate", kProduct},
    StepWords{"× relu(gate)", "multiplying with the neuron's gate", kProduct},
    StepWords{"without later layers", "taking away what later blocks wrote",
              "The last stream holds the writes of every later block, along this direction too."},
    StepWords{"without earlier stream", "taking away what was in the stream before the block",
              "Everything that the embedding and earlier blocks wrote lies in the same stream."},
    StepWords{"without attention", "taking away what attention wrote in the block", ""},
    StepWords{"without MLP", "taking away what the MLP wrote in the block", ""},
    StepWords{"without b_out", "taking away the MLP's bias",
              "The same number for every text: it cannot change r."},
    StepWords{
        "without other neurons", "taking away what the layer's other neurons wrote",
        "Their output weights are not at right angles to this neuron's: what they write has a "
        "share along its direction."},
    StepWords{"undo the activation", "undoing the activation function",
              "The target is the neuron before its curve; what it writes is after it."},
    StepWords{"+ b", "adding the head's offset",
              "The same number for every text: it cannot change r."},
    StepWords{"calibrated on training rows", "refitting slope and offset",
              "A better scale and offset: r does not see them unless the slope turns its sign."},
    StepWords{
        "+ what the features miss", "adding what a line through that stream cannot say",
        "The rest: the activation is not a linear function of the stream that the head reads, "
        "or the head has not found it."},
};

const StepWords* find_step(std::string_view step) {
  for (const StepWords& row : kSteps) {
    if (row.step == step) return &row;
  }
  return nullptr;
}

}  // namespace

std::string ladder_step_words(std::string_view step) {
  const StepWords* row = find_step(step);
  return std::string(row == nullptr ? step : row->words);
}

std::string_view ladder_step_meaning(std::string_view step) {
  const StepWords* row = find_step(step);
  return row == nullptr ? std::string_view() : row->meaning;
}

}  // namespace gnomon
