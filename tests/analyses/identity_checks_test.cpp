// SPDX-License-Identifier: Apache-2.0
// Identities hold on models whose weights are as given, and checks fail where something is wrong.
#include "gnomon/analyses/identity_checks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "analyses/tiny_study.h"

namespace gnomon::test {
namespace {

constexpr TinyFamily kFamilies[] = {TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox};
constexpr Precision kPrecisions[] = {Precision::float32, Precision::float64};

const CheckResult& check_of(const std::vector<CheckResult>& checks, const std::string& id) {
  for (const CheckResult& check : checks) {
    if (check.id == id) return check;
  }
  throw std::out_of_range("no check " + id);
}

std::set<std::string> failed(const std::vector<CheckResult>& checks) {
  std::set<std::string> ids;
  for (const CheckResult& check : checks) {
    if (check.status != CheckStatus::pass) ids.insert(check.id);
  }
  return ids;
}

std::vector<CheckResult> checks_of_study(const Model& model, const TinyStudy& study) {
  std::vector<Index> sample;
  for (Index t = 0; t < static_cast<Index>(study.texts.ids.size()); t += 9) sample.push_back(t);
  return check_study(model, study.texts, study.data, sample, study.ladders);
}

TEST(MakeCheckTest, FailsAboveTheToleranceAndForNaN) {
  EXPECT_EQ(make_check("a", "", 1, 1, "").status, CheckStatus::pass);
  EXPECT_EQ(make_check("a", "", 1.0001, 1, "").status, CheckStatus::fail);
  EXPECT_EQ(make_check("a", "", std::numeric_limits<double>::quiet_NaN(), 1, "").status,
            CheckStatus::fail);
  EXPECT_EQ(make_check("a", "", 0, 0, "").status, CheckStatus::pass);
}

// P1.
TEST(CheckIdentitiesTest, AllHoldForEveryTarget) {
  for (const TinyFamily family : kFamilies) {
    const Model& model = tiny_model(family);
    const auto texts = random_texts(model.config(), {11, 1, 30, 48, 2}, 8);
    for (const Precision precision : kPrecisions) {
      for (const std::string& name : every_target(model.config())) {
        SCOPED_TRACE(name);
        const Target target = make_target(parse_site(name, model.config()), model.config());
        const std::vector<CheckResult> checks = check_identities(model, target, texts, precision);
        EXPECT_EQ(failed(checks), std::set<std::string>());
        std::set<std::string> ids;
        for (const CheckResult& check : checks) {
          EXPECT_TRUE(ids.insert(check.id).second) << check.id;
          EXPECT_TRUE(check.value && check.tolerance);
          EXPECT_FALSE(check.title.empty() || check.why.empty());
        }
        for (const char* id :
             {"residual_post", "norm_scale", "norm_normalized", "norm_out", "I2", "I3", "I4",
              "I4_heads", "P15", "P15_causal", "I5", "capture_changes_nothing", "P3"}) {
          EXPECT_TRUE(ids.contains(id)) << id;
        }
        EXPECT_EQ(ids.contains("residual_mid"), family != TinyFamily::gpt_neox);
        EXPECT_EQ(ids.contains("I1"), family != TinyFamily::llama);
        EXPECT_EQ(ids.contains("I1_gate") && ids.contains("I1_up"), family == TinyFamily::llama);
      }
    }
  }
}

// Honest rounding stays below the bounds whatever the weights, and reaches a visible part of them:
// a bound that nothing comes near would hide errors.
TEST(CheckIdentitiesTest, BoundsHoldForManyModelsAndAreNotLoose) {
  std::map<std::string, double> worst;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    for (const TinyFamily family : kFamilies) {
      for (const Dtype dtype : {Dtype::f64, Dtype::f32, Dtype::f16}) {
        TinyModelOptions options;
        options.family = family;
        options.seed = seed;
        options.dtype = dtype;
        // A stream with a large mean and one outlying channel, as trained models have.
        options.change = [&](TinyTensors& tensors) {
          if (seed % 2 == 0) return;
          TinyTensor& embedding = tensors.at(test::embedding_name(family));
          for (std::size_t i = 0; i < embedding.values.size(); ++i)
            embedding.values[i] += i % 24 == 7 ? 300 : 20;
        };
        const TinyModel tiny(options);
        const auto texts = random_texts(tiny.model.config(), {11, 1, 30, 48}, seed);
        const Target target = make_target(
            parse_site("blocks.1.mlp.hook_post[5]@last", tiny.model.config()), tiny.model.config());
        for (const Precision precision : kPrecisions) {
          for (const CheckResult& check : check_identities(tiny.model, target, texts, precision)) {
            EXPECT_EQ(check.status, CheckStatus::pass)
                << check.id << " " << *check.value << " " << precision_name(precision);
            double& seen = worst[check.id];
            seen = std::max(seen, *check.value);
          }
        }
      }
    }
  }
  for (const auto& [id, value] : worst) {
    if (id == "P3" || id == "capture_changes_nothing" || id == "P15_causal") {
      EXPECT_EQ(value, 0) << id;
    } else {
      EXPECT_GT(value, 0.005) << id;
    }
  }
}

TEST(CheckStudyTest, AllHoldForEveryTarget) {
  for (const TinyFamily family : kFamilies) {
    const Model& model = tiny_model(family);
    for (const Precision precision : kPrecisions) {
      for (const std::string& target : every_target(model.config())) {
        SCOPED_TRACE(target);
        const TinyStudy study = make_study(model, {.target = target, .precision = precision});
        const std::vector<CheckResult> checks = checks_of_study(model, study);
        EXPECT_EQ(failed(checks), std::set<std::string>());
        // A text alone gives the bits that it gave among others.
        EXPECT_EQ(*check_of(checks, "R4").value, 0);
        EXPECT_GT(*check_of(checks, "P22").value, 0);
      }
    }
  }
}

TEST(CheckStudyTest, OtherWeightsAreFound) {
  for (const TinyFamily family : kFamilies) {
    const TinyStudy study = make_study(tiny_model(family), {});
    TinyModelOptions options;
    options.family = family;
    options.change = [&](TinyTensors& tensors) {
      // One weight of the target's neuron, by 0.1 %.
      TinyTensor& weight = tensors.at(test::read_weight_name(family, 0));
      weight.values[test::read_weight_place(family, 3, 5)] *= 1.001;
    };
    const TinyModel other(options);
    EXPECT_EQ(failed(checks_of_study(other.model, study)), std::set<std::string>{"R4"});
  }
}

TEST(CheckStudyTest, AWrongNeuronIsFound) {
  for (const TinyFamily family : kFamilies) {
    const Model& model = tiny_model(family);
    for (const Precision precision : kPrecisions) {
      TinyStudy study = make_study(model, {.precision = precision});
      // The largest weight: of a small one the change may be less than rounding.
      std::vector<double>& read = study.data.neuron->read;
      double& weight = *std::ranges::max_element(read, {}, [](double w) { return std::abs(w); });
      weight *= precision == Precision::float64 ? 1 + 1e-12 : 1 + 1e-3;
      EXPECT_EQ(failed(checks_of_study(model, study)), std::set<std::string>{"neuron_from_stream"});
      read[3] += 0.1;
      study.ladders = ladders_of(study.data, study.analysis, 1);
      const std::set<std::string> ids = failed(checks_of_study(model, study));
      EXPECT_TRUE(ids.contains("neuron_from_stream"));
      EXPECT_TRUE(ids.contains("ladder_input"));
    }
  }
}

TEST(CheckStudyTest, AShiftedRowIsFound) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  TinyStudy study = make_study(model, {});
  std::rotate(study.data.activation.begin(), study.data.activation.begin() + 1,
              study.data.activation.end());
  EXPECT_TRUE(failed(checks_of_study(model, study)).contains("R4"));
}

TEST(CheckStudyTest, ALeakingSplitIsFound) {
  const Model& model = tiny_model(TinyFamily::gpt2);
  TinyStudy study = make_study(model, {.target = "blocks.1.mlp.hook_post[12]@all"});
  study.data.part[1] = study.data.part[0] == Part::test ? Part::train : Part::test;
  const std::vector<CheckResult> checks = checks_of_study(model, study);
  EXPECT_EQ(failed(checks), std::set<std::string>{"R5"});
  EXPECT_GT(*check_of(checks, "R5").value, 0);
}

}  // namespace
}  // namespace gnomon::test
