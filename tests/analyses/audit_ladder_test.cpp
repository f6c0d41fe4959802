// SPDX-License-Identifier: Apache-2.0
// The ladders against plain computations from captured sites, and the properties they promise.
#include "gnomon/analyses/audit_ladder.h"

#include <gtest/gtest.h>

#include <cmath>

#include "analyses/tiny_study.h"

namespace gnomon::test {
namespace {

constexpr TinyFamily kFamilies[] = {TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox};

std::vector<std::string> names_of(const Ladder& ladder) {
  std::vector<std::string> names;
  for (const Rung& rung : ladder.rungs) names.push_back(rung.name);
  return names;
}

std::vector<std::string> directions_of(const std::vector<Ladder>& ladders) {
  std::vector<std::string> directions;
  for (const Ladder& ladder : ladders) directions.push_back(ladder.direction);
  return directions;
}

// r of each rung against `quantities`, one for each rung, of all rows of the study.
void expect_rungs(const TinyStudy& study, const std::string& direction,
                  const std::vector<std::vector<double>>& quantities) {
  SCOPED_TRACE(direction);
  const Ladder& ladder = ladder_of(study, direction);
  const std::vector<Index>& rows = study.analysis.scored_rows;
  const std::vector<double> truth = take(study.data.activation, rows);
  ASSERT_EQ(ladder.rungs.size(), quantities.size());
  for (std::size_t k = 0; k < quantities.size(); ++k) {
    SCOPED_TRACE(ladder.rungs[k].name);
    ASSERT_TRUE(ladder.rungs[k].r);
    EXPECT_NEAR(*ladder.rungs[k].r, plain_r(take(quantities[k], rows), truth), 1e-11);
    ASSERT_TRUE(ladder.rungs[k].interval);
    EXPECT_LE(ladder.rungs[k].interval->ci_low, ladder.rungs[k].interval->ci_high);
  }
}

std::vector<double> plus(std::vector<double> a, const std::vector<double>& b, double sign = 1) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += sign * b[i];
  return a;
}

std::vector<double> combined(double a, const std::vector<double>& x, double b,
                             const std::vector<double>& y) {
  std::vector<double> result;
  for (std::size_t i = 0; i < x.size(); ++i) result.push_back(a * x[i] + b * y[i]);
  return result;
}

double silu(double x) { return x / (1 + std::exp(-x)); }
double silu_slope(double x) {
  const double s = 1 / (1 + std::exp(-x));
  return s + x * s * (1 - s);
}

class EveryTargetTest : public ::testing::TestWithParam<std::tuple<TinyFamily, Precision>> {
 protected:
  const Model& model() const { return tiny_model(std::get<0>(GetParam())); }
  Precision precision() const { return std::get<1>(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(
    Cases, EveryTargetTest,
    ::testing::Combine(::testing::Values(TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox),
                       ::testing::Values(Precision::float32, Precision::float64)),
    [](const auto& one) {
      return std::string(test::family_name(std::get<0>(one.param))) + "_" +
             std::string(precision_name(std::get<1>(one.param)));
    });

TEST_P(EveryTargetTest, LaddersCloseAndAddUp) {
  for (const std::string& target : every_target(model().config())) {
    SCOPED_TRACE(target);
    const TinyStudy study = make_study(model(), {.target = target, .precision = precision()});
    const bool gated_post =
        model().config().gated_mlp && study.data.target.kind == TargetKind::neuron_post;
    const std::vector<std::string> expected =
        !study.data.target.is_neuron() ? std::vector<std::string>{"output", "final", "head"}
        : gated_post
            ? std::vector<std::string>{"input", "input_gate", "input_up", "output", "final", "head"}
            : std::vector<std::string>{"input", "output", "final", "head"};
    EXPECT_EQ(directions_of(study.ladders), expected);
    for (const Ladder& ladder : study.ladders) {
      SCOPED_TRACE(ladder.direction);
      EXPECT_TRUE(ladder.closes);
      ASSERT_TRUE(ladder.one_minus_r);
      EXPECT_LT(*ladder.one_minus_r, precision() == Precision::float64 ? 1e-12 : 1e-9);
      // A bound on float32 rounding that would let a wrong rung pass is no bound.
      EXPECT_LE(ladder.tolerance, 1e-6);
      if (precision() == Precision::float64) {
        EXPECT_EQ(ladder.tolerance, 1e-9);
      }
      ASSERT_FALSE(ladder.rungs.empty());
      EXPECT_EQ(ladder.rungs.front().name, "start");
      EXPECT_FALSE(ladder.rungs.front().shapley);
      EXPECT_FALSE(ladder.rungs.front().exact_zero);
      EXPECT_EQ(ladder.rungs.front().delta, 0);
      double shapley = 0;
      double delta = 0;
      for (std::size_t k = 0; k < ladder.rungs.size(); ++k) {
        const Rung& rung = ladder.rungs[k];
        SCOPED_TRACE(rung.name);
        ASSERT_TRUE(rung.r);
        ASSERT_TRUE(rung.interval);
        EXPECT_LE(rung.interval->ci_low, rung.interval->ci_high);
        ASSERT_TRUE(rung.r2_identity);
        EXPECT_LE(*rung.r2_identity, 1);
        if (k == 0) continue;
        const double change = *rung.r - *ladder.rungs[k - 1].r;
        if (rung.exact_zero) {
          EXPECT_EQ(rung.delta, 0);
          EXPECT_LT(std::abs(change), 1e-12);
        } else {
          EXPECT_EQ(rung.delta, change);
        }
        ASSERT_TRUE(rung.shapley);
        shapley += *rung.shapley;
        delta += *rung.delta;
      }
      const double whole = *ladder.rungs.back().r - *ladder.rungs.front().r;
      EXPECT_NEAR(shapley, whole, 1e-12);
      EXPECT_NEAR(delta, whole, 1e-11);
      EXPECT_NEAR(1 - *ladder.rungs.back().r, *ladder.one_minus_r, 1e-15);
    }
  }
}

class LayerNormLadderTest : public ::testing::TestWithParam<TinyFamily> {};
INSTANTIATE_TEST_SUITE_P(Families, LayerNormLadderTest,
                         ::testing::Values(TinyFamily::gpt2, TinyFamily::gpt_neox),
                         [](const auto& family) {
                           return std::string(test::family_name(family.param));
                         });

// In a parallel block nothing comes between the stream and the norm.
TEST_P(LayerNormLadderTest, InputRungsOfANeuron) {
  const Model& model = tiny_model(GetParam());
  const bool parallel = model.config().parallel_block;
  for (const Index layer : {Index{0}, Index{1}}) {
    const std::string block = "blocks." + std::to_string(layer) + ".mlp.";
    for (const std::string position : {"@last", "@all"}) {
      for (const std::string site : {"hook_post", "hook_pre"}) {
        const bool post = site == "hook_post";
        const TinyStudy study = make_study(model, {.target = block + site + "[9]" + position});
        const NeuronWeights& neuron = *study.data.neuron;
        const Tensor<double> mid = captured(model, study, mlp_stream(model.config()), layer);
        const Tensor<double> normalized = captured(model, study, HookKind::ln2_normalized, layer);
        Tensor<double> centred = mid;
        Tensor<double> weighted = normalized;
        for (Index i = 0; i < mid.matrix().rows; ++i) {
          double mean = 0;
          for (Index c = 0; c < 24; ++c) mean += mid.matrix()(i, c) / 24;
          for (Index c = 0; c < 24; ++c) {
            centred.matrix()(i, c) -= mean;
            weighted.matrix()(i, c) *= neuron.norm_weight[static_cast<std::size_t>(c)];
          }
        }
        std::vector<std::vector<double>> quantities = {
            times(captured(model, study, HookKind::resid_pre, layer), neuron.read),
            times(mid, neuron.read),
            times(centred, neuron.read),
            times(normalized, neuron.read),
            times(weighted, neuron.read),
            times(captured(model, study, HookKind::ln2_out, layer), neuron.read),
            column(captured(model, study, HookKind::mlp_pre, layer), 9)};
        std::vector<std::string> names = {"start",           "+ attention",  "norm: centring",
                                          "norm: scale 1/σ", "norm: weight", "norm: bias",
                                          "+ b_in"};
        if (post) {
          quantities.push_back(column(captured(model, study, HookKind::mlp_post, layer), 9));
          names.push_back(parallel ? "gelu" : "gelu_new");
        }
        if (parallel) {
          quantities.erase(quantities.begin() + 1);
          names.erase(names.begin() + 1);
        }
        expect_rungs(study, "input", quantities);
        const Ladder& ladder = ladder_of(study, "input");
        EXPECT_EQ(names_of(ladder), names);
        EXPECT_EQ(ladder.starts_at, "blocks." + std::to_string(layer) + ".hook_resid_pre");
        for (const Rung& rung : ladder.rungs)
          EXPECT_EQ(rung.exact_zero, rung.name == "norm: bias" || rung.name == "+ b_in");
      }
    }
  }
}

TEST(AuditLadderTest, InputRungsOfAGatedNeuron) {
  const Model& model = tiny_model(TinyFamily::llama);
  for (const Index layer : {Index{0}, Index{1}}) {
    const TinyStudy study =
        make_study(model, {.target = "blocks." + std::to_string(layer) + ".mlp.hook_post[9]@last"});
    const NeuronWeights& neuron = *study.data.neuron;
    const Tensor<double> pre = captured(model, study, HookKind::resid_pre, layer);
    const Tensor<double> mid = captured(model, study, HookKind::resid_mid, layer);
    const Tensor<double> normalized = captured(model, study, HookKind::ln2_normalized, layer);
    const Tensor<double> out = captured(model, study, HookKind::ln2_out, layer);
    const std::vector<double> gate = column(captured(model, study, HookKind::mlp_pre, layer), 9);
    const std::vector<double> up =
        column(captured(model, study, HookKind::mlp_pre_linear, layer), 9);
    const std::vector<double> post = column(captured(model, study, HookKind::mlp_post, layer), 9);
    std::vector<double> activated;
    for (const double g : gate) activated.push_back(silu(g));

    expect_rungs(study, "input_gate",
                 {times(pre, neuron.read), times(mid, neuron.read), times(normalized, neuron.read),
                  times(out, neuron.read), activated, post});
    EXPECT_EQ(names_of(ladder_of(study, "input_gate")),
              (std::vector<std::string>{"start", "+ attention", "norm: scale 1/σ", "norm: weight",
                                        "silu", "× up branch"}));
    expect_rungs(study, "input_up",
                 {times(pre, neuron.up_read), times(mid, neuron.up_read),
                  times(normalized, neuron.up_read), up, post});
    EXPECT_EQ(names_of(ladder_of(study, "input_up")),
              (std::vector<std::string>{"start", "+ attention", "norm: scale 1/σ", "norm: weight",
                                        "× silu(gate)"}));

    // The mean gradient over the training rows, from the derivative's formula.
    GatedInput mean;
    const std::vector<Index> training = study.data.rows_of(Part::train);
    for (const Index r : training) {
      const auto row = static_cast<std::size_t>(r);
      mean.gate += silu_slope(gate[row]) * up[row] / static_cast<double>(training.size());
      mean.up += silu(gate[row]) / static_cast<double>(training.size());
    }
    EXPECT_NEAR(study.analysis.mean_gradient.gate, mean.gate, 1e-9);
    EXPECT_NEAR(study.analysis.mean_gradient.up, mean.up, 1e-12);
    const std::vector<double> w = combined(mean.gate, neuron.read, mean.up, neuron.up_read);
    const Ladder& ladder = ladder_of(study, "input");
    EXPECT_EQ(names_of(ladder),
              (std::vector<std::string>{"start", "+ attention", "norm: scale 1/σ", "norm: weight",
                                        "product of the branches"}));
    const std::vector<Index>& rows = study.analysis.scored_rows;
    const std::vector<double> truth = take(study.data.activation, rows);
    const std::vector<std::vector<double>> quantities = {times(pre, w), times(mid, w),
                                                         times(normalized, w), times(out, w), post};
    for (std::size_t k = 0; k < quantities.size(); ++k)
      EXPECT_NEAR(*ladder.rungs[k].r, plain_r(take(quantities[k], rows), truth), 1e-8);
  }
}

TEST(AuditLadderTest, RungsOfTheBranchesOfAGatedNeuron) {
  const Model& model = tiny_model(TinyFamily::llama);
  for (const bool linear : {false, true}) {
    const TinyStudy study = make_study(model, {.target = std::string("blocks.1.mlp.hook_pre") +
                                                         (linear ? "_linear" : "") + "[9]@last"});
    const std::vector<double>& read = linear ? study.data.neuron->up_read : study.data.neuron->read;
    expect_rungs(study, "input",
                 {times(captured(model, study, HookKind::resid_pre, 1), read),
                  times(captured(model, study, HookKind::resid_mid, 1), read),
                  times(captured(model, study, HookKind::ln2_normalized, 1), read),
                  times(captured(model, study, HookKind::ln2_out, 1), read)});
  }
}

TEST(AuditLadderTest, OutputAndFinalRungsOfANeuron) {
  for (const TinyFamily family : kFamilies) {
    const Model& model = tiny_model(family);
    const bool has_bias = family != TinyFamily::llama;
    for (const std::string site : {"hook_post", "hook_pre"}) {
      const TinyStudy study = make_study(model, {.target = "blocks.0.mlp." + site + "[9]@last"});
      const std::vector<double>& write = study.data.neuron->write;
      const std::vector<double> mlp_out =
          times(captured(model, study, HookKind::mlp_out, 0), write);
      const std::vector<double> attn_out =
          times(captured(model, study, HookKind::attn_out, 0), write);
      const std::vector<double> resid_post =
          times(captured(model, study, HookKind::resid_post, 0), write);
      const std::vector<double> own = column(captured(model, study, HookKind::mlp_post, 0), 9);
      std::vector<std::vector<double>> quantities = {resid_post, plus(attn_out, mlp_out), mlp_out};
      std::vector<std::string> names = {"start", "without earlier stream", "without attention"};
      if (has_bias) {
        quantities.push_back(mlp_out);
        names.push_back("without b_out");
      }
      quantities.push_back(own);
      names.push_back("without other neurons");
      if (site == "hook_pre") {
        quantities.push_back(study.data.activation);
        names.push_back("undo the activation");
      }
      expect_rungs(study, "output", quantities);
      EXPECT_EQ(names_of(ladder_of(study, "output")), names);
      quantities.insert(quantities.begin(),
                        times(captured(model, study, HookKind::resid_post, 1), write));
      names.insert(names.begin() + 1, "without later layers");
      expect_rungs(study, "final", quantities);
      EXPECT_EQ(names_of(ladder_of(study, "final")), names);
      EXPECT_EQ(ladder_of(study, "final").starts_at, "blocks.1.hook_resid_post");
      EXPECT_EQ(ladder_of(study, "output").starts_at, "blocks.0.hook_resid_post");
    }
  }
}

TEST(AuditLadderTest, OutputAndFinalRungsOfACoordinate) {
  for (const TinyFamily family : kFamilies) {
    const Model& model = tiny_model(family);
    const auto at = [&](const TinyStudy& study, HookKind kind, Index layer) {
      return column(captured(model, study, kind, layer), 9);
    };
    const auto study_of = [&](const std::string& site) {
      return make_study(model, {.target = "blocks.0." + site + "[9]@last"});
    };
    TinyStudy study = study_of("hook_mlp_out");
    std::vector<double> attn = at(study, HookKind::attn_out, 0);
    std::vector<double> mlp = at(study, HookKind::mlp_out, 0);
    std::vector<double> last = at(study, HookKind::resid_post, 1);
    std::vector<double> post = at(study, HookKind::resid_post, 0);
    expect_rungs(study, "output", {post, plus(attn, mlp), mlp});
    expect_rungs(study, "final", {last, post, plus(attn, mlp), mlp});

    study = study_of("hook_attn_out");
    if (model.config().parallel_block) {
      expect_rungs(study, "output", {post, plus(attn, mlp), attn});
      expect_rungs(study, "final", {last, post, plus(attn, mlp), attn});
      EXPECT_EQ(names_of(ladder_of(study, "output")).back(), "without MLP");
    } else {
      expect_rungs(study, "output", {at(study, HookKind::resid_mid, 0), attn});
      expect_rungs(study, "final", {last, at(study, HookKind::resid_mid, 0), attn});
    }

    for (const auto& [site, kind] : {std::pair{"hook_resid_pre", HookKind::resid_pre},
                                     std::pair{"hook_resid_mid", HookKind::resid_mid},
                                     std::pair{"hook_resid_post", HookKind::resid_post}}) {
      if (!exists_in(hook_point(kind), model.config())) continue;
      study = study_of(site);
      expect_rungs(study, "output", {at(study, kind, 0)});
      expect_rungs(study, "final", {last, at(study, kind, 0)});
    }
  }
}

TEST(AuditLadderTest, HeadRungs) {
  for (const TinyFamily family : kFamilies) {
    const Model& model = tiny_model(family);
    const TinyStudy study = make_study(model, {});
    const std::vector<double> report = times(study.data.resid_final, study.analysis.head.weight);
    expect_rungs(study, "head", {report, report, report, study.data.activation});
    const Ladder& ladder = ladder_of(study, "head");
    EXPECT_TRUE(ladder.rungs[1].exact_zero);
    EXPECT_TRUE(ladder.rungs[2].exact_zero);
    EXPECT_FALSE(ladder.rungs[3].exact_zero);
    // The offset changes no r, and it changes what R²(identity) says.
    EXPECT_NE(*ladder.rungs[0].r2_identity, *ladder.rungs[1].r2_identity);
  }
}

// In a rotary model the first block's stream depends on the token alone: where all texts end with
// the same one it is constant, and r begins with attention.
TEST(AuditLadderTest, ARungThatDoesNotVaryHasNoR) {
  const Model& model = tiny_model(TinyFamily::llama);
  std::vector<TextRecord> records = short_texts(60, 3);
  for (TextRecord& record : records) record.text += '.';
  TinyStudy study;
  study.texts = prepare_texts(model, records, 1);
  const Target target =
      make_target(parse_site("blocks.0.mlp.hook_post[5]@last", model.config()), model.config());
  study.data = measure_study(model, target, study.texts, Precision::float64, {});
  study.analysis = analyse(model, study.data, 1);
  for (const Ladder& ladder : ladders_of(study.data, study.analysis, 1)) {
    SCOPED_TRACE(ladder.direction);
    EXPECT_TRUE(ladder.closes);
    const bool from_input = ladder.direction.starts_with("input");
    EXPECT_EQ(ladder.rungs[0].r.has_value(), !from_input);
    EXPECT_EQ(ladder.rungs[0].interval.has_value(), !from_input);
    EXPECT_EQ(ladder.rungs[1].shapley.has_value(), !from_input);
    EXPECT_TRUE(ladder.rungs[1].r);
    EXPECT_EQ(ladder.rungs[0].delta, 0);
    EXPECT_EQ(ladder.rungs[1].delta.has_value(), !from_input);
    if (from_input) {
      EXPECT_EQ(ladder.rungs[2].delta, *ladder.rungs[2].r - *ladder.rungs[1].r);
    }
  }
}

// Wrong weights do not close: the ladder is a check, not a drawing.
TEST(AuditLadderTest, AWrongReadDirectionDoesNotClose) {
  for (const TinyFamily family : kFamilies) {
    const Model& model = tiny_model(family);
    for (const Precision precision : {Precision::float32, Precision::float64}) {
      for (const std::string site : {"hook_post", "hook_pre"}) {
        TinyStudy study = make_study(
            model, {.target = "blocks.1.mlp." + site + "[5]@last", .precision = precision});
        study.data.neuron->read[3] += 0.01;
        const std::vector<Ladder> ladders = ladders_of(study.data, study.analysis, 1);
        EXPECT_FALSE(ladders[0].closes) << ladders[0].direction;
        EXPECT_GT(*ladders[0].one_minus_r, ladders[0].tolerance);
      }
      // A target's truth against the stream of another token.
      TinyStudy study =
          make_study(model, {.target = "blocks.1.hook_mlp_out[5]@last", .precision = precision});
      std::rotate(study.data.activation.begin(), study.data.activation.begin() + 1,
                  study.data.activation.end());
      for (const Ladder& ladder : ladders_of(study.data, study.analysis, 1))
        EXPECT_EQ(ladder.closes, ladder.direction == "head");
    }
  }
}

TEST(AuditLadderTest, TheSameSeedGivesTheSameIntervals) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  const TinyStudy study = make_study(model, {});
  const auto low_ends = [&](std::uint64_t seed) {
    std::vector<double> ends;
    for (const Ladder& ladder : ladders_of(study.data, study.analysis, seed)) {
      for (const Rung& rung : ladder.rungs) ends.push_back(rung.interval->ci_low);
    }
    return ends;
  };
  EXPECT_EQ(low_ends(7), low_ends(7));
  EXPECT_NE(low_ends(7), low_ends(8));
}

TEST(AuditLadderTest, NormedReadIsThePreActivationWithinItsBound) {
  for (const TinyFamily family : kFamilies) {
    const Model& model = tiny_model(family);
    for (const Precision precision : {Precision::float32, Precision::float64}) {
      const TinyStudy study =
          make_study(model, {.target = "blocks.1.mlp.hook_post[5]@all", .precision = precision});
      const NormedRead read =
          normed_read(study.data, study.data.neuron->read, study.data.neuron->read_bias);
      double worst = 0;
      for (std::size_t r = 0; r < read.value.size(); ++r)
        worst = std::max(worst, std::abs(read.value[r] - study.data.pre[r]) / read.bound[r]);
      EXPECT_LT(worst, 1);
      // Tight enough to see an error of a thousand roundings.
      EXPECT_GT(worst, 1e-3);
    }
  }
}

}  // namespace
}  // namespace gnomon::test
