// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/figures.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "gnomon/base/file.h"
#include "gnomon/charts/scatter.h"
#include "gnomon/report/csv.h"
#include "gnomon/report/detail/run_figures.h"

namespace gnomon {
namespace {

constexpr std::string_view kSeeds = "seeds/";

CsvValue csv_value(const FigureCell& cell) {
  return std::visit([](const auto& value) { return CsvValue(value); }, cell);
}

void append(std::vector<Figure>& figures, std::vector<Figure> more) {
  std::ranges::move(more, std::back_inserter(figures));
}

}  // namespace

namespace detail {

bool has_file(const StoredRun& run, std::string_view relative) {
  return run.manifest.files.contains(std::string(relative));
}

std::vector<std::string> training_folders(const StoredRun& run) {
  std::vector<std::pair<unsigned long long, std::string>> found;
  for (const auto& [name, file] : run.manifest.files) {
    if (!name.starts_with(kSeeds)) continue;
    const std::size_t end = name.find('/', kSeeds.size());
    if (end == std::string::npos) continue;
    const std::string seed = name.substr(kSeeds.size(), end - kSeeds.size());
    if (seed.empty() || seed.size() > 19 ||
        seed.find_first_not_of("0123456789") != std::string::npos)
      continue;
    found.emplace_back(std::stoull(seed), name.substr(0, end));
  }
  std::ranges::sort(found);
  const auto [first, last] = std::ranges::unique(found);
  found.erase(first, last);
  std::vector<std::string> folders;
  for (auto& [seed, folder] : found) folders.push_back(std::move(folder));
  return folders;
}

}  // namespace detail

std::vector<Figure> figures_of(const StoredRun& run) {
  std::vector<Figure> figures;
  append(figures, detail::projection_figures(run));
  return figures;
}

std::vector<Figure> projection_panels_of(const StoredRun& run) {
  if (!detail::has_file(run, "analysis/projections.json")) return {};
  return scatter_panel_figures(detail::projection_chart(run));
}

std::string figure_csv(const Figure& figure) {
  CsvTable table(figure.table.columns);
  for (const std::vector<FigureCell>& row : figure.table.rows) {
    std::vector<CsvValue> values;
    std::ranges::transform(row, std::back_inserter(values), csv_value);
    table.add_row(values);
  }
  return table.text();
}

std::vector<std::string> write_figures(std::span<const Figure> figures,
                                       const std::filesystem::path& folder,
                                       std::span<const Theme> themes) {
  std::vector<std::string> names;
  const auto write = [&](const std::string& name, const std::string& content) {
    write_file_atomic(folder / name, content);
    names.push_back(name);
  };
  for (const Figure& figure : figures) {
    for (const Theme theme : themes)
      write(figure.id + (theme == Theme::dark ? ".dark.svg" : ".svg"),
            standalone_svg(figure, theme));
    write(figure.id + ".csv", figure_csv(figure));
    write(figure.id + ".vl.json", figure.vega_lite);
  }
  return names;
}

}  // namespace gnomon
