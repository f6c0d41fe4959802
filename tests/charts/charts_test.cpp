// SPDX-License-Identifier: Apache-2.0
// What holds for every chart, whatever its numbers and texts are.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "charts/sample_charts.h"
#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/json.h"
#include "gnomon/base/random.h"
#include "gnomon/charts/block_diagram.h"
#include "gnomon/charts/detail/chart_text.h"
#include "gnomon/charts/distributions.h"
#include "gnomon/charts/dose_response.h"
#include "gnomon/charts/heat_map.h"
#include "gnomon/charts/ladder.h"
#include "gnomon/charts/layer_lines.h"
#include "gnomon/charts/lollipops.h"
#include "gnomon/charts/predictions.h"
#include "gnomon/charts/scatter.h"
#include "gnomon/charts/strips.h"
#include "gnomon/charts/token_map.h"
#include "gnomon/charts/training_curves.h"
#include "gnomon/text/utf8.h"

namespace gnomon::test {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string sample_name(Sample sample) {
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

namespace {

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
    for (int i = 0; i < 500; ++i) hostile += "very long ";
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

Figure sample_scatter(Maker make) {
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

Figure sample_heat_map(Maker make) {
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

Figure sample_ladder(Maker make) {
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

Figure sample_predictions(Maker make) {
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

Figure sample_training(Maker make) {
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

Figure sample_lollipops(Maker make) {
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

Figure sample_dose(Maker make) {
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

Figure sample_strips(Maker make) {
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

Figure sample_distributions(Maker make) {
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

Figure sample_layers(Maker make) {
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

Figure sample_tokens(Maker make) {
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

Figure sample_block(Maker make) {
  BlockDiagram diagram;
  diagram.title = make.text("Block 2 of 5");
  if (make.n(1) == 0) return block_diagram_figure(diagram);
  DiagramOperation stream{make.text("residual stream"), true, false, false, {}};
  stream.hooks = {{make.text("blocks.2.hook_resid_pre"), false, {}}};
  diagram.operations.push_back(stream);
  diagram.operations.push_back({make.text("norm 2"),
                                false,
                                false,
                                false,
                                {{make.text("blocks.2.ln2.hook_out"),
                                  false,
                                  {make.text("Input weights: r = +0.26 [−0.50, 0.51]"),
                                   make.text("Gate weights: r = +0.10 [−0.50, 0.51]")}}}});
  diagram.operations.push_back({make.text("W_in"),
                                false,
                                true,
                                false,
                                {{make.text("blocks.2.mlp.hook_post"),
                                  true,
                                  {make.text("reported: blocks.2.mlp.hook_post[5]@last")}}}});
  diagram.operations.push_back({make.text("blocks 3 to 4"), false, false, true, {}});
  return block_diagram_figure(diagram);
}

}  // namespace

std::vector<Figure> sample_figures(Sample sample) {
  std::vector<Figure> figures;
  for (const auto chart : {sample_scatter, sample_heat_map, sample_ladder, sample_predictions,
                           sample_training, sample_lollipops, sample_dose, sample_strips,
                           sample_distributions, sample_layers, sample_tokens, sample_block})
    figures.push_back(chart(Maker(sample)));
  return figures;
}

namespace {

struct Element {
  std::string tag;
  std::map<std::string, std::string> attributes;
  std::string text;  // escaped, of <text>, <title>, <desc>
};

// Reads the XML that the library writes: elements, attributes in double quotes, text. Anything
// else, and a text or attribute with what has to be escaped, is a failure.
class XmlReader {
 public:
  explicit XmlReader(std::string_view xml) : xml_(xml) { read(); }
  const std::vector<Element>& elements() const { return elements_; }
  const std::string& error() const { return error_; }

 private:
  void fail(const std::string& why) {
    if (error_.empty()) error_ = why + " at byte " + std::to_string(at_);
  }
  std::string_view until(std::string_view end) {
    const std::size_t found = xml_.find_first_of(end, at_);
    const std::string_view text = xml_.substr(at_, found - at_);
    at_ = found == std::string_view::npos ? xml_.size() : found;
    return text;
  }
  void check_text(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
      const Utf8Character c = utf8_character_at(text, i);
      if (!c.valid || (c.code_point < 0x20 && c.code_point != '\n') || c.code_point == '>')
        fail("forbidden character");
      if (c.code_point == '&') {
        const std::string_view entity = text.substr(i, text.find(';', i) - i + 1);
        if (!std::set<std::string_view>{"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"}.contains(
                entity))
          fail("unknown entity");
      }
      i += c.n_bytes;
    }
  }
  void read() {
    while (at_ < xml_.size() && error_.empty()) {
      const std::string_view text = until("<");
      check_text(text);
      if (!open_.empty() && !text.empty()) elements_[open_.back()].text += text;
      if (at_ == xml_.size()) break;
      ++at_;
      if (xml_[at_] == '/') {
        ++at_;
        const std::string tag(until(">"));
        if (open_.empty() || elements_[open_.back()].tag != tag) return fail("wrong end of " + tag);
        open_.pop_back();
        ++at_;
      } else {
        read_element();
      }
    }
    if (!open_.empty()) fail("element left open");
  }
  void read_element() {
    Element element;
    element.tag = until(" />");
    while (at_ < xml_.size() && xml_[at_] == ' ') {
      ++at_;
      const std::string name(until("="));
      at_ += 2;
      const std::string_view value = until("\"");
      check_text(value);
      if (value.find('<') != std::string_view::npos) fail("< in an attribute");
      if (!element.attributes.emplace(name, value).second) fail("attribute twice: " + name);
      ++at_;
    }
    const bool whole = at_ < xml_.size() && xml_[at_] == '/';
    at_ += whole ? 2 : 1;
    elements_.push_back(std::move(element));
    if (!whole) open_.push_back(elements_.size() - 1);
  }

  std::string_view xml_;
  std::size_t at_ = 0;
  std::vector<Element> elements_;
  std::vector<std::size_t> open_;
  std::string error_;
};

class EveryChart : public testing::TestWithParam<Sample> {
 protected:
  std::vector<Figure> figures_ = sample_figures(GetParam());
};

TEST_P(EveryChart, IsWellFormedWithoutAnythingActive) {
  const std::set<std::string> tags = {"svg",  "title", "desc",   "g",   "rect",
                                      "line", "path",  "circle", "text"};
  for (const Figure& figure : figures_) {
    for (const std::string& svg : {standalone_svg(figure, Theme::light),
                                   standalone_svg(figure, Theme::dark), embedded_svg(figure)}) {
      const XmlReader xml(svg);
      ASSERT_EQ(xml.error(), "") << figure.id;
      for (const Element& element : xml.elements()) {
        EXPECT_TRUE(tags.contains(element.tag)) << figure.id << " " << element.tag;
        for (const auto& [name, value] : element.attributes) {
          EXPECT_FALSE(name.starts_with("on") || name == "style" || name == "href") << figure.id;
          EXPECT_EQ(value.find("url("), std::string::npos) << figure.id;
          EXPECT_EQ(value.find("nan"), std::string::npos) << figure.id << " " << name;
          EXPECT_EQ(value.find("inf"), std::string::npos) << figure.id << " " << name << value;
        }
      }
    }
  }
}

TEST_P(EveryChart, IsAccessible) {
  for (const Figure& figure : figures_) {
    const XmlReader file(standalone_svg(figure, Theme::light));
    EXPECT_EQ(file.elements()[0].attributes.at("role"), "img");
    EXPECT_EQ(file.elements()[1].tag, "title");
    EXPECT_EQ(file.elements()[1].attributes.at("id") + " " + file.elements()[2].attributes.at("id"),
              file.elements()[0].attributes.at("aria-labelledby"));
    const XmlReader page(embedded_svg(figure));
    EXPECT_EQ(page.elements()[0].attributes.at("role"), "img");
    EXPECT_FALSE(page.elements()[0].attributes.at("aria-label").empty());
    EXPECT_EQ(page.elements()[1].attributes.at("id"),
              page.elements()[0].attributes.at("aria-describedby"));
    EXPECT_FALSE(figure.table.columns.empty());
    for (const auto& row : figure.table.rows) ASSERT_EQ(row.size(), figure.table.columns.size());
  }
}

// A file has literal colours only, of its theme; a page has no literal colour.
TEST_P(EveryChart, HasItsColours) {
  for (const Figure& figure : figures_) {
    for (const Theme theme : {Theme::light, Theme::dark}) {
      std::set<std::string> colours = {"none"};
      for (const ThemeVariable& variable : theme_variables())
        colours.emplace(variable.value(theme));
      for (const Element& element : XmlReader(standalone_svg(figure, theme)).elements())
        for (const char* name : {"fill", "stroke"})
          if (element.attributes.contains(name))
            EXPECT_TRUE(colours.contains(element.attributes.at(name)))
                << element.attributes.at(name);
    }
    for (const Element& element : XmlReader(embedded_svg(figure)).elements())
      for (const char* name : {"fill", "stroke"})
        if (element.attributes.contains(name))
          EXPECT_TRUE(element.attributes.at(name) == "none" ||
                      element.attributes.at(name).starts_with("var(--gn-"))
              << element.attributes.at(name);
  }
}

double attribute(const Element& element, const char* name, double otherwise) {
  const auto found = element.attributes.find(name);
  return found == element.attributes.end() ? otherwise : std::stod(found->second);
}

std::string unescaped(std::string text) {
  for (const auto& [entity, c] :
       {std::pair{"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&#39;", "'"}, {"&amp;", "&"}})
    for (std::size_t at; (at = text.find(entity)) != std::string::npos;)
      text.replace(at, std::string(entity).size(), c);
  return text;
}

// Every text lies inside the figure, by the measure of the widest of the usual fonts.
TEST_P(EveryChart, TextStaysInside) {
  for (const Figure& figure : figures_) {
    double shift_x = 0;
    double shift_y = 0;
    for (const Element& element : XmlReader(standalone_svg(figure, Theme::light)).elements()) {
      if (element.tag == "g" && element.attributes.contains("class") &&
          element.attributes.at("class") == "gn-cell") {
        shift_x = shift_y = 0;
        if (element.attributes.contains("transform"))
          std::sscanf(element.attributes.at("transform").c_str(), "translate(%lf %lf)", &shift_x,
                      &shift_y);
      }
      if (element.tag != "text") continue;
      const double size = attribute(element, "font-size", 12);
      const bool bold = element.attributes.contains("font-weight");
      const double width = detail::text_width(unescaped(element.text), size, bold);
      const auto found = element.attributes.find("text-anchor");
      const std::string anchor = found == element.attributes.end() ? "start" : found->second;
      const double before = anchor == "start" ? 0 : anchor == "middle" ? width / 2 : width;
      const bool turned = element.attributes.contains("transform");
      const double along = turned ? figure.height - (shift_y + attribute(element, "y", 0))
                                  : shift_x + attribute(element, "x", 0);
      const double room = turned ? figure.height : figure.width;
      EXPECT_GE(along - before, -1) << figure.id << ": " << element.text;
      EXPECT_LE(along - before + width, room + 1) << figure.id << ": " << element.text;
      EXPECT_GE(size, 9) << figure.id;
    }
  }
}

void check_fields(const Json& json, const std::set<std::string>& known, const std::string& id) {
  if (json.is_object() && json.contains("field") && json.contains("type"))
    EXPECT_TRUE(known.contains(json.at("field").get<std::string>())) << id << json.at("field");
  if (json.is_structured())
    for (const Json& inner : json) check_fields(inner, known, id);
}

TEST_P(EveryChart, HasAVegaLiteSpecification) {
  for (const Figure& figure : figures_) {
    const Json json = Json::parse(figure.vega_lite);
    EXPECT_EQ(json.at("$schema"), "https://vega.github.io/schema/vega-lite/v5.json");
    EXPECT_EQ(json.contains("mark") + json.contains("layer") + json.contains("concat") +
                  json.contains("hconcat"),
              1)
        << figure.id;
    if (json.contains("data"))
      EXPECT_EQ(json.at("data").at("values").size(), figure.table.rows.size()) << figure.id;
    // The columns, and what transforms and bins of ours make of them.
    std::set<std::string> known(figure.table.columns.begin(), figure.table.columns.end());
    known.insert({"rows", "share", "when", "value", "change", "null_low"});
    Json without_data = json;
    without_data.erase("data");
    check_fields(without_data, known, figure.id);
  }
}

TEST_P(EveryChart, SameNumbersSameBytes) {
  const std::vector<Figure> again = sample_figures(GetParam());
  for (std::size_t i = 0; i < figures_.size(); ++i) {
    EXPECT_EQ(figures_[i].body, again[i].body);
    EXPECT_EQ(figures_[i].vega_lite, again[i].vega_lite);
  }
}

INSTANTIATE_TEST_SUITE_P(Samples, EveryChart, testing::ValuesIn(kSamples),
                         [](const auto& info) { return sample_name(info.param); });

// tests/charts/golden holds what the usual sample gives. After a deliberate change:
//   GNOMON_WRITE_GOLDEN=1 build/release/charts_test --gtest_filter='*Golden*'
TEST(Charts, GoldenFiles) {
  const std::filesystem::path folder =
      std::filesystem::path(GNOMON_SOURCE_DIR) / "tests" / "charts" / "golden";
  for (const Figure& figure : sample_figures(Sample::usual)) {
    const std::filesystem::path path = folder / (figure.id + ".svg");
    const std::string svg = standalone_svg(figure, Theme::light);
    if (std::getenv("GNOMON_WRITE_GOLDEN") != nullptr) write_file_atomic(path, svg);
    EXPECT_EQ(read_text_file(path), svg) << path;
  }
}

TEST(Charts, ManyRowsBecomeBins) {
  const std::vector<Figure> figures = sample_figures(Sample::many);
  for (const char* id : {"projections", "predictions"}) {
    const auto figure = std::ranges::find(figures, id, &Figure::id);
    ASSERT_NE(figure, figures.end());
    EXPECT_EQ(figure->body.find("data-row"), std::string::npos);
    EXPECT_NE(figure->body.find("gn-bin"), std::string::npos);
    EXPECT_LT(figure->body.size(), 1u << 20);
    EXPECT_GE(figure->table.rows.size(), 10000u);
  }
}

TEST(Charts, RowsAtOnePlaceAreOneMark) {
  ScatterChart chart;
  ScatterPanel& panel = chart.panels.emplace_back();
  panel.name = "head";
  panel.x = {1, 1, 2};
  panel.y = {3, 3, 4};
  panel.row = {7, 9, 11};
  const std::string body = scatter_figure(chart).body;
  EXPECT_NE(body.find("data-row=\"7 9\""), std::string::npos);
  EXPECT_NE(body.find("data-row=\"11\""), std::string::npos);
}

// A script that knows the axes finds the value under a pixel.
TEST(Charts, PanelsSayWhereTheirValuesAre) {
  ScatterChart chart;
  ScatterPanel& panel = chart.panels.emplace_back();
  panel.name = "head";
  panel.x = {0, 10};
  panel.y = {-5, 5};
  panel.row = {0, 1};
  double px0 = 0, px1 = 0, x0 = 0, x1 = 0;
  std::vector<double> dots;
  for (const Element& element : XmlReader(embedded_svg(scatter_figure(chart))).elements()) {
    if (element.attributes.contains("data-px0")) {
      px0 = attribute(element, "data-px0", 0);
      px1 = attribute(element, "data-px1", 0);
      x0 = attribute(element, "data-x0", 0);
      x1 = attribute(element, "data-x1", 0);
    }
    if (element.attributes.contains("data-row")) dots.push_back(attribute(element, "cx", 0));
  }
  ASSERT_EQ(dots.size(), 2u);
  // Pixels are rounded to a tenth, here 1/30 of a unit of x.
  const double tolerance = 0.1 * (x1 - x0) / (px1 - px0);
  EXPECT_NEAR(x0 + (dots[0] - px0) / (px1 - px0) * (x1 - x0), 0, tolerance);
  EXPECT_NEAR(x0 + (dots[1] - px0) / (px1 - px0) * (x1 - x0), 10, tolerance);
}

TEST(Charts, PanelsAloneHaveIdsOfTheirOwn) {
  ScatterChart chart;
  for (const char* name : {"head", "input_gate"}) chart.panels.emplace_back().name = name;
  std::vector<std::string> ids;
  for (const Figure& figure : scatter_panel_figures(chart)) ids.push_back(figure.id);
  EXPECT_EQ(ids, (std::vector<std::string>{"projections-head", "projections-input-gate"}));
}

TEST(Charts, ColumnsOfOneLengthAreRequired) {
  ScatterChart scatter;
  scatter.panels.emplace_back().x = {1};
  EXPECT_THROW(scatter_figure(scatter), ArgumentError);
  PredictionChart predictions;
  predictions.truth = {1};
  EXPECT_THROW(prediction_figure(predictions), ArgumentError);
  HeatMapChart heat_map;
  heat_map.values = {1};
  EXPECT_THROW(heat_map_figure(heat_map), ArgumentError);
  DistributionChart distributions;
  distributions.before = {1};
  EXPECT_THROW(distribution_figure(distributions), ArgumentError);
  DoseChart dose;
  dose.lines.push_back({0, 0, {1}, {}});
  EXPECT_THROW(dose_response_figure(dose), ArgumentError);
  TrainingChart training;
  training.curves.emplace_back().epoch = {1};
  EXPECT_THROW(training_figure(training), ArgumentError);
}

}  // namespace
}  // namespace gnomon::test
