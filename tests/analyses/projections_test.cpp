// SPDX-License-Identifier: Apache-2.0
// The table of directions against plain computations, and the properties its numbers promise.
#include "gnomon/analyses/projections.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "analyses/tiny_study.h"
#include "gnomon/base/error.h"

namespace gnomon::test {
namespace {

constexpr TinyFamily kFamilies[] = {TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox};

std::vector<std::string> names_of(const ProjectionAnalysis& analysis) {
  std::vector<std::string> names;
  for (const DirectionResult& direction : analysis.directions) names.push_back(direction.name);
  return names;
}

// The projection of every row and r of the scored rows.
void expect_projection(const TinyStudy& study, const std::string& name, const std::string& site,
                       const std::vector<double>& expected) {
  SCOPED_TRACE(name);
  const DirectionResult& direction = direction_of(study, name);
  EXPECT_EQ(direction.site, site);
  ASSERT_EQ(direction.projection.size(), expected.size());
  for (std::size_t r = 0; r < expected.size(); ++r)
    EXPECT_NEAR(direction.projection[r], expected[r], 1e-12);
  const std::vector<Index>& rows = study.analysis.scored_rows;
  ASSERT_TRUE(direction.r);
  EXPECT_NEAR(*direction.r, plain_r(take(expected, rows), take(study.data.activation, rows)),
              1e-11);
}

class ProjectionsTest : public ::testing::TestWithParam<TinyFamily> {
 protected:
  const Model& model() const { return tiny_model(GetParam()); }
  bool gated() const { return model().config().gated_mlp; }
};
INSTANTIATE_TEST_SUITE_P(Families, ProjectionsTest,
                         ::testing::Values(TinyFamily::gpt2, TinyFamily::llama,
                                           TinyFamily::gpt_neox),
                         [](const auto& family) {
                           return std::string(test::family_name(family.param));
                         });

TEST_P(ProjectionsTest, DirectionsOfANeuronAreReadWhereTheyBelong) {
  const TinyStudy study = make_study(model(), {.target = "blocks.0.mlp.hook_post[5]@last"});
  const NeuronWeights& neuron = *study.data.neuron;
  const Tensor<double> final_stream = captured(model(), study, HookKind::resid_post, 1);
  const std::vector<double> pre = column(captured(model(), study, HookKind::mlp_pre, 0), 5);
  std::vector<double> head = times(final_stream, study.analysis.head.weight);
  for (double& report : head) report += study.analysis.head.bias;

  expect_projection(study, "head", "blocks.1.hook_resid_post", head);
  expect_projection(study, gated() ? "input_gate" : "input", "blocks.0.ln2.hook_out", pre);
  expect_projection(study, "output", "blocks.0.hook_resid_post",
                    times(captured(model(), study, HookKind::resid_post, 0), neuron.write));
  expect_projection(study, "final", "blocks.1.hook_resid_post", times(final_stream, neuron.write));
  if (!gated()) {
    EXPECT_EQ(names_of(study.analysis),
              (std::vector<std::string>{"head", "input", "output", "final"}));
    return;
  }
  EXPECT_EQ(names_of(study.analysis), (std::vector<std::string>{"head", "input", "input_gate",
                                                                "input_up", "output", "final"}));
  const std::vector<double> up = column(captured(model(), study, HookKind::mlp_pre_linear, 0), 5);
  expect_projection(study, "input_up", "blocks.0.ln2.hook_out", up);
  std::vector<double> mean;
  for (std::size_t r = 0; r < up.size(); ++r) {
    mean.push_back(study.analysis.mean_gradient.gate * pre[r] +
                   study.analysis.mean_gradient.up * up[r]);
  }
  expect_projection(study, "input", "blocks.0.ln2.hook_out", mean);
}

// Identity 1 of design.md: the question that the original study was told is nothing.
TEST_P(ProjectionsTest, InputDirectionAndPreActivationCorrelatePerfectly) {
  for (const Precision precision : {Precision::float32, Precision::float64}) {
    for (const std::string layer : {"0", "1"}) {
      std::vector<std::string> targets = {"blocks." + layer + ".mlp.hook_pre[5]@last"};
      if (gated()) targets.push_back("blocks." + layer + ".mlp.hook_pre_linear[5]@all");
      for (const std::string& target : targets) {
        const TinyStudy study = make_study(model(), {.target = target, .precision = precision});
        const DirectionResult& input = direction_of(study, "input");
        const double gap = precision == Precision::float64 ? 1e-14 : 1e-11;
        EXPECT_LT(1 - *input.r, gap);
        EXPECT_LT(1 - *input.r2_identity, 10 * gap);
        EXPECT_LT(1 - input.interval->ci_low, 10 * gap);
        EXPECT_NEAR(*input.spearman, 1, 1e-6);
      }
    }
  }
}

TEST_P(ProjectionsTest, NumbersOfEveryTargetKeepTheirPromises) {
  for (const std::string& target : every_target(model().config())) {
    SCOPED_TRACE(target);
    const TinyStudy study = make_study(model(), {.target = target});
    const ProjectionAnalysis& analysis = study.analysis;
    EXPECT_EQ(analysis.scored_rows, study.data.rows_of(Part::test));
    EXPECT_EQ(analysis.training_rows, study.data.rows_of(Part::train));
    EXPECT_EQ(analysis.n_row, static_cast<Index>(analysis.scored_rows.size()));
    const std::vector<Index> groups = take(study.data.group, analysis.scored_rows);
    EXPECT_EQ(analysis.n_distinct,
              static_cast<Index>(std::set<Index>(groups.begin(), groups.end()).size()));
    for (const DirectionResult& direction : analysis.directions) {
      SCOPED_TRACE(direction.name);
      if (!direction.defined()) {
        EXPECT_EQ(direction.name, "input");
        EXPECT_FALSE(study.data.target.is_neuron());
        EXPECT_NE(direction.why.find("no single direction is its input"), std::string::npos);
        EXPECT_FALSE(direction.r);
        EXPECT_TRUE(direction.projection.empty());
        continue;
      }
      ASSERT_TRUE(direction.r && direction.interval && direction.fisher_interval);
      EXPECT_LE(std::abs(*direction.r), 1);
      EXPECT_LE(direction.interval->ci_low, direction.interval->ci_high);
      EXPECT_LE(direction.fisher_interval->ci_low, *direction.r);
      EXPECT_GE(direction.fisher_interval->ci_high, *direction.r);
      EXPECT_NEAR(*direction.r2_fit, *direction.r * *direction.r, 1e-12);
      EXPECT_LE(*direction.r2_identity, *direction.r2_fit + 1e-12);
      EXPECT_GT(*direction.p, 0);
      EXPECT_LE(*direction.p, 1);
      EXPECT_GE(*direction.p_holm, *direction.p);
      EXPECT_LE(*direction.p_holm, 1);
      EXPECT_GE(*direction.log10_p_holm, *direction.log10_p);
      EXPECT_LE(std::abs(*direction.spearman), 1);
      EXPECT_NEAR(direction.length * direction.length, dot(direction.weight, direction.weight),
                  1e-12);
      ASSERT_TRUE(direction.random_directions);
      EXPECT_EQ(direction.random_directions->n, 60);
      EXPECT_EQ(direction.other_neurons.has_value(),
                study.data.target.is_neuron() && direction.name != "head");
      for (const auto& rank : {direction.random_directions, direction.other_neurons}) {
        if (!rank) continue;
        EXPECT_GE(rank->percentile, 0);
        EXPECT_LE(rank->percentile, 100);
        EXPECT_GT(rank->abs_r_upper, 0);
        EXPECT_LE(rank->abs_r_upper, 1);
      }
      if (direction.other_neurons) {
        EXPECT_EQ(direction.other_neurons->n, 20);
      }
    }
  }
}

TEST_P(ProjectionsTest, AdjustedPValuesAreHolms) {
  const TinyStudy study = make_study(model(), {});
  std::vector<std::pair<double, double>> p;
  for (const DirectionResult& direction : study.analysis.directions)
    p.emplace_back(*direction.p, *direction.p_holm);
  std::sort(p.begin(), p.end());
  double largest = 0;
  for (std::size_t k = 0; k < p.size(); ++k) {
    largest = std::max(largest, std::min(1.0, p[k].first * static_cast<double>(p.size() - k)));
    EXPECT_NEAR(p[k].second, largest, 1e-12 * largest);
  }
}

TEST_P(ProjectionsTest, TheMatrixHoldsEveryPair) {
  const TinyStudy study = make_study(model(), {.target = "blocks.1.hook_mlp_out[3]@all"});
  const ProjectionAnalysis& analysis = study.analysis;
  ASSERT_EQ(analysis.correlation_labels,
            (std::vector<std::string>{"activation", "head", "output", "final"}));
  std::vector<std::vector<double>> columns = {take(study.data.activation, analysis.scored_rows)};
  for (const char* name : {"head", "output", "final"})
    columns.push_back(take(direction_of(study, name).projection, analysis.scored_rows));
  for (Index i = 0; i < 4; ++i) {
    for (Index j = 0; j < 4; ++j) {
      EXPECT_NEAR(
          *analysis.correlations.at(i, j),
          plain_r(columns[static_cast<std::size_t>(i)], columns[static_cast<std::size_t>(j)]),
          1e-11);
    }
  }
}

// Nothing that is fitted may see a scored row.
TEST_P(ProjectionsTest, ScoredRowsDoNotReachTheHeadOrTheGradient) {
  const TinyStudy study = make_study(model(), {});
  StudyData changed = study.data;
  for (const Index row : study.analysis.scored_rows) {
    const auto r = static_cast<std::size_t>(row);
    changed.activation[r] = -3 * changed.activation[r] + static_cast<double>(r % 5);
    changed.pre[r] += 1;
    for (double& x : changed.resid_final.matrix().row(row)) x *= 2;
  }
  const ProjectionAnalysis again = analyse(model(), changed, 7);
  EXPECT_EQ(again.head.weight, study.analysis.head.weight);
  EXPECT_EQ(again.head.bias, study.analysis.head.bias);
  EXPECT_EQ(again.ridge.fit.lambda, study.analysis.ridge.fit.lambda);
  EXPECT_EQ(again.mean_gradient.gate, study.analysis.mean_gradient.gate);
  EXPECT_EQ(again.mean_gradient.up, study.analysis.mean_gradient.up);
  for (std::size_t i = 0; i < again.cosines.size(); ++i)
    EXPECT_EQ(again.cosines[i].value, study.analysis.cosines[i].value);
}

TEST_P(ProjectionsTest, TheHeadIsTheRidgeFitOfTheTrainingRows) {
  const TinyStudy study = make_study(model(), {.target = "blocks.1.mlp.hook_post[12]@all"});
  const ProjectionAnalysis& analysis = study.analysis;
  const Tensor<double> x = take_rows(study.data.resid_final.matrix(), analysis.training_rows);
  const std::vector<double> y = take(study.data.activation, analysis.training_rows);
  // The normal equations at the solution: Xᵀ(y - Xw - b) = λ w, Σ (y - Xw - b) = 0.
  std::vector<double> residual = times(x, analysis.head.weight);
  double sum = 0;
  for (std::size_t i = 0; i < residual.size(); ++i) {
    residual[i] = y[i] - residual[i] - analysis.head.bias;
    sum += residual[i];
  }
  EXPECT_NEAR(sum, 0, 1e-9);
  for (Index c = 0; c < 24; ++c) {
    double gradient = 0;
    for (Index i = 0; i < x.matrix().rows; ++i)
      gradient += x.matrix()(i, c) * residual[static_cast<std::size_t>(i)];
    EXPECT_NEAR(gradient,
                analysis.ridge.fit.lambda * analysis.head.weight[static_cast<std::size_t>(c)],
                1e-7);
  }
}

TEST_P(ProjectionsTest, TheSameSeedGivesTheSameNumbersAndAnotherOthers) {
  const TinyStudy study = make_study(model(), {});
  const ProjectionAnalysis same = analyse(model(), study.data, 7);
  const ProjectionAnalysis other = analyse(model(), study.data, 8);
  for (std::size_t d = 0; d < same.directions.size(); ++d) {
    const DirectionResult& a = study.analysis.directions[d];
    EXPECT_EQ(a.r, same.directions[d].r);
    EXPECT_EQ(a.interval->ci_low, same.directions[d].interval->ci_low);
    EXPECT_EQ(a.random_directions->abs_r_upper, same.directions[d].random_directions->abs_r_upper);
    EXPECT_EQ(a.p, same.directions[d].p);
    EXPECT_NE(a.interval->ci_low, other.directions[d].interval->ci_low);
    EXPECT_NE(a.random_directions->abs_r_upper, other.directions[d].random_directions->abs_r_upper);
    if (a.name != "head") {
      EXPECT_EQ(a.r, other.directions[d].r);
    }
  }
  EXPECT_EQ(study.analysis.baselines.back().r, same.baselines.back().r);
  EXPECT_NE(study.analysis.baselines.back().r, other.baselines.back().r);
}

TEST_P(ProjectionsTest, CosinesAreThoseOfTheVectorsAsTheNormSeesThem) {
  const TinyStudy study = make_study(model(), {.target = "blocks.0.mlp.hook_post[5]@last"});
  const NeuronWeights& neuron = *study.data.neuron;
  const bool centre = model().config().norm == NormKind::layer_norm;
  const auto seen = [&](std::vector<double> v) {
    double mean = 0;
    for (const double x : v) mean += x / 24;
    for (double& x : v) x -= centre ? mean : 0;
    return v;
  };
  const auto cosine_of = [](const std::vector<double>& a, const std::vector<double>& b) {
    return dot(a, b) / std::sqrt(dot(a, a) * dot(b, b));
  };
  const auto named = [&](const std::string& name) {
    for (const CosineResult& cosine : study.analysis.cosines) {
      if (cosine.name == name) return cosine;
    }
    ADD_FAILURE() << "no cosine " << name;
    return CosineResult{};
  };
  std::vector<double> folded = neuron.read;
  for (std::size_t i = 0; i < folded.size(); ++i) folded[i] *= neuron.norm_weight[i];
  folded = seen(folded);
  const std::vector<double> write = seen(neuron.write);
  const std::vector<double> head = seen(study.analysis.head.weight);
  const std::string input = gated() ? "input_gate" : "input";
  EXPECT_NEAR(named("head, output").value, cosine_of(head, write), 1e-13);
  EXPECT_NEAR(named("head, " + input).value, cosine_of(head, folded), 1e-13);
  EXPECT_NEAR(named(input + ", output").value, cosine_of(folded, write), 1e-13);
  EXPECT_EQ(study.analysis.cosines.size(), gated() ? 7U : 5U);
  for (const CosineResult& cosine : study.analysis.cosines) {
    SCOPED_TRACE(cosine.name);
    EXPECT_LE(std::abs(cosine.value), 1);
    EXPECT_EQ(cosine.n_null, 39);
    ASSERT_TRUE(cosine.percentile && cosine.null_sd);
    EXPECT_GE(*cosine.percentile, 0);
    EXPECT_LE(*cosine.percentile, 100);
    EXPECT_EQ(cosine.space, cosine.name == "head, output (whitened)" ? "whitened"
                            : centre                                 ? "centred"
                                                                     : "raw");
  }

  // Σ w, from the covariance of the report with every feature over the training rows.
  const std::vector<Index>& rows = study.analysis.training_rows;
  const Tensor<double> x = take_rows(study.data.resid_final.matrix(), rows);
  const std::vector<double> report = times(x, study.analysis.head.weight);
  std::vector<double> pattern;
  for (Index c = 0; c < 24; ++c) {
    const std::vector<double> feature = column(x, c);
    double mean_x = 0;
    double mean_y = 0;
    const auto n = static_cast<double>(rows.size());
    for (std::size_t i = 0; i < feature.size(); ++i) {
      mean_x += feature[i] / n;
      mean_y += report[i] / n;
    }
    double sum = 0;
    for (std::size_t i = 0; i < feature.size(); ++i)
      sum += (feature[i] - mean_x) * (report[i] - mean_y);
    pattern.push_back(sum);
  }
  EXPECT_NEAR(named("head pattern, output").value, cosine_of(seen(pattern), write), 1e-11);
}

TEST_P(ProjectionsTest, AConstantActivationIsAnError) {
  const TinyStudy study = make_study(model(), {});
  for (const Part part : {Part::train, Part::test}) {
    StudyData constant = study.data;
    for (const Index row : constant.rows_of(part))
      constant.activation[static_cast<std::size_t>(row)] = 0.25;
    try {
      analyse(model(), constant, 1);
      ADD_FAILURE() << "no error";
    } catch (const ArgumentError& error) {
      EXPECT_EQ(error.code(), ErrorCode::bad_data);
      EXPECT_NE(std::string(error.what()).find("the activation is the same, 0.25, on all"),
                std::string::npos)
          << error.what();
    }
    // Rounding is no variation.
    for (const Index row : constant.rows_of(part)) {
      constant.activation[static_cast<std::size_t>(row)] =
          0.1 + 1e-17 * static_cast<double>(row % 3) + (row % 2 == 0 ? 0.0 : 1.5e-17);
    }
    EXPECT_THROW(analyse(model(), constant, 1), ArgumentError);
  }
}

// A neuron that no text moves: its read direction and bias are zero.
TEST(ProjectionsErrorTest, ADeadNeuronIsAnError) {
  for (const TinyFamily family : kFamilies) {
    TinyModelOptions options;
    options.family = family;
    options.change = [&](TinyTensors& tensors) {
      TinyTensor& weight = tensors.at(test::read_weight_name(family, 0));
      for (Index i = 0; i < 24; ++i) weight.values[test::read_weight_place(family, i, 5)] = 0;
    };
    const TinyModel dead(options);
    for (const Precision precision : {Precision::float32, Precision::float64}) {
      try {
        make_study(dead.model, {.precision = precision});
        ADD_FAILURE() << "no error";
      } catch (const ArgumentError& error) {
        EXPECT_EQ(error.code(), ErrorCode::bad_data) << error.what();
      }
    }
  }
}

TEST(ProjectionsErrorTest, OneScoredRowIsTooFew) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  try {
    make_study(model, {.n_text = 4});
    FAIL() << "no error";
  } catch (const ArgumentError& error) {
    EXPECT_EQ(error.code(), ErrorCode::bad_data);
    EXPECT_STREQ(error.what(), "1 test row, expected at least 2");
  }
}

// A neuron without a write: the directions that do not exist have no r, and nothing breaks.
TEST(ProjectionsErrorTest, ANeuronThatWritesNothingHasNoOutputCorrelation) {
  TinyModelOptions options;
  options.change = [](TinyTensors& tensors) {
    TinyTensor& weight = tensors.at("transformer.h.0.mlp.c_proj.weight");
    for (std::size_t i = 0; i < 24; ++i) weight.values[5 * 24 + i] = 0;
  };
  const TinyModel model(options);
  const TinyStudy study = make_study(model.model, {});
  EXPECT_TRUE(direction_of(study, "input").r);
  ASSERT_EQ(study.ladders.size(), 2U);
  EXPECT_EQ(study.ladders[0].direction, "input");
  EXPECT_EQ(study.ladders[1].direction, "head");
  for (const char* name : {"output", "final"}) {
    EXPECT_FALSE(direction_of(study, name).r);
    EXPECT_FALSE(direction_of(study, name).p_holm);
    EXPECT_EQ(direction_of(study, name).length, 0);
  }
  for (const CosineResult& cosine : study.analysis.cosines) {
    if (cosine.name.find("output") != std::string::npos) {
      EXPECT_EQ(cosine.value, 0) << cosine.name;
    }
  }
}

}  // namespace
}  // namespace gnomon::test
