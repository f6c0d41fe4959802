// SPDX-License-Identifier: Apache-2.0
#include "gnomon/directions/transport.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>

#include "gnomon/activations/capture.h"
#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "support/golden_models.h"

namespace gnomon::test {
namespace {

using Head = Direction<Space::raw>;

Model golden_model(const std::string& name) {
  return Model::load(std::string(GNOMON_TEST_DATA) + "/models/" + name);
}

// The golden models' norms have weights of 1 ± 0.25 and biases of 0.2, so that a step that is left
// out shows.
Head random_head(const Site& site, const ModelConfig& config, bool centred) {
  Random random(5, "transport");
  Head head;
  head.name = "head";
  head.site = site;
  head.bias = 0.7;
  for (Index i = 0; i < site_width(site.kind, config); ++i) head.weight.push_back(random.normal());
  const double mean = std::accumulate(head.weight.begin(), head.weight.end(), 0.0) /
                      static_cast<double>(head.weight.size());
  for (double& value : head.weight) value -= centred ? mean : 0;
  return head;
}

bool has_one_row(HookKind kind) {
  const SiteAxes axes = hook_point(kind).axes;
  return axes != SiteAxes::pairs && axes != SiteAxes::head_streams &&
         axes != SiteAxes::kv_head_streams;
}

std::vector<double> readings(const Model& model, const Head& head) {
  const std::vector<std::vector<TokenId>> texts = {{7, 21, 130, 5, 250}, {44, 9}};
  const std::vector<SiteAt> sites = {{head.site, {Position::Kind::all, -1}}};
  const auto captured = capture<double>(model, texts, sites, {}, {}).activations;
  std::vector<double> numbers = project(
      head, Stream<Space::raw>{head.site, captured[0].values.matrix(), model.source().weights});
  for (double& number : numbers) number += head.bias;
  return numbers;
}

void expect_same_readings(const std::string& what, const std::vector<double>& a,
                          const std::vector<double>& b) {
  double largest = 0;
  for (const double value : a) largest = std::max(largest, std::abs(value));
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-11 * largest) << what;
}

class Transport : public testing::TestWithParam<const char*> {};

TEST_P(Transport, ReadsTheSameNumbersAtEverySite) {
  const Model raw = golden_model(GetParam());
  const ModelConfig& config = raw.config();
  const WeightProcessing processing = parse_weight_processing("transformerlens", config);
  const Model processed = process_weights(raw, processing);
  int n_site = 0;
  int n_changed = 0;
  for (const HookPoint& point : hook_points()) {
    if (!exists_in(point, config) || !has_one_row(point.kind)) continue;
    const Site site = {point.kind, point.per_block ? 1 : -1, std::nullopt};
    const SiteRewriting rewriting = site_rewriting(raw, processing, site);
    const Head head = random_head(site, config, rewriting.centred);
    const Head moved = to_processed(head, raw, processing);
    EXPECT_EQ(moved.weights, processed.source().weights);
    expect_same_readings(std::string(point.name), readings(raw, head), readings(processed, moved));

    Head probe = random_head(site, config, false);
    probe.weights = processed.source().weights;
    const Head back = to_raw(probe, raw, processing);
    EXPECT_EQ(back.weights, "raw");
    expect_same_readings(std::string(point.name), readings(processed, probe), readings(raw, back));
    n_changed += rewriting.changes_nothing() ? 0 : 1;
    ++n_site;
  }
  EXPECT_GT(n_site, 15);
  EXPECT_GT(n_changed, 3);
}

INSTANTIATE_TEST_SUITE_P(Tiny, Transport, golden_models(),
                         [](const auto& model) { return golden_model_name(model); });

std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

TEST(Transport, RefusesWhatHasNoCounterpart) {
  const Model raw = golden_model("gpt2-tiny");
  const ModelConfig& config = raw.config();
  const WeightProcessing processing = parse_weight_processing("transformerlens", config);
  const Head head = random_head({HookKind::resid_post, 1, std::nullopt}, config, false);
  EXPECT_EQ(refusal([&] { to_processed(head, raw, processing); }),
            "to_processed: direction \"head\" reads the mean of blocks.1.hook_resid_post, which "
            "processed weights take out");
  EXPECT_EQ(refusal([&] { to_processed(head, raw, parse_weight_processing("fold_ln", config)); }),
            "accepted");
  EXPECT_EQ(refusal([&] { to_raw(head, raw, processing); }),
            "to_raw: direction \"head\" belongs to the weights \"raw\", expected "
            "\"fold_ln,center_writing_weights,center_unembed,fold_value_biases\"");
  EXPECT_EQ(refusal([&] { to_processed(head, process_weights(raw, processing), processing); }),
            "to_processed: the model's weights are "
            "\"fold_ln,center_writing_weights,center_unembed,fold_value_biases\", expected the "
            "model with its weights as stored");
  Head rounded = random_head(head.site, config, true);
  for (double& value : rounded.weight) value = static_cast<float>(value);
  EXPECT_EQ(refusal([&] { to_processed(rounded, raw, processing); }), "accepted");
  Head undefined = rounded;
  undefined.weight[3] = std::nan("");
  EXPECT_EQ(refusal([&] { to_processed(undefined, raw, processing); }),
            "to_processed: direction \"head\" is not finite");
  Head narrow = head;
  narrow.weight.pop_back();
  EXPECT_EQ(refusal([&] { to_processed(narrow, raw, processing); }),
            "to_processed: direction \"head\" has 23 numbers, expected 24 as "
            "blocks.1.hook_resid_post");
  Head coordinate = head;
  coordinate.site.coordinate = 3;
  EXPECT_EQ(refusal([&] { to_processed(coordinate, raw, processing); }),
            "to_processed: blocks.1.hook_resid_post[3], expected a site without a coordinate");
  Head streams = head;
  streams.site.kind = HookKind::result;
  EXPECT_THROW(to_processed(streams, raw, processing), UnsupportedError);
  Head absent = head;
  absent.site.layer = 9;
  EXPECT_THROW(to_processed(absent, raw, processing), ArgumentError);
}

}  // namespace
}  // namespace gnomon::test
