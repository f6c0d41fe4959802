// SPDX-License-Identifier: Apache-2.0
// A neuron's directions against what the forward pass does with its weights.
#include "gnomon/directions/neuron_directions.h"

#include <gtest/gtest.h>

#include <cmath>

#include "gnomon/activations/capture.h"
#include "gnomon/kernels/activation.h"
#include "support/tiny_model.h"

namespace gnomon::test {
namespace {

constexpr Index kNeurons[] = {0, 17, 39};

class NeuronDirectionsTest : public ::testing::TestWithParam<TinyFamily> {
 protected:
  const Model& model() const { return tiny_model(GetParam()); }
  const ModelConfig& config() const { return model().config(); }

  Tensor<double> captured(HookKind kind, Index layer) const {
    const std::vector<SiteAt> sites = {{{kind, layer, std::nullopt}, {Position::Kind::all, 0}}};
    const auto texts = random_texts(config(), {12, 5, 1}, 4);
    return std::move(capture<double>(model(), texts, sites, {}, {}).activations[0].values);
  }
  NeuronWeights neuron(Index layer, Index n) const {
    return neuron_weights(config(), model().weights<double>(), layer, n);
  }
};

INSTANTIATE_TEST_SUITE_P(Families, NeuronDirectionsTest,
                         ::testing::Values(TinyFamily::gpt2, TinyFamily::llama,
                                           TinyFamily::gpt_neox),
                         [](const auto& family) {
                           return std::string(test::family_name(family.param));
                         });

TEST_P(NeuronDirectionsTest, ReadIsWhatGivesThePreActivation) {
  for (Index layer = 0; layer < config().n_layers; ++layer) {
    const Tensor<double> normed = captured(HookKind::ln2_out, layer);
    const Tensor<double> pre = captured(HookKind::mlp_pre, layer);
    for (const Index n : kNeurons) {
      const NeuronWeights weights = neuron(layer, n);
      EXPECT_EQ(weights.read_bias != 0, GetParam() != TinyFamily::llama);
      for (Index i = 0; i < pre.matrix().rows; ++i) {
        EXPECT_NEAR(pre.matrix()(i, n),
                    dot(normed.matrix().row(i), weights.read) + weights.read_bias, 1e-13);
      }
    }
  }
}

TEST_P(NeuronDirectionsTest, UpReadIsWhatGivesTheLinearBranch) {
  if (!config().gated_mlp) {
    EXPECT_TRUE(neuron(0, 1).up_read.empty());
    return;
  }
  const Tensor<double> normed = captured(HookKind::ln2_out, 1);
  const Tensor<double> linear = captured(HookKind::mlp_pre_linear, 1);
  for (const Index n : kNeurons) {
    for (Index i = 0; i < linear.matrix().rows; ++i) {
      EXPECT_NEAR(linear.matrix()(i, n), dot(normed.matrix().row(i), neuron(1, n).up_read), 1e-13);
    }
  }
}

TEST_P(NeuronDirectionsTest, WritesAddUpToTheMlpOutput) {
  const Tensor<double> post = captured(HookKind::mlp_post, 0);
  const Tensor<double> out = captured(HookKind::mlp_out, 0);
  std::vector<NeuronWeights> neurons;
  for (Index n = 0; n < config().d_mlp; ++n) neurons.push_back(neuron(0, n));
  for (Index i = 0; i < out.matrix().rows; ++i) {
    for (Index c = 0; c < config().d_model; ++c) {
      double sum = neurons[0].output_bias[static_cast<std::size_t>(c)];
      for (Index n = 0; n < config().d_mlp; ++n) {
        sum += post.matrix()(i, n) *
               neurons[static_cast<std::size_t>(n)].write[static_cast<std::size_t>(c)];
      }
      EXPECT_NEAR(out.matrix()(i, c), sum, 1e-12);
    }
  }
}

TEST_P(NeuronDirectionsTest, StacksHoldTheNeuronsAskedForInThatOrder) {
  const std::vector<Index> neurons = {39, 2, 17};
  const Weights<double>& weights = model().weights<double>();
  const Tensor<double> reads = read_directions(config(), weights, 1, neurons);
  const Tensor<double> writes = write_directions(weights, 1, neurons);
  ASSERT_EQ(reads.shape(), (std::vector<Index>{3, config().d_model}));
  ASSERT_EQ(writes.shape(), (std::vector<Index>{3, config().d_model}));
  const auto row = [](const Tensor<double>& stack, Index i) {
    return std::vector<double>(stack.matrix().row(i).begin(), stack.matrix().row(i).end());
  };
  for (Index i = 0; i < 3; ++i) {
    const NeuronWeights one = neuron(1, neurons[static_cast<std::size_t>(i)]);
    EXPECT_EQ(row(reads, i), one.read);
    EXPECT_EQ(row(writes, i), one.write);
    if (config().gated_mlp) {
      EXPECT_EQ(row(up_read_directions(weights, 1, neurons), i), one.up_read);
    }
  }
}

// Identity I1': pre = resid_mid · folded / σ + a constant that is the same for every token, with
// the stream as it is and with any constant added to all of its coordinates where the norm centres.
TEST_P(NeuronDirectionsTest, FoldedReadGivesThePreActivationFromTheRawStream) {
  for (Index layer = 0; layer < config().n_layers; ++layer) {
    const Tensor<double> mid = captured(mlp_stream(config()), layer);
    const Tensor<double> scale = captured(HookKind::ln2_scale, layer);
    const Tensor<double> pre = captured(HookKind::mlp_pre, layer);
    for (const Index n : kNeurons) {
      const NeuronWeights weights = neuron(layer, n);
      const std::vector<double> folded =
          folded_read(weights.read, weights.norm_weight, config().norm);
      double constant = weights.read_bias;
      if (!weights.norm_bias.empty()) constant += dot(weights.norm_bias, weights.read);
      double sum = 0;
      for (const double w : folded) sum += w;
      if (config().norm == NormKind::layer_norm) {
        EXPECT_NEAR(sum, 0, 1e-14);
      } else {
        EXPECT_GT(std::abs(sum), 1e-3);
      }
      for (Index i = 0; i < mid.matrix().rows; ++i) {
        EXPECT_NEAR(pre.matrix()(i, n),
                    dot(mid.matrix().row(i), folded) / scale.matrix()(i, 0) + constant, 1e-13);
      }
    }
  }
}

}  // namespace
}  // namespace gnomon::test
