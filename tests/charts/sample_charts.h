// SPDX-License-Identifier: Apache-2.0
// Every kind of chart with numbers of a given shape, for tests that hold for all of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gnomon/base/random.h"
#include "gnomon/charts/block_diagram.h"
#include "gnomon/charts/distributions.h"
#include "gnomon/charts/dose_response.h"
#include "gnomon/charts/figure.h"
#include "gnomon/charts/heat_map.h"
#include "gnomon/charts/ladder.h"
#include "gnomon/charts/layer_lines.h"
#include "gnomon/charts/lollipops.h"
#include "gnomon/charts/predictions.h"
#include "gnomon/charts/scatter.h"
#include "gnomon/charts/strips.h"
#include "gnomon/charts/token_map.h"
#include "gnomon/charts/training_curves.h"

namespace gnomon::test {

// What the numbers and texts of a chart are like.
enum class Sample {
  usual,     // a few dozen numbers
  empty,     // no rows at all
  one,       // one row
  constant,  // all rows the same
  absent,    // NaN, infinities, and no optional number
  huge,      // values near the largest double
  hostile,   // texts that try to leave their element, reorder, or fill the page
  many,      // 10,000 rows
};
inline constexpr Sample kSamples[] = {Sample::usual,    Sample::empty,  Sample::one,
                                      Sample::constant, Sample::absent, Sample::huge,
                                      Sample::hostile,  Sample::many};
inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

inline std::string sample_name(Sample sample) {
  switch (sample) {
    case Sample::usual:
      return "usual";
    case Sample::empty:
      return "empty";
    case Sample::one:
      return "one";
    case Sample::constant:
      return "constant";
    case Sample::absent:
      return "absent";
    case Sample::huge:
      return "huge";
    case Sample::hostile:
      return "hostile";
    case Sample::many:
      return "many";
  }
  return {};
}

namespace samples {

class Maker {
 public:
  explicit Maker(Sample sample) : sample_(sample), random_(7, "charts") {}

  bool absent() const { return sample_ == Sample::absent; }
  std::size_t n(std::size_t usual) const {
    if (sample_ == Sample::empty) return 0;
    if (sample_ == Sample::one) return 1;
    return sample_ == Sample::many ? 10000 : usual;
  }
  double number() {
    if (sample_ == Sample::constant) return 0.25;
    const double value = random_.normal();
    if (absent()) return value > 0.5 ? kNaN : value > 0 ? kInfinity : -kInfinity;
    return sample_ == Sample::huge ? std::copysign(1.7e308, value) : value;
  }
  std::vector<double> numbers(std::size_t count) {
    std::vector<double> values(count);
    std::ranges::generate(values, [&] { return number(); });
    return values;
  }
  std::optional<double> optional(double value) const {
    return absent() ? std::nullopt : std::optional(value);
  }
  std::string text(const std::string& usual) const {
    if (sample_ != Sample::hostile) return usual;
    std::string hostile = usual + "</text></svg><script>alert(1)</script>\" onload=\"x\" ' & ]]> " +
                          "fill=\"var(--gn-ink)\" \x01\x7f\xff\xfe \xE2\x80\xAE olleh \n\t ";
    for (int i = 0; i < 60; ++i) hostile += "very long ";
    return hostile;
  }
  std::vector<std::int64_t> rows(std::size_t count) const {
    std::vector<std::int64_t> rows(count);
    for (std::size_t i = 0; i < count; ++i) rows[i] = static_cast<std::int64_t>(i);
    return rows;
  }
  std::vector<std::string> parts(std::size_t count) const {
    std::vector<std::string> parts(count);
    for (std::size_t i = 0; i < count; ++i) parts[i] = i % 4 == 0 ? "test" : "train";
    return parts;
  }

 private:
  Sample sample_;
  Random random_;
};

inline Figure sample_scatter(Maker make) {
  ScatterChart chart;
  chart.title = make.text("Projections");
  for (const char* name : {"head", "input_gate", "output"}) {
    ScatterPanel panel;
    panel.name = name;
    panel.title = make.text("Input weights");
    panel.note = make.text("resid_mid · w_in");
    panel.x_label = make.text("projection on blocks.2.hook_resid_mid (a.u.)");
    panel.y_label = make.text("blocks.2.mlp.hook_post[5]@last");
    panel.x = make.numbers(make.n(40));
    panel.y = make.numbers(panel.x.size());
    panel.row = make.rows(panel.x.size());
    panel.part = make.parts(panel.x.size());
    if (panel.x.size() < 1000)
      for (const std::string& part : panel.part) panel.scored.push_back(part == "test");
    panel.r = make.optional(0.5);
    panel.ci_low = make.optional(0.2);
    panel.ci_high = make.optional(0.7);
    panel.r2_fit = make.optional(0.25);
    panel.r2_identity = make.optional(-1234567.0);
    panel.p = make.optional(1e-30);
    panel.n_rows = 40;
    panel.n_texts = 20;
    panel.nulls = {{make.text("random directions"), 0.2, 99.5, 1000}};
    chart.panels.push_back(std::move(panel));
  }
  return scatter_figure(chart);
}

inline Figure sample_heat_map(Maker make) {
  HeatMapChart chart;
  chart.id = "grid";
  chart.title = make.text("Effect of patching");
  chart.row_title = make.text("layer");
  chart.column_title = make.text("position");
  chart.value_title = make.text("change of the report");
  chart.mark_meaning = make.text("p < 0.05");
  const std::size_t n = std::min<std::size_t>(make.n(6), 60);
  for (std::size_t i = 0; i < n; ++i) {
    chart.rows.push_back(make.text("blocks." + std::to_string(i) + ".hook_resid_pre"));
    chart.columns.push_back(make.text("@" + std::to_string(i)));
  }
  for (std::size_t i = 0; i < n * n; ++i) {
    chart.values.emplace_back(make.absent() && i % 2 == 0 ? std::nullopt
                                                          : std::optional(make.number()));
    chart.marked.push_back(i % 5 == 0);
  }
  return heat_map_figure(chart);
}

inline Figure sample_ladder(Maker make) {
  LadderChart chart;
  chart.id = "ladder-input";
  chart.title = make.text("Why r is not 1");
  chart.truth = make.text("blocks.2.mlp.hook_post[5]");
  for (std::size_t i = 0; i < std::min<std::size_t>(make.n(5), 20); ++i)
    chart.rungs.push_back({make.text("+ attention"), make.text("resid_mid · w_in"),
                           make.optional(0.2 * static_cast<double>(i)), make.optional(-0.1),
                           make.optional(0.9), make.optional(0.1), i == 2, make.optional(0.05)});
  return ladder_figure(chart);
}

inline Figure sample_predictions(Maker make) {
  PredictionChart chart;
  chart.title = make.text("Report against the truth");
  chart.truth_label = make.text("blocks.2.mlp.hook_post[5]");
  chart.report_label = make.text("report");
  chart.truth = make.numbers(make.n(30));
  chart.report = make.numbers(chart.truth.size());
  chart.row = make.rows(chart.truth.size());
  chart.numbers = {make.text("r +0.5 [0.2, 0.7]")};
  return prediction_figure(chart);
}

inline Figure sample_training(Maker make) {
  TrainingChart chart;
  chart.title = make.text("Training");
  for (std::size_t seed = 0; seed < std::min<std::size_t>(make.n(3), 3); ++seed) {
    TrainingCurve curve;
    curve.name = make.text("seed " + std::to_string(seed));
    for (std::size_t epoch = 0; epoch < make.n(8) && epoch < 50; ++epoch) {
      curve.epoch.push_back(static_cast<double>(epoch));
      curve.train_loss.push_back(epoch == 0 ? kNaN : std::fabs(make.number()));
      curve.validation_loss.push_back(std::fabs(make.number()));
      curve.validation_r.push_back(make.number());
    }
    curve.best_epoch = 3;
    chart.curves.push_back(std::move(curve));
  }
  return training_figure(chart);
}

inline Figure sample_lollipops(Maker make) {
  LollipopChart chart;
  chart.id = "cosines";
  chart.title = make.text("Cosines");
  chart.value_title = make.text("cosine");
  for (std::size_t i = 0; i < std::min<std::size_t>(make.n(3), 20); ++i)
    chart.rows.push_back({make.text("head, output"),
                          make.text("head weight against what is written"),
                          0.26 - 0.3 * static_cast<double>(i),
                          make.optional(0.2),
                          make.optional(0.4),
                          make.optional(0.05),
                          {{make.text("other neurons"), 0.15, 98.5, 639},
                           {make.text("random directions"), 0.08, 100, 1000}}});
  return lollipop_figure(chart);
}

inline Figure sample_dose(Maker make) {
  DoseChart chart;
  chart.title = make.text("Report against what is written");
  chart.value_label = make.text("value written");
  chart.report_label = make.text("report");
  for (std::size_t text = 0; text < std::min<std::size_t>(make.n(12), 400); ++text)
    chart.lines.push_back({static_cast<std::int64_t>(text), 3, {-1, 0, 1}, make.numbers(3)});
  for (const double value : {-1.0, 0.0, 1.0})
    chart.mean.push_back(
        {value, 0.4 * value, make.optional(0.4 * value - 0.1), make.optional(0.4 * value + 0.1)});
  chart.natural_low = make.optional(-0.5);
  chart.natural_high = make.optional(0.6);
  if (!make.absent()) chart.control_gains = {-0.1, 0, 0.05};
  chart.numbers = {make.text("causal gain +0.4 [0.3, 0.5]")};
  return dose_response_figure(chart);
}

inline Figure sample_strips(Maker make) {
  StripChart chart;
  chart.id = "causal-gains";
  chart.title = make.text("Causal gain");
  chart.value_label = make.text("causal gain");
  chart.references = {{0, make.text("no effect")}, {1, make.text("the report follows")}};
  chart.groups.push_back({make.text("the neuron"),
                          make.text("blocks.2.mlp.hook_post[5]"),
                          {0.4},
                          {},
                          make.optional(0.3),
                          make.optional(0.5),
                          false});
  chart.groups.push_back({make.text("matched neurons"),
                          make.text("39 of the layer"),
                          make.numbers(make.n(39)),
                          {},
                          {},
                          {},
                          true});
  return strip_figure(chart);
}

inline Figure sample_distributions(Maker make) {
  DistributionChart chart;
  chart.id = "drift";
  chart.title = make.text("The neuron before and after training");
  chart.value_label = make.text("blocks.2.mlp.hook_post[5]");
  chart.before_name = make.text("before training");
  chart.after_name = make.text("after training");
  chart.before = make.numbers(make.n(50));
  chart.after = make.numbers(chart.before.size());
  chart.row = make.rows(chart.before.size());
  chart.numbers = {make.text("Kolmogorov–Smirnov 0.1")};
  return distribution_figure(chart);
}

inline Figure sample_layers(Maker make) {
  LayerChart chart;
  chart.id = "sweep-layers";
  chart.title = make.text("Effect, layer by layer");
  chart.value_label = make.text("restored share");
  chart.target_layer = make.optional(2);
  for (const char* name : {"hook_resid_pre", "hook_attn_out", "hook_mlp_out"}) {
    LayerSeries& series = chart.series.emplace_back();
    series.name = make.text(name);
    for (std::size_t layer = 0; layer < std::min<std::size_t>(make.n(5), 40); ++layer)
      series.points.push_back(
          {static_cast<double>(layer), make.number(), make.optional(-0.1), make.optional(0.2)});
  }
  return layer_figure(chart);
}

inline Figure sample_tokens(Maker make) {
  TokenMapChart chart;
  chart.id = "tokens";
  chart.title = make.text("The neuron over the texts");
  chart.value_label = make.text("activation");
  chart.mark_meaning = make.text("the position that is read");
  for (std::size_t t = 0; t < std::min<std::size_t>(make.n(2), 2); ++t) {
    MappedText& text = chart.texts.emplace_back();
    text.label = make.text("text " + std::to_string(t));
    const char* words[] = {"The",     " sun", "dial", " casts",  " a",
                           " shadow", ".\n",  "\t",   "\xE4\xB8"};
    for (std::size_t i = 0; i < std::min<std::size_t>(make.n(27), 400); ++i)
      text.tokens.push_back({make.text(words[i % 9]), make.optional(make.number()),
                             i % 9 == 8 ? static_cast<std::int64_t>(i) : -1, i % 9 == 8});
  }
  return token_map_figure(chart);
}

inline Figure sample_block(Maker make) {
  BlockDiagram diagram;
  diagram.title = make.text("Block 2 of 5");
  if (make.n(1) == 0) return block_diagram_figure(diagram);
  const auto operation = [&](const char* label, std::vector<DiagramHook> hooks) {
    DiagramOperation& added = diagram.operations.emplace_back();
    added.label = make.text(label);
    added.hooks = std::move(hooks);
    return &added;
  };
  operation("embedding", {{"hook_embed", false, {}}})->reads_tokens = true;
  operation("residual stream", {{make.text("blocks.2.hook_resid_pre"), false, {}}})->on_stream =
      true;
  operation("norm 2", {{make.text("blocks.2.ln2.hook_out"),
                        false,
                        {make.text("Input weights: r = +0.26 [−0.50, 0.51]"),
                         make.text("Gate weights: r = +0.10 [−0.50, 0.51]")}}});
  operation("W_in", {{make.text("blocks.2.mlp.hook_post"),
                      true,
                      {make.text("reported: blocks.2.mlp.hook_post[5]@last")}}})
      ->added_to_stream = true;
  operation("blocks 3 to 4", {})->is_gap = true;
  return block_diagram_figure(diagram);
}

}  // namespace samples

// One figure of each chart, in a fixed order.
inline std::vector<Figure> sample_figures(Sample sample) {
  std::vector<Figure> figures;
  for (const auto chart :
       {samples::sample_scatter, samples::sample_heat_map, samples::sample_ladder,
        samples::sample_predictions, samples::sample_training, samples::sample_lollipops,
        samples::sample_dose, samples::sample_strips, samples::sample_distributions,
        samples::sample_layers, samples::sample_tokens, samples::sample_block})
    figures.push_back(chart(samples::Maker(sample)));
  return figures;
}

}  // namespace gnomon::test
