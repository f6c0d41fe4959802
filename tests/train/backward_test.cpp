// SPDX-License-Identifier: Apache-2.0
// The backward pass against central differences in double, for every site and every parameter.
#include "gnomon/model/backward.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "gnomon/activations/next_token.h"
#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "gnomon/base/threads.h"
#include "support/tiny_model.h"

namespace gnomon {
namespace {

using test::TinyFamily;

// Central differences in double: with h the error is about eps |loss| / h + h² |third derivative|,
// 1e-10 at h = 1e-5 for losses of order 10, and directional derivatives are of order 1.
constexpr double kStep = 1e-5;
constexpr double kTolerance = 2e-7;

// A loss that reads three places: the next token, the stream after block 0 and a neuron of block 1.
struct Loss {
  const Model& model;
  PackedBatch batch;
  std::vector<Index> kept = {};
  Tensor<double> stream_weight;

  Loss(const Model& given, std::uint64_t seed) : model(given) {
    batch = pack(test::random_texts(model.config(), {5, 1, 9, 3}, seed));
    stream_weight = Tensor<double>({batch.n_token(), model.config().d_model});
    Random random(seed, "loss");
    for (double& value : stream_weight.values()) value = random.normal() / 10;
  }

  // Whether the key of a score or pattern may be seen by its query; elsewhere every number counts.
  static bool is_seen(const HookContext& context, Index row, Index key) {
    if (context.text < 0) return true;
    const auto n_query = static_cast<Index>(context.rows.size());
    const Index token = context.rows[static_cast<std::size_t>(row % n_query)];
    return key <= context.batch.position[static_cast<std::size_t>(token)];
  }

  static double neuron_term(double value, Index row) {
    return std::sin(value + static_cast<double>(row));
  }

  void add_hooks(Hooks<double>& hooks, double& loss) const {
    hooks.add(HookKind::resid_post, 0, [&](const HookContext&, MatrixView<double> x) {
      for (Index i = 0; i < x.rows; ++i) {
        for (Index c = 0; c < x.cols; ++c) loss += x(i, c) * stream_weight.matrix()(i, c);
      }
    });
    hooks.add(HookKind::mlp_post, 1, [&](const HookContext& context, MatrixView<double> x) {
      for (Index i = 0; i < x.rows; ++i)
        loss += neuron_term(x(i, 7), context.rows[static_cast<std::size_t>(i)]);
    });
    hooks.add(HookKind::logits, -1, [&](const HookContext& context, MatrixView<double> logits) {
      loss += next_token_loss<double>(context, logits);
    });
  }

  // With `change` added at a site where given.
  double value(const Model& at, const Site* site = nullptr, const Tensor<double>* change = nullptr,
               double scale = 0) const {
    double loss = 0;
    Hooks<double> hooks;
    if (site != nullptr) {
      Index next_row = 0;
      hooks.add(site->kind, site->layer,
                [=](const HookContext& context, MatrixView<double> x) mutable {
                  for (Index i = 0; i < x.rows; ++i, ++next_row) {
                    for (Index c = 0; c < x.cols; ++c) {
                      if (is_seen(context, i, c)) x(i, c) += scale * change->matrix()(next_row, c);
                    }
                  }
                });
    }
    add_hooks(hooks, loss);
    run_forward<double>(at.config(), at.weights<double>(), batch, hooks, kept, Backend::packed);
    return loss;
  }

  // Everything that the gradient pass needs; `readers` see the gradients.
  void gradients(const Model& at, ParameterSet<double>* grad, bool inputs_only,
                 const std::function<void(Hooks<double>&)>& readers) const {
    double loss = 0;
    ForwardTrace<double> trace;
    trace.inputs_only = inputs_only;
    Hooks<double> hooks, grad_hooks;
    add_hooks(hooks, loss);
    std::vector<double> neuron(static_cast<std::size_t>(batch.n_token()));
    hooks.add(HookKind::mlp_post, 1, [&](const HookContext& context, MatrixView<double> x) {
      for (Index i = 0; i < x.rows; ++i)
        neuron[static_cast<std::size_t>(context.rows[static_cast<std::size_t>(i)])] = x(i, 7);
    });
    run_forward<double>(at.config(), at.weights<double>(), batch, hooks, kept, Backend::packed,
                        nullptr, &trace);
    grad_hooks.add(HookKind::logits, -1, [&](const HookContext& context, MatrixView<double> g) {
      next_token_gradient<double>(context, trace.logits.view(), 1, g);
    });
    grad_hooks.add(HookKind::mlp_post, 1, [&](const HookContext& context, MatrixView<double> g) {
      for (Index i = 0; i < g.rows; ++i) {
        const Index row = context.rows[static_cast<std::size_t>(i)];
        g(i, 7) += std::cos(neuron[static_cast<std::size_t>(row)] + static_cast<double>(row));
      }
    });
    grad_hooks.add(HookKind::resid_post, 0, [&](const HookContext&, MatrixView<double> g) {
      for (Index i = 0; i < g.rows; ++i) {
        for (Index c = 0; c < g.cols; ++c) g(i, c) += stream_weight.matrix()(i, c);
      }
    });
    readers(grad_hooks);
    run_backward<double>(at.config(), at.weights<double>(), batch, trace, grad_hooks, grad,
                         Backend::packed);
  }
};

class BackwardTest : public testing::TestWithParam<std::tuple<TinyFamily, bool>> {};

TEST_P(BackwardTest, EveryParameter) {
  const auto [family, inputs_only] = GetParam();
  const Model& base = test::tiny_model(family);
  const Loss loss(base, 3);
  auto parameters = std::make_shared<ParameterSet<double>>(
      copy_parameters<double>(base, model_parameters(base.config())));
  const Model model = base.with_parameters<double>(parameters);
  ParameterSet<double> grad = zeros_like(*parameters);
  loss.gradients(model, &grad, inputs_only, [](Hooks<double>&) {});
  Random random(5, "directions");
  for (auto& [key, entry] : parameters->entries()) {
    std::vector<double> direction(static_cast<std::size_t>(entry.values.size()));
    for (double& d : direction) d = random.normal();
    const std::vector<double> start(entry.values.values().begin(), entry.values.values().end());
    const auto value_at = [&](double h) {
      for (std::size_t i = 0; i < start.size(); ++i)
        entry.values.data()[i] = start[i] + h * direction[i];
      return loss.value(model);
    };
    const double numeric = (value_at(kStep) - value_at(-kStep)) / (2 * kStep);
    std::ranges::copy(start, entry.values.data());
    double exact = 0;
    for (std::size_t i = 0; i < start.size(); ++i)
      exact += grad.find(key)->data()[i] * direction[i];
    EXPECT_NEAR(exact, numeric, kTolerance * (1 + std::abs(numeric))) << entry.row.name;
    EXPECT_NE(exact, 0) << entry.row.name;
  }
}

TEST_P(BackwardTest, EverySite) {
  const auto [family, inputs_only] = GetParam();
  const Model& model = test::tiny_model(family);
  const Loss loss(model, 4);
  const ModelConfig& config = model.config();
  Random random(6, "directions");
  for (const SiteAt& at : test::all_sites(config)) {
    const Site site = at.site;
    const bool pairs = is_pairs(site);
    const Index width = pairs ? 9 : site_width(site.kind, config);
    Tensor<double> change(
        {pairs ? config.n_heads * loss.batch.n_token() : loss.batch.n_token(), width});
    for (double& value : change.values()) value = random.normal();
    double exact = 0;
    Index n_call = 0;
    // Texts come in the same order in both passes, or all together.
    loss.gradients(model, nullptr, inputs_only, [&](Hooks<double>& hooks) {
      Index next_row = 0;
      hooks.add(site.kind, site.layer,
                [&, next_row](const HookContext&, MatrixView<double> g) mutable {
                  ++n_call;
                  for (Index i = 0; i < g.rows; ++i, ++next_row) {
                    for (Index c = 0; c < g.cols; ++c)
                      exact += g(i, c) * change.matrix()(next_row, c);
                  }
                });
    });
    const double numeric =
        (loss.value(model, &site, &change, kStep) - loss.value(model, &site, &change, -kStep)) /
        (2 * kStep);
    EXPECT_GT(n_call, 0) << site_name(site, config);
    EXPECT_NEAR(exact, numeric, kTolerance * (1 + std::abs(numeric))) << site_name(site, config);
  }
}

INSTANTIATE_TEST_SUITE_P(Families, BackwardTest,
                         testing::Combine(testing::Values(TinyFamily::gpt2, TinyFamily::llama,
                                                          TinyFamily::gpt_neox),
                                          testing::Bool()));

// Where only the last tokens are wanted, the last block works on them alone.
TEST(Backward, KeptRowsGiveTheSameGradients) {
  for (const TinyFamily family : {TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox}) {
    const Model& base = test::tiny_model(family);
    const ModelConfig& config = base.config();
    const PackedBatch batch = pack(test::random_texts(config, {4, 7, 1}, 8));
    const std::vector<Index> last = {3, 10, 11};
    auto parameters = std::make_shared<ParameterSet<double>>(
        copy_parameters<double>(base, model_parameters(config)));
    std::vector<ParameterSet<double>> grads;
    for (const bool fewer : {false, true}) {
      ForwardTrace<double> trace;
      Hooks<double> hooks, grad_hooks;
      hooks.add(HookKind::resid_post, config.n_layers - 1, [](const HookContext&, auto) {});
      grad_hooks.add(HookKind::resid_post, config.n_layers - 1,
                     [&](const HookContext& context, MatrixView<double> g) {
                       for (Index i = 0; i < g.rows; ++i) {
                         if (!std::ranges::count(last, context.rows[static_cast<std::size_t>(i)]))
                           continue;
                         for (Index c = 0; c < g.cols; ++c)
                           g(i, c) += std::sin(static_cast<double>(c * 3 + i * 0));
                       }
                     });
      const std::span<const Index> kept =
          fewer ? std::span<const Index>(last) : std::span<const Index>();
      run_forward<double>(config, base.weights<double>(), batch, hooks, kept, Backend::packed,
                          nullptr, &trace);
      grads.push_back(zeros_like(*parameters));
      run_backward<double>(config, base.weights<double>(), batch, trace, grad_hooks, &grads.back(),
                           Backend::packed);
    }
    for (const auto& [key, entry] : grads[0].entries()) {
      const Tensor<double>& other = *grads[1].find(key);
      double largest = 0, scale = 0;
      for (Index i = 0; i < other.size(); ++i) {
        largest = std::max(largest, std::abs(other.data()[i] - entry.values.data()[i]));
        scale = std::max(scale, std::abs(entry.values.data()[i]));
      }
      EXPECT_LE(largest, 1e-12 * (1 + scale)) << entry.row.name;
    }
  }
}

TEST(Backward, RecomputationAndThreadsGiveTheSameBits) {
  const Model& model = test::tiny_model(TinyFamily::llama, 3);
  const Loss loss(model, 9);
  const ParameterSet<double> zeros =
      zeros_like(copy_parameters<double>(model, model_parameters(model.config())));
  std::vector<ParameterSet<double>> grads;
  for (const auto& [inputs_only, n_thread] : {std::pair{false, 1}, {false, 2}, {true, 2}}) {
    set_threads(n_thread);
    grads.push_back(zeros);
    loss.gradients(model, &grads.back(), inputs_only, [](Hooks<double>&) {});
  }
  set_threads(0);
  EXPECT_EQ(grads[0].sha256(), grads[1].sha256());
  EXPECT_EQ(grads[0].sha256(), grads[2].sha256());
  EXPECT_NE(grads[0].sha256(), zeros.sha256());
}

TEST(Backward, StreamStartGivesTheSameBits) {
  const Model& model = test::tiny_model(TinyFamily::gpt2, 3);
  const ModelConfig& config = model.config();
  const PackedBatch batch = pack(test::random_texts(config, {6, 2}, 10));
  Tensor<double> stream({batch.n_token(), config.d_model}), whole = stream, started = stream;
  const auto store = [](Tensor<double>& to) {
    return [&to](const HookContext&, MatrixView<double> x) {
      std::copy_n(x.data, to.size(), to.data());
    };
  };
  Hooks<double> hooks, from_start;
  hooks.add(HookKind::resid_pre, 2, store(stream));
  hooks.add(HookKind::resid_post, 2, store(whole));
  run_forward<double>(config, model.weights<double>(), batch, hooks, {}, Backend::packed);
  from_start.add(HookKind::resid_post, 2, store(started));
  const StreamStart<double> start{2, stream.matrix()};
  run_forward<double>(config, model.weights<double>(), batch, from_start, {}, Backend::packed,
                      &start);
  EXPECT_EQ(0, std::memcmp(whole.data(), started.data(),
                           static_cast<std::size_t>(whole.size()) * sizeof(double)));
  hooks.add(HookKind::resid_pre, 1, [](const HookContext&, auto) {});
  EXPECT_THROW(run_forward<double>(config, model.weights<double>(), batch, hooks, {},
                                   Backend::packed, &start),
               Error);
}

TEST(Backward, RefusesAHookThatTheForwardPassDidNotReach) {
  const Model& model = test::tiny_model(TinyFamily::gpt2);
  const PackedBatch batch = pack(test::random_texts(model.config(), {4}, 11));
  ForwardTrace<double> trace;
  Hooks<double> hooks, late;
  hooks.add(HookKind::mlp_post, 0, [](const HookContext&, auto) {});
  run_forward<double>(model.config(), model.weights<double>(), batch, hooks, {}, Backend::packed,
                      nullptr, &trace);
  late.add(HookKind::resid_post, 0, [](const HookContext&, auto) {});
  EXPECT_THROW(run_backward<double>(model.config(), model.weights<double>(), batch, trace, late,
                                    nullptr, Backend::packed),
               ArgumentError);
}

}  // namespace
}  // namespace gnomon
