// SPDX-License-Identifier: Apache-2.0
// The report's gradient at sites of the stream against central differences of the report, in
// double, on both families.
#include "gnomon/analyses/read_out.h"

#include <gtest/gtest.h>

#include <cmath>

#include "gnomon/base/error.h"
#include "gnomon/base/random.h"
#include "gnomon/directions/direction.h"
#include "support/expect_close.h"
#include "train/reporter_cases.h"

namespace gnomon {
namespace {

using test::TinyFamily;

constexpr double kStep = 1e-5;
// Reports are of order 1: rounding gives eps / h = 2e-11, curvature h² f''' = 1e-10 times the third
// derivative, which the tiny model's norms make as large as 1e3.
constexpr test::Tolerance kTolerance{1e-8, 1e-6};

struct ReadOutCase {
  TinyFamily family = TinyFamily::gpt2;
  ReporterKind kind = ReporterKind::regression;
  std::vector<Index> hidden = {};
  TrainedPart part = TrainedPart::after_target;
};

// A model whose trained parameters and head are off their start.
ReportModel<double> moved_model(const ReadOutCase& c, std::shared_ptr<ReporterData> data) {
  TrainOptions options;
  options.reporter.kind = c.kind;
  options.reporter.n_bin = 4;
  options.reporter.hidden = c.hidden;
  options.trained.part = c.part;
  options.seed = 3;
  ReportModel<double> model(test::tiny_model(c.family, 3), std::move(data), options, {});
  Random random(4, "moved");
  for (auto& [key, entry] : model.parameters().entries()) {
    for (double& value : entry.values.values()) value += 0.02 * random.normal();
  }
  return model;
}

// The reports of `rows`, each with its token of the stream moved by `step` along `coordinate`.
std::vector<double> edited_reports(const ReportModel<double>& model, const Site& site,
                                   ReadOutToken token, std::span<const Index> rows,
                                   Index coordinate, double step) {
  const ReporterData& data = model.data();
  const Reporter& reporter = model.reporter();
  std::vector<double> reports;
  for (const Index row : rows) {
    const auto r = static_cast<std::size_t>(row);
    const Index position =
        token == ReadOutToken::feature ? data.feature_position[r] : data.position[r];
    Edit<double> edit;
    edit.at = {{site.kind, site.layer, coordinate}, {Position::Kind::index, position}};
    edit.mode = EditMode::add;
    edit.values = {step};
    SiteAt read{
        reporter.has_head() ? data.feature_site.site : Site{HookKind::logits, -1, std::nullopt},
        {Position::Kind::index, data.feature_position[r]}};
    const std::vector<std::vector<TokenId>> ids = {
        data.ids[static_cast<std::size_t>(data.text[r])]};
    const auto values =
        std::move(capture<double>(model.model(), ids, {&read, 1}, {&edit, 1}, {}).activations[0]);
    Tensor<double> outputs({1, reporter.n_output()});
    if (reporter.has_head()) {
      outputs = reporter.head().forward(std::as_const(values.values).matrix());
    } else {
      for (Index k = 0; k < reporter.n_output(); ++k)
        outputs.matrix()(0, k) = values.values.matrix()(
            0, static_cast<Index>(reporter.tokens()[static_cast<std::size_t>(k)]));
    }
    reports.push_back(reporter.reports(outputs.matrix()).matrix()(0, 0));
  }
  return reports;
}

void expect_gradients(const ReportModel<double>& model, const Site& site, ReadOutToken token,
                      const std::string& name) {
  const std::vector<Index> rows = {1, 7, 12};
  const Tensor<double> exact = report_gradients(model, 0, site, token, rows, {});
  Tensor<double> numeric(exact.shape());
  for (Index c = 0; c < exact.matrix().cols; ++c) {
    const auto up = edited_reports(model, site, token, rows, c, kStep);
    const auto down = edited_reports(model, site, token, rows, c, -kStep);
    for (std::size_t i = 0; i < rows.size(); ++i)
      numeric.matrix()(static_cast<Index>(i), c) = (up[i] - down[i]) / (2 * kStep);
  }
  test::expect_close(name, std::as_const(exact).values(), std::as_const(numeric).values(),
                     kTolerance);
  EXPECT_GT(norm({exact.values().begin(), exact.values().end()}), 0) << name;
}

const Site kWritten{HookKind::resid_post, 0, std::nullopt};

TEST(ReadOut, GradientsThroughTheBlocksAfterTheTarget) {
  for (const TinyFamily family : {TinyFamily::gpt2, TinyFamily::llama, TinyFamily::gpt_neox}) {
    const Model& base = test::tiny_model(family, 3);
    for (const TrainedPart part : {TrainedPart::none, TrainedPart::after_target}) {
      const auto model =
          moved_model({family, ReporterKind::regression, {}, part}, test::tiny_reporter_data(base));
      expect_gradients(model, kWritten, ReadOutToken::target, "regression");
    }
    const auto hidden =
        moved_model({family, ReporterKind::regression, {5}}, test::tiny_reporter_data(base));
    expect_gradients(hidden, kWritten, ReadOutToken::target, "hidden layer");
    const auto bins =
        moved_model({family, ReporterKind::classification}, test::tiny_reporter_data(base));
    expect_gradients(bins, kWritten, ReadOutToken::target, "classification");
    const auto digits = moved_model({family, ReporterKind::digit}, test::tiny_reporter_data(base));
    expect_gradients(digits, kWritten, ReadOutToken::target, "digit");
    expect_gradients(digits, {HookKind::resid_post, 2, std::nullopt}, ReadOutToken::feature,
                     "digit at the last stream");
  }
}

TEST(ReadOut, GradientAtAnEarlierTokenGoesThroughAttention) {
  const Model& base = test::tiny_model(TinyFamily::gpt2, 3);
  auto data = test::tiny_reporter_data(base);
  for (Index& position : data->position) position = 0;
  const auto model = moved_model({}, data);
  expect_gradients(model, kWritten, ReadOutToken::target, "token 0");
}

TEST(ReadOut, RowsOfOneTextDoNotReceiveEachOthersGradient) {
  const Model& base = test::tiny_model(TinyFamily::llama, 3);
  auto data = test::tiny_reporter_data(base, 15);
  // Every token of every text, as targets at @all have.
  ReporterData all = *data;
  for (auto* column : {&all.text, &all.position, &all.feature_position, &all.group})
    column->clear();
  all.part.clear();
  std::vector<double> activation;
  Random random(2, "labels");
  for (std::size_t t = 0; t < all.ids.size(); ++t) {
    for (std::size_t p = 0; p < all.ids[t].size(); ++p) {
      all.text.push_back(static_cast<Index>(t));
      all.position.push_back(static_cast<Index>(p));
      all.feature_position.push_back(static_cast<Index>(p));
      all.group.push_back(static_cast<Index>(t));
      all.part.push_back(t % 5 == 0 ? Part::val : t % 5 == 1 ? Part::test : Part::train);
      activation.push_back(random.normal());
    }
  }
  const auto n = static_cast<Index>(activation.size());
  all.activation = Tensor<double>({n, 1}, std::move(activation));
  const auto model = moved_model({TinyFamily::llama}, std::make_shared<ReporterData>(all));
  std::vector<Index> rows;
  for (Index r = 0; r < 12; ++r) rows.push_back(r);
  const Tensor<double> together =
      report_gradients(model, 0, kWritten, ReadOutToken::target, rows, {});
  for (const Index row : rows) {
    const Tensor<double> alone =
        report_gradients(model, 0, kWritten, ReadOutToken::target, {&row, 1}, {});
    test::expect_close("row", std::as_const(together).matrix().row(row),
                       std::as_const(alone).values(), {0, 1e-12});
  }
  expect_gradients(model, kWritten, ReadOutToken::target, "all tokens");
}

TEST(ReadOut, LinearHeadIsOneVectorInUnitsOfTheActivation) {
  const Model& base = test::tiny_model(TinyFamily::gpt2, 3);
  const auto model = moved_model({}, test::tiny_reporter_data(base));
  const std::vector<Index> rows = {0, 3, 8};
  const ReadOut read_out = read_out_at_feature(model, 0, rows, {});
  EXPECT_TRUE(read_out.constant);
  EXPECT_EQ(read_out.origin, "head weights");
  EXPECT_NEAR(*read_out.resultant, 1, 1e-14);
  EXPECT_NEAR(*read_out.spread, 0, 1e-14);
  const LinearHead head = *linear_head(model.reporter(), 0);
  const Tensor<double> features = model.features(rows);
  const Tensor<double> reports =
      model.reporter().reports(model.reporter().head().forward(features.matrix()).matrix());
  for (Index i = 0; i < 3; ++i) {
    EXPECT_NEAR(dot(std::as_const(features).matrix().row(i), head.weight) + head.bias,
                reports.matrix()(i, 0), 1e-12);
  }
  // The last block's stream is the head's own site: going back through nothing gives the head.
  const Tensor<double> by_pass = report_gradients(model, 0, {HookKind::resid_post, 2, std::nullopt},
                                                  ReadOutToken::feature, rows, {});
  for (Index i = 0; i < 3; ++i)
    test::expect_close("head", std::as_const(by_pass).matrix().row(i), head.weight, {0, 1e-14});
}

TEST(ReadOut, HiddenHeadAtItsOwnSite) {
  const Model& base = test::tiny_model(TinyFamily::llama, 3);
  const auto model = moved_model({TinyFamily::llama, ReporterKind::classification, {5}},
                                 test::tiny_reporter_data(base));
  const std::vector<Index> rows = {0, 3, 8};
  EXPECT_FALSE(linear_head(model.reporter(), 0));
  const ReadOut read_out = read_out_at_feature(model, 0, rows, {});
  EXPECT_FALSE(read_out.constant);
  const Tensor<double> by_pass = report_gradients(model, 0, {HookKind::resid_post, 2, std::nullopt},
                                                  ReadOutToken::feature, rows, {});
  test::expect_close("gradient", read_out.gradient.values(), by_pass.values(), {0, 1e-12});
  EXPECT_LT(*read_out.resultant, 1);
  EXPECT_GT(*read_out.spread, 0);
}

TEST(ReadOut, SummaryOfGradients) {
  ReadOut read_out;
  // Two unit vectors at a right angle and a row of zeros.
  read_out.gradient = Tensor<double>({3, 2}, {3, 0, 0, 3, 0, 0});
  summarise(read_out);
  EXPECT_EQ(read_out.n_zero, 1);
  EXPECT_EQ(read_out.mean, (std::vector<double>{1, 1}));
  EXPECT_NEAR(*read_out.resultant, std::sqrt(0.5), 1e-15);
  EXPECT_NEAR(*read_out.mean_cosine, std::sqrt(0.5), 1e-15);
  // |g - mean|² are 5, 5 and 2; their mean 4 over |mean|² = 2.
  EXPECT_NEAR(*read_out.spread, std::sqrt(2.0), 1e-15);
  read_out.gradient = Tensor<double>({2, 2});
  read_out.resultant.reset();
  summarise(read_out);
  EXPECT_EQ(read_out.n_zero, 2);
  EXPECT_FALSE(read_out.resultant);
}

TEST(ReadOut, RefusesOtherSpacesAndLaterSites) {
  const Model& base = test::tiny_model(TinyFamily::gpt2, 3);
  auto data = test::tiny_reporter_data(base);
  data->feature_site.site = {HookKind::ln_final_out, -1, std::nullopt};
  const auto normed = moved_model({}, data);
  const std::vector<Index> rows = {0};
  const auto refused = [&](const auto& call, const std::string& part) {
    try {
      call();
      ADD_FAILURE() << part;
    } catch (const ArgumentError& error) {
      EXPECT_EQ(error.code(), ErrorCode::wrong_site);
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  };
  refused([&] { read_out_at_feature(normed, 0, rows, {}); }, "not the residual stream");
  // Pulled back to the stream, the same head is compared there.
  expect_gradients(normed, kWritten, ReadOutToken::target, "head on a norm");

  auto early = test::tiny_reporter_data(base);
  early->feature_site.site = {HookKind::resid_pre, 1, std::nullopt};
  const auto model = moved_model({}, early);
  refused(
      [&] {
        read_out_at(model, 0, {HookKind::resid_post, 1, std::nullopt}, rows, {});
      },
      "lies after");
}

}  // namespace
}  // namespace gnomon
