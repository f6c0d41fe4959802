// SPDX-License-Identifier: Apache-2.0
// What holds for every chart, whatever its numbers and texts are.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string_view>
#include <utility>

#include "charts/sample_charts.h"
#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/json.h"
#include "gnomon/charts/detail/chart_text.h"
#include "support/xml_elements.h"

namespace gnomon::test {
namespace {

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
      for (const XmlElement& element : xml.elements()) {
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

// Values of fill and stroke.
std::set<std::string> colours_of(const std::string& svg) {
  std::set<std::string> colours;
  for (const XmlElement& element : elements_of(svg)) {
    for (const char* name : {"fill", "stroke"}) {
      if (element.attributes.contains(name)) colours.insert(element.attributes.at(name));
    }
  }
  return colours;
}

// A file has literal colours only, of its theme; a page has no literal colour.
TEST_P(EveryChart, HasItsColours) {
  for (const Figure& figure : figures_) {
    for (const Theme theme : {Theme::light, Theme::dark}) {
      std::set<std::string> known = {"none"};
      for (const ThemeVariable& variable : theme_variables()) known.emplace(variable.value(theme));
      for (const std::string& colour : colours_of(standalone_svg(figure, theme)))
        EXPECT_TRUE(known.contains(colour)) << figure.id << " " << colour;
    }
    for (const std::string& colour : colours_of(embedded_svg(figure)))
      EXPECT_TRUE(colour == "none" || colour.starts_with("var(--gn-"))
          << figure.id << " " << colour;
  }
}

double attribute(const XmlElement& element, const char* name, double otherwise) {
  const auto found = element.attributes.find(name);
  return found == element.attributes.end() ? otherwise : std::stod(found->second);
}

std::string unescaped(std::string text) {
  constexpr std::pair<std::string_view, std::string_view> kEntities[] = {
      {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&#39;", "'"}, {"&amp;", "&"}};
  for (const auto& [entity, character] : kEntities) {
    for (std::size_t at = 0; (at = text.find(entity, at)) != std::string::npos; ++at)
      text.replace(at, entity.size(), character);
  }
  return text;
}

// Every text lies inside the figure, by the measure of the widest of the usual fonts.
TEST_P(EveryChart, TextStaysInside) {
  for (const Figure& figure : figures_) {
    double shift_x = 0;
    double shift_y = 0;
    for (const XmlElement& element : elements_of(standalone_svg(figure, Theme::light))) {
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
      const double width = gnomon::detail::text_width(unescaped(element.text), size, bold);
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
  if (json.is_object() && json.contains("field") && json.contains("type")) {
    EXPECT_TRUE(known.contains(json.at("field").get<std::string>())) << id << json.at("field");
  }
  if (!json.is_structured()) return;
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
    if (json.contains("data")) {
      EXPECT_EQ(json.at("data").at("values").size(), figure.table.rows.size()) << figure.id;
    }
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
                         [](const auto& sample) { return sample_name(sample.param); });

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
  for (const XmlElement& element : elements_of(embedded_svg(scatter_figure(chart)))) {
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

TEST(HeatMap, NarrowColumnsAreLabelledFromTheEndWithoutOverlap) {
  HeatMapChart chart;
  chart.id = "many";
  chart.title = "Many columns";
  chart.rows = {"0"};
  for (int k = 78; k >= 1; --k) chart.columns.push_back(fmt::format("@-{}", k));
  chart.values.assign(chart.columns.size(), 0.5);
  const std::string body = heat_map_figure(chart).body;
  int n_label = 0;
  for (const std::string& label : chart.columns)
    n_label += body.find(">" + label + "</text>") != std::string::npos ? 1 : 0;
  EXPECT_EQ(n_label, 39);
  EXPECT_NE(body.find(">@-1</text>"), std::string::npos);
  EXPECT_EQ(body.find(">@-2</text>"), std::string::npos);
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
