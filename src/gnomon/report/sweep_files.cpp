// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/sweep_files.h"

#include <cmath>
#include <optional>

#include "gnomon/report/detail/interval_json.h"

namespace gnomon {
namespace {

using detail::bootstrap_json;

constexpr const char* kNotPatched = "not patched: the approximation ranks it below those that were";

Json cell_json(const CellEffect& cell) {
  Json json;
  json["cell"] = cell.name;
  json["site"] = hook_point(cell.cell.at.site.kind).name;
  json["layer"] = cell.cell.at.site.layer;
  json["coordinate"] =
      cell.cell.at.site.coordinate ? Json(*cell.cell.at.site.coordinate) : Json(nullptr);
  json["head"] = cell.cell.head ? Json(*cell.cell.head) : Json(nullptr);
  json["position"] = position_name(cell.cell.at.position);
  json["n_pairs"] = cell.n_case;
  json["patched"] = cell.exact;
  const auto estimate = [&](const BootstrapInterval& of) {
    return cell.exact ? bootstrap_json(of, "") : bootstrap_json(std::nullopt, kNotPatched);
  };
  json["effect"] = estimate(cell.mean);
  json["normalised"] = estimate(cell.normalised);
  json["mean_magnitude"] = cell.exact ? Json(cell.mean_magnitude) : Json(nullptr);
  json["largest_magnitude"] = cell.exact ? Json(cell.largest_magnitude) : Json(nullptr);
  json["p"] = number_or_null(cell.p_value);
  json["p_family"] = number_or_null(cell.p_family);
  json["p_fdr"] = number_or_null(cell.p_fdr);
  json["approximate"] = number_or_null(cell.approximate);
  json["approximate_normalised"] = number_or_null(cell.approximate_normalised);
  return json;
}

Json attribution_json(const std::optional<AttributionError>& error) {
  if (!error) return nullptr;
  Json json = {{"n_cells", error->n_cell},
               {"n_top", error->options.n_top},
               {"n_sample", error->options.n_sample},
               {"of", error->normalised ? "normalised" : "effect"},
               {"largest_error", error->largest_error},
               {"largest_effect", error->largest_effect},
               {"rank_correlation", number_or_null(error->rank_correlation)},
               {"sample_rank_correlation", number_or_null(error->sample_rank_correlation)},
               {"n_missed", error->n_missed},
               {"missed_share_bound", error->missed_share_bound}};
  if (!error->rank_correlation || !error->sample_rank_correlation)
    json["why"] = "fewer than 2 cells, or effects that do not vary";
  return json;
}

CsvValue csv_number(const std::optional<double>& value) {
  return value ? CsvValue(*value) : CsvValue();
}

}  // namespace

Json sweep_json(const PatchSweep& sweep, const SweepPairs& pairs) {
  Json json;
  json["direction"] = sweep_direction_name(sweep.direction);
  json["metric"] = sweep_metric_name(sweep.metric);
  json["read_out"] = sweep.read_out;
  json["definition"] = sweep.definition;
  json["n_pairs"] = sweep.n_case;
  json["n_groups"] = sweep.n_group;
  double base = 0;
  double other = 0;
  for (std::size_t i = 0; i < sweep.base.size(); ++i) {
    base += sweep.base[i] / static_cast<double>(sweep.n_case);
    other += sweep.other[i] / static_cast<double>(sweep.n_case);
  }
  json["mean_base"] = base;
  json["mean_other"] = other;
  json["total_rms"] = sweep.total_rms;
  json["smallest_total"] = sweep.smallest_total;
  if (!sweep.why_not_normalised.empty()) json["why_not_normalised"] = sweep.why_not_normalised;
  json["bootstrap"] = {{"n", sweep.bootstrap.n_bootstrap},
                       {"level", sweep.bootstrap.level},
                       {"seed", sweep.bootstrap.seed}};
  json["n_flips"] = sweep.n_flip;
  if (!sweep.why_no_family.empty()) json["why_no_family"] = sweep.why_no_family;
  json["n_patches"] = sweep.n_patch;
  json["n_whole_patches"] = sweep.n_whole_patch;
  json["attribution"] = attribution_json(sweep.attribution);
  json["left_out"] = Json::array();
  for (const LeftOutPair& left : pairs.left_out)
    json["left_out"].push_back({{"source", left.source}, {"why", left.why}});
  json["cells"] = Json::array();
  for (const CellEffect& cell : sweep.cells) json["cells"].push_back(cell_json(cell));
  return json;
}

CsvTable sweep_csv(const PatchSweep& sweep) {
  CsvTable table({"cell",
                  "site",
                  "layer",
                  "coordinate",
                  "head",
                  "position",
                  "n_pairs",
                  "patched",
                  "effect",
                  "effect_low",
                  "effect_high",
                  "normalised",
                  "normalised_low",
                  "normalised_high",
                  "mean_magnitude",
                  "largest_magnitude",
                  "p",
                  "p_family",
                  "p_fdr",
                  "approximate",
                  "approximate_normalised"});
  const auto integer = [](const std::optional<Index>& value) {
    return value ? CsvValue(static_cast<std::int64_t>(*value)) : CsvValue();
  };
  const auto low = [](const BootstrapInterval& of) {
    return of.interval ? CsvValue(of.interval->ci_low) : CsvValue();
  };
  const auto high = [](const BootstrapInterval& of) {
    return of.interval ? CsvValue(of.interval->ci_high) : CsvValue();
  };
  for (const CellEffect& cell : sweep.cells) {
    const SiteAt& at = cell.cell.at;
    const auto magnitude = [&](double value) { return cell.exact ? CsvValue(value) : CsvValue(); };
    table.add_row({cell.name,
                   std::string(hook_point(at.site.kind).name),
                   static_cast<std::int64_t>(at.site.layer),
                   integer(at.site.coordinate),
                   integer(cell.cell.head),
                   position_name(at.position),
                   static_cast<std::int64_t>(cell.n_case),
                   cell.exact,
                   csv_number(cell.mean.estimate),
                   low(cell.mean),
                   high(cell.mean),
                   csv_number(cell.normalised.estimate),
                   low(cell.normalised),
                   high(cell.normalised),
                   magnitude(cell.mean_magnitude),
                   magnitude(cell.largest_magnitude),
                   csv_number(cell.p_value),
                   csv_number(cell.p_family),
                   csv_number(cell.p_fdr),
                   csv_number(cell.approximate),
                   csv_number(cell.approximate_normalised)});
  }
  return table;
}

CsvTable sweep_pairs_csv(const PatchSweep& sweep, const SweepPairs& pairs) {
  CsvTable table({"pair", "source", "clean", "corrupted", "group", "n_tokens", "read_position",
                  "base", "other"});
  for (std::size_t i = 0; i < pairs.cases.size(); ++i) {
    const SweepCase& pair = pairs.cases[i];
    table.add_row(
        {static_cast<std::int64_t>(i), pairs.source[i], static_cast<std::int64_t>(pair.clean),
         static_cast<std::int64_t>(pair.corrupted), static_cast<std::int64_t>(pair.group),
         static_cast<std::int64_t>(pairs.texts[static_cast<std::size_t>(pair.clean)].size()),
         static_cast<std::int64_t>(pair.read_position), sweep.base[i], sweep.other[i]});
  }
  return table;
}

}  // namespace gnomon
