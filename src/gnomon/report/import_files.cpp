// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/import_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "gnomon/text/visible_text.h"

namespace gnomon {
namespace {

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

// As stored, without paths of the author's machine.
Json without_paths(const Json& value) {
  if (!value.is_object()) return value;
  Json kept = Json::object();
  for (const auto& [key, child] : value.items()) {
    if (!key.ends_with("_path")) kept[key] = without_paths(child);
  }
  return kept;
}

Json member_or_null(const Json& object, const char* key) {
  if (!object.is_object() || !object.contains(key)) return nullptr;
  return without_paths(object[key]);
}

Json part_json(const OriginalPart& part) {
  return {{"rows", part.rows.size()},
          {"distinct", part.n_distinct},
          {"rows_with_text_in_train", part.n_with_text_in_train},
          {"label_variance", number_or_null(part.label_variance)}};
}

Json splits_json(const OriginalAudit& audit) {
  if (!audit.splits)
    return {{"train", nullptr}, {"val", nullptr}, {"test", nullptr}, {"why", audit.why_no_splits}};
  return {{"train", part_json(audit.splits->train)},
          {"val", part_json(audit.splits->val)},
          {"test", part_json(audit.splits->test)},
          {"evidence", audit.splits->evidence}};
}

Json baseline_json(const OriginalBaseline& baseline) {
  return {{"val_r2", number_or_null(baseline.val_r2)},
          {"test_r2", number_or_null(baseline.test_r2)}};
}

Json baselines_json(const OriginalAudit& audit) {
  Json json = {{"lookup", baseline_json(audit.lookup)},
               {"template", baseline_json(audit.sentences)},
               {"rest", baseline_json(audit.rest)}};
  if (!audit.splits) json["why"] = "the parts are not known";
  return json;
}

Json actuals_json(const std::optional<OriginalActuals>& actuals) {
  if (!actuals)
    return {{"rows", 0}, {"matching_label", 0}, {"why", "the run has no stored predictions"}};
  return {{"rows", actuals->n_row},
          {"matching_label", actuals->n_matching},
          {"with_label", actuals->n_labelled},
          {"tolerance", kActualTolerance},
          {"r_with_label", number_or_null(actuals->r_with_label)},
          {"r_prediction_with_label", number_or_null(actuals->r_prediction_with_label)},
          {"sd", number_or_null(actuals->sd_actual)},
          {"sd_of_labels", number_or_null(actuals->sd_label)},
          {"share_by_first_sentence", number_or_null(actuals->actual_by_first)},
          {"share_by_rest", number_or_null(actuals->actual_by_rest)},
          {"labels_share_by_first_sentence", number_or_null(actuals->label_by_first)},
          {"labels_share_by_rest", number_or_null(actuals->label_by_rest)}};
}

Json head_json(const OriginalRun& run, const OriginalAudit& audit) {
  if (!audit.head) {
    return {{"type", text_or_null(run.head_type)},
            {"weight_norm", nullptr},
            {"bias", nullptr},
            {"equals_random_init", nullptr},
            {"why", audit.why_no_head}};
  }
  const OriginalHeadAudit& head = *audit.head;
  Json json = {{"type", text_or_null(head.type)},
               {"weight_norm", head.weight_norm},
               {"bias", head.bias.size() == 1 ? Json(head.bias[0]) : Json(head.bias)},
               {"equals_random_init", or_null(head.equals_random_init)},
               {"best_equals_final", or_null(head.best_equals_final)}};
  if (!head.equals_random_init) {
    json["why"] = head.why_no_init;
    return json;
  }
  json["init"] = {{"seed", 42},
                  {"norm", number_or_null(head.init_norm)},
                  {"largest_difference", number_or_null(head.init_distance)},
                  {"cosine", number_or_null(head.init_cosine)},
                  {"learned_norm", number_or_null(head.learned_norm)},
                  {"target_rank", or_null(head.target_rank)},
                  {"target_learned_rank", or_null(head.target_learned_rank)}};
  return json;
}

Json published_json(const OriginalRun& run) {
  Json json = {{"results", member_or_null(run.summary, "results")},
               {"performance_summary", member_or_null(run.summary, "performance_summary")},
               {"report",
                {{"mean_error", number_or_null(run.report_mean_error)},
                 {"error_sd", number_or_null(run.report_error_sd)}}}};
  Json training = nullptr;
  if (run.training) {
    const OriginalTraining& t = *run.training;
    const auto epoch_json = [&](std::size_t i) {
      return Json{{"train_loss", number_or_null(t.train_loss[i])},
                  {"val_loss", number_or_null(t.val_loss[i])},
                  {"train_mse", number_or_null(t.train[i].mse)},
                  {"val_mse", number_or_null(t.val[i].mse)},
                  {"val_r2", number_or_null(t.val[i].r2)}};
    };
    training = {{"epochs", t.n_epoch()},
                {"best_epoch", or_null(t.best_epoch)},
                {"seconds", number_or_null(t.seconds)},
                {"last", epoch_json(t.train_loss.size() - 1)}};
    training["best"] =
        t.best_epoch ? epoch_json(static_cast<std::size_t>(*t.best_epoch - 1)) : Json(nullptr);
  }
  json["training"] = std::move(training);
  json["weights_analysis"] = without_paths(run.weights_analysis);
  json["projections"] = member_or_null(run.projections, "projections");
  json["weight_similarities"] = member_or_null(run.projections, "weight_similarities");
  json["kl_divergence"] = number_or_null(run.stored_kl);
  return json;
}

Json p_json(const CorrelationTest& test, Index n) {
  return {{"n", n},
          {"p", test.p_value},
          {"log10_p", number_or_null(test.log10_p)},
          {"p_is_bound", test.p_value_is_bound}};
}

Json projections_json(const OriginalAudit& audit) {
  if (audit.projections.empty()) return nullptr;
  Json json = Json::object();
  for (const OriginalProjection& p : audit.projections) {
    json[p.name] = {{"r", p.r},
                    {"stored_p", number_or_null(p.stored_p)},
                    {"by_rows", p_json(p.by_rows, audit.n_row)},
                    {"by_distinct_texts", p_json(p.by_texts, audit.n_distinct)}};
  }
  return json;
}

Json loss_json(const std::optional<OriginalLossPair>& pair) {
  if (!pair) return nullptr;
  Json ratio = nullptr;
  if (pair->train_mode > 0) ratio = number_or_null(pair->evaluation_mode / pair->train_mode);
  return {{"epoch", pair->epoch},
          {"training_mode", number_or_null(pair->train_mode)},
          {"evaluation_mode", number_or_null(pair->evaluation_mode)},
          {"ratio", std::move(ratio)}};
}

void add_drift(Json& json, const OriginalAudit& audit) {
  json["kl_by_epsilon"] = nullptr;
  json["drift"] = nullptr;
  if (!audit.drift) {
    json["why_no_kl"] = "the run has no activation_data.json";
    return;
  }
  const OriginalDrift& drift = *audit.drift;
  if (drift.kl.empty()) {
    json["why_no_kl"] = drift.why_no_kl;
  } else {
    json["kl_by_epsilon"] = Json::object();
    for (const OriginalKl& kl : drift.kl)
      json["kl_by_epsilon"][fmt::format("{:.0e}", kl.epsilon)] = number_or_null(kl.nats);
  }
  json["drift"] = {{"n", drift.n},
                   {"n_outside_initial_range", drift.n_outside},
                   {"wasserstein1", drift.wasserstein1},
                   {"kolmogorov_smirnov", drift.kolmogorov_smirnov},
                   {"initial_mean", drift.initial_mean},
                   {"initial_sd", drift.initial_sd},
                   {"final_mean", drift.final_mean},
                   {"final_sd", drift.final_sd},
                   {"r_final_with_label", number_or_null(drift.r_final_with_label)}};
}

Json variants_json(const std::vector<RemeasuredVariant>& variants) {
  Json list = Json::array();
  for (const RemeasuredVariant& v : variants) {
    list.push_back({{"bos", v.bos},
                    {"centred", v.centred},
                    {"n", v.n},
                    {"r", number_or_null(v.r)},
                    {"largest_difference", number_or_null(v.largest_difference)},
                    {"reproduces", v.reproduces}});
  }
  return list;
}

Json remeasured_json(const std::optional<OriginalRemeasurement>& found) {
  if (!found) return nullptr;
  Json json = {{"model", found->model},
               {"model_sha256", found->model_sha256},
               {"site", found->site},
               {"tolerance", kRemeasureTolerance},
               {"labels", variants_json(found->labels)},
               {"padded_length", found->padded_length},
               {"padded", variants_json(found->padded)}};
  if (found->padded.empty()) json["why_no_padded"] = found->why_no_padded;
  json["projections"] = Json::object();
  for (const RemeasuredProjection& p : found->projections) {
    json["projections"][p.name] = {{"definition", p.definition},
                                   {"r_rows", number_or_null(p.r_rows)},
                                   {"r_texts", number_or_null(p.r_texts)}};
  }
  if (found->projections.empty()) json["why_no_projections"] = found->why_no_projections;
  return json;
}

Json recomputed_json(const ImportedRun& imported) {
  const OriginalAudit& audit = imported.audit;
  Json json = {{"projection_p", projections_json(audit)}};
  if (audit.projections.empty()) json["why_no_projection_p"] = "the run has no stored projections";
  add_drift(json, audit);
  json["test"] = nullptr;
  if (audit.actuals) {
    const OriginalActuals& a = *audit.actuals;
    json["test"] = {{"r", number_or_null(a.r)},
                    {"mse", a.mse},
                    {"mean_error", a.mean_error},
                    {"error_sd", a.error_sd},
                    {"mse_against_label", number_or_null(a.mse_against_label)}};
  }
  json["loss"] = {{"best_epoch", loss_json(audit.loss_best)},
                  {"last_epoch", loss_json(audit.loss_last)},
                  {"val_r2_bound_without_offset", number_or_null(audit.val_r2_bound)}};
  json["learning_rate"] = nullptr;
  if (audit.schedule) {
    json["learning_rate"] = {{"start", audit.schedule->start},
                             {"end", audit.schedule->end},
                             {"steps_per_epoch", audit.schedule->steps_per_epoch},
                             {"stated_length", audit.schedule->t_max},
                             {"times_moved", audit.schedule->n_epoch}};
  }
  json["texts"] = {{"drawn", audit.n_drawn}, {"generator_reproduced", audit.generator_reproduced}};
  json["scan_score"] = number_or_null(audit.scan_score);
  json["examples"] = nullptr;
  if (audit.examples) {
    json["examples"] = {{"n", audit.examples->n},
                        {"n_in_data", audit.examples->n_in_data},
                        {"n_in_train", audit.examples->n_in_train},
                        {"mse", audit.examples->mse}};
  }
  json["remeasured"] = remeasured_json(imported.remeasured);
  if (!imported.remeasured) json["why_not_remeasured"] = "no model was given";
  json["conclusions"] = Json::array();
  for (const OriginalConclusion& c : audit.conclusions)
    json["conclusions"].push_back({{"claim", c.claim}, {"verdict", c.verdict}, {"why", c.why}});
  return json;
}

const char* part_of(const OriginalAudit& audit, Index row) {
  if (!audit.splits) return "";
  const auto in = [&](const OriginalPart& part) {
    return std::ranges::find(part.rows, row) != part.rows.end();
  };
  if (in(audit.splits->val)) return "val";
  if (in(audit.splits->test)) return "test";
  return "train";
}

}  // namespace

Json import_json(const ImportedRun& imported) {
  const OriginalRun& run = imported.run;
  const OriginalAudit& audit = imported.audit;
  Json json = {{"kind", "original_run"},
               {"rows", audit.n_row},
               {"distinct_texts", audit.n_distinct},
               {"max_multiplicity", audit.max_multiplicity}};
  json["target"] = {{"layer", or_null(run.layer)},
                    {"index", or_null(run.index)},
                    {"site", text_or_null(import_target_name(run))}};
  json["splits"] = splits_json(audit);
  json["baselines"] = baselines_json(audit);
  json["stored_actual"] = actuals_json(audit.actuals);
  json["head"] = head_json(run, audit);
  json["labels"] = {{"mean", audit.label_mean},
                    {"sd", audit.label_sd},
                    {"min", audit.label_min},
                    {"max", audit.label_max}};
  json["published"] = published_json(run);
  json["recomputed"] = recomputed_json(imported);
  json["findings"] = Json::array();
  for (const OriginalFinding& finding : imported.findings) {
    json["findings"].push_back({{"id", finding.id},
                                {"severity", severity_name(finding.severity)},
                                {"title", finding.title},
                                {"evidence", finding.evidence},
                                {"rule", finding.rule}});
  }
  return json;
}

CsvTable findings_csv(const ImportedRun& imported) {
  CsvTable table({"id", "severity", "title", "evidence", "rule"});
  for (const OriginalFinding& finding : imported.findings) {
    table.add_row({finding.id, std::string(severity_name(finding.severity)), finding.title,
                   finding.evidence, finding.rule});
  }
  return table;
}

CsvTable import_rows_csv(const ImportedRun& imported) {
  CsvTable table({"row", "part", "activation", "text"});
  for (std::size_t i = 0; i < imported.run.rows.size(); ++i) {
    const OriginalRow& row = imported.run.rows[i];
    const std::string part = part_of(imported.audit, static_cast<Index>(i));
    table.add_row({static_cast<std::int64_t>(i),
                   part.empty() ? CsvValue(std::monostate()) : CsvValue(part), row.activation,
                   row.text});
  }
  return table;
}

std::string import_prompts_jsonl(const ImportedRun& imported) {
  std::map<std::string_view, Index> copies;
  for (const OriginalRow& row : imported.run.rows) ++copies[row.text];
  std::string lines;
  Index id = 0;
  for (const OriginalRow& row : imported.run.rows) {
    const auto found = copies.find(row.text);
    if (found == copies.end()) continue;
    Json line = {{"id", id++},
                 {"text", row.text},
                 {"activation", row.activation},
                 {"n_copies", found->second}};
    if (imported.audit.generator_reproduced)
      line["template"] = std::string(first_sentence(row.text).first);
    copies.erase(found);
    lines += line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
  return lines;
}

RunSummary import_summary(const ImportedRun& imported) {
  const OriginalAudit& audit = imported.audit;
  RunSummary summary;
  summary["import.rows"] = static_cast<double>(audit.n_row);
  summary["import.distinct_texts"] = static_cast<double>(audit.n_distinct);
  summary["import.findings"] = static_cast<double>(imported.findings.size());
  summary["import.label_mean"] = audit.label_mean;
  summary["import.label_sd"] = audit.label_sd;
  summary["import.lookup_test_r2"] = audit.lookup.test_r2;
  summary["import.template_test_r2"] = audit.sentences.test_r2;
  summary["import.val_r2"] = audit.val_r2_last;
  summary["import.test_mse"] = audit.actuals ? std::optional(audit.actuals->mse) : std::nullopt;
  summary["import.head_norm"] = audit.head ? std::optional(audit.head->weight_norm) : std::nullopt;
  return summary;
}

std::string import_target_name(const OriginalRun& run) {
  if (!run.layer || !run.index || run.layer_type.empty()) return {};
  return fmt::format("blocks.{}.hook_{}[{}]{}", *run.layer, visible_text(run.layer_type),
                     *run.index,
                     run.token_position.empty() ? "" : "@" + visible_text(run.token_position));
}

}  // namespace gnomon
