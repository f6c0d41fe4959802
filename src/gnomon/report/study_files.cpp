// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/study_files.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "gnomon/stats/moments.h"
#include "gnomon/stats/quantile.h"

namespace gnomon {
namespace {

CsvValue csv_value(const std::optional<double>& value) {
  if (!value) return std::monostate{};
  return *value;
}

Json null_rank_json(const std::optional<NullRank>& rank) {
  if (!rank) return nullptr;
  return {{"percentile", rank->percentile}, {"abs_r_upper", rank->abs_r_upper}, {"n", rank->n}};
}

Json direction_json(const DirectionResult& direction) {
  const auto low = [](const std::optional<Interval>& i) {
    return i ? Json(i->ci_low) : Json(nullptr);
  };
  const auto high = [](const std::optional<Interval>& i) {
    return i ? Json(i->ci_high) : Json(nullptr);
  };
  Json json;
  json["name"] = direction.name;
  json["site"] = direction.defined() ? Json(direction.site) : Json(nullptr);
  json["definition"] = direction.definition;
  json["r"] = number_or_null(direction.r);
  json["ci_low"] = low(direction.interval);
  json["ci_high"] = high(direction.interval);
  json["fisher_low"] = low(direction.fisher_interval);
  json["fisher_high"] = high(direction.fisher_interval);
  json["r2_fit"] = number_or_null(direction.r2_fit);
  json["r2_identity"] = number_or_null(direction.r2_identity);
  json["p"] = number_or_null(direction.p);
  json["log10_p"] = number_or_null(direction.log10_p);
  json["p_holm"] = number_or_null(direction.p_holm);
  json["log10_p_holm"] = number_or_null(direction.log10_p_holm);
  json["spearman"] = number_or_null(direction.spearman);
  json["percentile"] =
      direction.random_directions ? Json(direction.random_directions->percentile) : Json(nullptr);
  json["random_directions"] = null_rank_json(direction.random_directions);
  json["other_neurons"] = null_rank_json(direction.other_neurons);
  json["length"] = direction.defined() ? Json(direction.length) : Json(nullptr);
  json["bias"] = direction.defined() ? Json(direction.bias) : Json(nullptr);
  if (!direction.defined()) {
    json["why"] = direction.why;
  } else if (!direction.r || !direction.interval) {
    json["why"] = "the projection is constant, or too few text groups vary";
  }
  return json;
}

Json baseline_json(const BaselineResult& baseline) {
  Json json = {{"name", baseline.name},
               {"definition", baseline.definition},
               {"r", number_or_null(baseline.r)},
               {"r2_identity", number_or_null(baseline.r2_identity)}};
  if (!baseline.why.empty()) json["why"] = baseline.why;
  return json;
}

Json cosine_json(const CosineResult& cosine) {
  return {{"name", cosine.name},
          {"definition", cosine.definition},
          {"space", cosine.space},
          {"value", cosine.value},
          {"percentile", number_or_null(cosine.percentile)},
          {"null_sd", number_or_null(cosine.null_sd)},
          {"n_null", cosine.n_null}};
}

std::string markdown_row(std::string_view name, const std::string& value) {
  return fmt::format("| {} | {} |\n", name, value);
}

}  // namespace

Json projections_json(const StudyData& data, const ProjectionAnalysis& analysis) {
  Json json;
  json["target"] = site_at_name(data.target.at, data.config);
  json["precision"] = precision_name(data.precision);
  // Absent where they are as in files from before there was anything else.
  if (data.weights != "raw") json["weights"] = data.weights;
  if (data.config.parallel_block) json["parallel_block"] = true;
  json["scored"] = "test";
  json["n_rows"] = analysis.n_row;
  json["n_distinct"] = analysis.n_distinct;
  json["n_training_rows"] = analysis.training_rows.size();
  json["directions"] = Json::array();
  for (const DirectionResult& direction : analysis.directions)
    json["directions"].push_back(direction_json(direction));
  json["cosines"] = Json::array();
  for (const CosineResult& cosine : analysis.cosines)
    json["cosines"].push_back(cosine_json(cosine));
  json["baselines"] = Json::array();
  for (const BaselineResult& baseline : analysis.baselines)
    json["baselines"].push_back(baseline_json(baseline));
  json["ridge"] = {{"lambda", analysis.ridge.fit.lambda},
                   {"at_edge", analysis.ridge.at_edge},
                   {"degrees_of_freedom", analysis.ridge.fit.degrees_of_freedom},
                   {"r2_train", number_or_null(analysis.ridge.fit.r2_train)},
                   {"r2_cross_validated", number_or_null(analysis.ridge.cv_r2)}};
  return json;
}

CsvTable projections_csv(const StudyData& data, const StudyTexts& texts,
                         const ProjectionAnalysis& analysis) {
  std::vector<std::string> header = {"text_id", "position", "split", "group", "activation"};
  std::vector<const DirectionResult*> directions;
  for (const DirectionResult& direction : analysis.directions) {
    if (!direction.defined()) continue;
    directions.push_back(&direction);
    header.push_back(direction.name);
    header.push_back(direction.name + "_unit");
  }
  header.emplace_back("text");
  CsvTable table(header);
  for (Index r = 0; r < data.n_row(); ++r) {
    const auto row = static_cast<std::size_t>(r);
    const TextRecord& record = texts.records[static_cast<std::size_t>(data.text[row])];
    std::vector<CsvValue> values = {data.text[row], data.position[row],
                                    std::string(part_name(data.part[row])), data.group[row],
                                    data.activation[row]};
    for (const DirectionResult* direction : directions) {
      const double projection = direction->projection[row];
      values.emplace_back(projection);
      // Along the unit vector; a constant such as b_in is no part of a direction.
      if (direction->length > 0) {
        values.emplace_back((projection - direction->bias) / direction->length);
      } else {
        values.emplace_back();
      }
    }
    values.emplace_back(record.text);
    table.add_row(values);
  }
  return table;
}

Json correlation_json(const ProjectionAnalysis& analysis) {
  Json matrix = Json::array();
  const Index n = analysis.correlations.n_column;
  bool undefined = false;
  for (Index i = 0; i < n; ++i) {
    Json row = Json::array();
    for (Index j = 0; j < n; ++j) {
      row.push_back(number_or_null(analysis.correlations.at(i, j)));
      undefined = undefined || !analysis.correlations.at(i, j);
    }
    matrix.push_back(row);
  }
  Json json = {{"labels", analysis.correlation_labels},
               {"matrix", matrix},
               {"method", "pearson"},
               {"n_rows", analysis.n_row},
               {"n_distinct", analysis.n_distinct}};
  if (undefined) json["why"] = "a projection is constant on the scored rows";
  return json;
}

CsvTable correlation_csv(const ProjectionAnalysis& analysis) {
  std::vector<std::string> header = {""};
  header.insert(header.end(), analysis.correlation_labels.begin(),
                analysis.correlation_labels.end());
  CsvTable table(header);
  for (Index i = 0; i < analysis.correlations.n_column; ++i) {
    std::vector<CsvValue> row = {analysis.correlation_labels[static_cast<std::size_t>(i)]};
    for (Index j = 0; j < analysis.correlations.n_column; ++j)
      row.push_back(csv_value(analysis.correlations.at(i, j)));
    table.add_row(row);
  }
  return table;
}

Json audit_json(std::span<const Ladder> ladders) {
  Json json;
  json["ladders"] = Json::array();
  for (const Ladder& ladder : ladders) {
    Json rungs = Json::array();
    for (const Rung& rung : ladder.rungs) {
      Json entry = {{"name", rung.name},
                    {"quantity", rung.quantity},
                    {"r", number_or_null(rung.r)},
                    {"ci_low", rung.interval ? Json(rung.interval->ci_low) : Json(nullptr)},
                    {"ci_high", rung.interval ? Json(rung.interval->ci_high) : Json(nullptr)},
                    {"delta", rung.r ? number_or_null(rung.delta) : Json(nullptr)},
                    {"exact_zero", rung.exact_zero},
                    {"shapley", number_or_null(rung.shapley)},
                    {"r2_identity", number_or_null(rung.r2_identity)}};
      if (!rung.r) {
        entry["why"] = "the quantity is constant on the scored rows";
      } else if (!rung.interval) {
        entry["why"] = "too few text groups vary for an interval";
      }
      rungs.push_back(entry);
    }
    Json entry = {{"direction", ladder.direction},
                  {"starts_at", ladder.starts_at},
                  {"rungs", rungs},
                  {"one_minus_r", number_or_null(ladder.one_minus_r)},
                  {"tolerance", ladder.tolerance},
                  {"tolerance_why", ladder.tolerance_why},
                  {"closes", ladder.closes}};
    if (!ladder.one_minus_r) entry["why"] = "the activation is constant on the scored rows";
    json["ladders"].push_back(entry);
  }
  return json;
}

CsvTable audit_csv(std::span<const Ladder> ladders) {
  CsvTable table({"direction", "rung", "name", "quantity", "r", "ci_low", "ci_high", "delta",
                  "exact_zero", "shapley", "r2_identity"});
  for (const Ladder& ladder : ladders) {
    for (std::size_t k = 0; k < ladder.rungs.size(); ++k) {
      const Rung& rung = ladder.rungs[k];
      const auto bound = [&](double Interval::*end) {
        return rung.interval ? CsvValue((*rung.interval).*end) : CsvValue();
      };
      table.add_row({ladder.direction, static_cast<std::int64_t>(k), rung.name, rung.quantity,
                     csv_value(rung.r), bound(&Interval::ci_low), bound(&Interval::ci_high),
                     csv_value(rung.delta), rung.exact_zero, csv_value(rung.shapley),
                     csv_value(rung.r2_identity)});
    }
  }
  return table;
}

Json checks_json(std::span<const CheckResult> checks) {
  Json json = Json::array();
  for (const CheckResult& check : checks) {
    json.push_back({{"id", check.id},
                    {"title", check.title},
                    {"status", check_status_name(check.status)},
                    {"value", number_or_null(check.value)},
                    {"tolerance", number_or_null(check.tolerance)},
                    {"why", check.why}});
  }
  return json;
}

std::string prompts_jsonl(const StudyTexts& texts) {
  std::string lines;
  for (std::size_t t = 0; t < texts.records.size(); ++t) {
    const TextRecord& record = texts.records[t];
    Json json = {{"id", t},
                 {"text", record.text},
                 {"token_ids", texts.ids[t]},
                 {"group", texts.groups.group_of_row[t]},
                 {"split", part_name(texts.part[t])},
                 {"source", record.source}};
    if (!record.template_id.empty()) json["template"] = record.template_id;
    if (!record.group.empty()) json["declared_group"] = record.group;
    if (t < texts.n_copies.size() && texts.n_copies[t] > 1) json["n_copies"] = texts.n_copies[t];
    lines += json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  return lines;
}

std::string data_card(const StudyData& data, const StudyTexts& texts, const std::string& source) {
  Moments moments;
  moments.add(data.activation);
  const auto number = [](const std::optional<double>& value) {
    return value ? fmt::format("{:.6g}", *value) : "-";
  };
  std::string card = fmt::format("# Data card\n\nTarget: `{}`. Texts: {}.\n\n| | |\n|---|---|\n",
                                 site_at_name(data.target.at, data.config), source);
  card += markdown_row("texts", fmt::format("{}", texts.records.size()));
  card += markdown_row("rows (text and position)", fmt::format("{}", data.n_row()));
  card += markdown_row("text groups", fmt::format("{}, the largest of {}", texts.groups.n_groups,
                                                  texts.groups.largest_group));
  for (const GroupRuleCount& rule : texts.groups.rules) {
    card += markdown_row(fmt::format("rows that share their {}", group_rule_name(rule.rule)),
                         fmt::format("{}", rule.n_rows));
  }
  for (const Part part : kAllParts) {
    card += markdown_row(fmt::format("{} rows", part_name(part)),
                         fmt::format("{}", data.rows_of(part).size()));
  }
  card += markdown_row("texts left out", fmt::format("{}", texts.excluded.size()));
  card += markdown_row("activation: mean", number(moments.mean()));
  card += markdown_row("activation: standard deviation", number(moments.sd()));
  card += markdown_row("activation: skewness", number(moments.skewness()));
  for (const double q : {0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0}) {
    card += markdown_row(fmt::format("activation: {:g} % quantile", 100 * q),
                         fmt::format("{:.6g}", quantile(data.activation, q)));
  }
  if (!texts.excluded.empty()) {
    card += "\n## Texts left out\n\n";
    for (const ExcludedText& excluded : texts.excluded)
      card += fmt::format("- {}: {}\n", excluded.source, excluded.why);
  }
  return card;
}

}  // namespace gnomon
