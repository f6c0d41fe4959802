// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/subspace_files.h"

#include <fmt/format.h>

#include <optional>

#include "gnomon/report/detail/interval_json.h"
#include "gnomon/report/detail/patch_json.h"
#include "gnomon/report/wrapped_text.h"

namespace gnomon {
namespace {

std::string number_text(const std::optional<double>& value, std::string_view format = "{:+.3f}") {
  return value ? fmt::format(fmt::runtime(format), *value) : "–";
}

Json part_json(const SubspacePart& part) {
  return {{"name", part.name},
          {"length_share", number_or_null(part.length_share)},
          {"follows", detail::sufficiency_json(part.follows)},
          {"mean_site_change", part.mean_site_change},
          {"mean_report_change", part.mean_report_change},
          {"effect_share", number_or_null(part.effect_share)},
          {"share_typical", number_or_null(part.share_typical)}};
}

}  // namespace

Json subspace_json(const SubspaceStudy& study) {
  Json json;
  json["target"] = study.target;
  json["read_out"] = study.read_out;
  json["part"] = part_name(study.part);
  json["n_rows"] = study.n_row;
  json["n_distinct"] = study.n_group;
  json["n_training_rows"] = study.n_training_row;
  json["directions"] = Json::array();
  for (const SubspaceDirection& direction : study.directions) {
    Json entry = {{"name", direction.name},
                  {"site", direction.site},
                  {"definition", direction.definition},
                  {"readers", direction.readers},
                  {"reader_rank", direction.reader_rank},
                  {"past_readers", direction.past_readers},
                  {"parts", Json::array()}};
    if (!direction.why_no_split.empty()) entry["why_no_split"] = direction.why_no_split;
    for (const SubspacePart& part : direction.parts) entry["parts"].push_back(part_json(part));
    json["directions"].push_back(std::move(entry));
  }
  json["lm_loss"] = number_or_null(study.lm_loss);
  json["n_loss_tokens"] = study.n_loss_token;
  json["erasures"] = Json::array();
  for (const Erasure& erasure : study.erasures) {
    Json entry = {{"method", erasure.method},
                  {"direction", erasure.direction},
                  {"site", erasure.site},
                  {"mean_site_change", erasure.mean_site_change},
                  {"percentile", number_or_null(erasure.percentile)},
                  {"p", number_or_null(erasure.p_value)},
                  {"loss_change", number_or_null(erasure.loss_change)},
                  {"random_loss_change", number_or_null(erasure.random_loss_change)}};
    detail::add_necessity(entry, erasure.effect);
    json["erasures"].push_back(std::move(entry));
  }
  return json;
}

std::string subspace_text(const SubspaceStudy& study, const TextStyle& style) {
  std::string text;
  for (const SubspaceDirection& direction : study.directions) {
    text += fmt::format("{} direction at {}, exchanged with another text's\n", direction.name,
                        direction.site);
    TextTable table({{"part"},
                     {"length", Align::right},
                     {"slope", Align::right},
                     {"r", Align::right},
                     {"p", Align::right},
                     {"change", Align::right},
                     {"effect", Align::right},
                     {"typical", Align::right}});
    for (const SubspacePart& part : direction.parts) {
      table.add_row({part.name, number_text(part.length_share, "{:.3f}"),
                     number_text(part.follows.slope), number_text(part.follows.r),
                     fmt::format("{:.2g}", part.follows.p_value),
                     fmt::format("{:.3g}", part.mean_report_change), number_text(part.effect_share),
                     part.share_typical ? format_percent(*part.share_typical) : std::string("–")});
    }
    text += table.render(style);
    text += labelled_text(
        "  split",
        direction.why_no_split.empty()
            ? fmt::format("by {}, rank {}{}", direction.readers, direction.reader_rank,
                          direction.past_readers
                              ? ": the effect also goes another way than through them"
                              : "")
            : "none: " + direction.why_no_split,
        14);
    text += "\n";
  }
  text += "Erased and kept: the report against the unpatched neuron, across texts\n";
  TextTable table({{"method"},
                   {"of"},
                   {"slope", Align::right},
                   {"r", Align::right},
                   {"change", Align::right},
                   {"p", Align::right},
                   {"loss", Align::right}});
  if (!study.erasures.empty()) {
    const Necessity& unchanged = study.erasures.front().effect;
    table.add_row({"nothing", "", number_text(unchanged.clean_slope.estimate),
                   number_text(unchanged.clean_r), "", "", ""});
  }
  for (const Erasure& erasure : study.erasures) {
    table.add_row(
        {erasure.method, erasure.direction, number_text(erasure.effect.ablated_slope.estimate),
         number_text(erasure.effect.ablated_r), fmt::format("{:.3f}", erasure.effect.mean_change),
         number_text(erasure.p_value, "{:.2g}"), number_text(erasure.loss_change)});
  }
  text += table.render(style);
  if (study.lm_loss) {
    text += labelled_text(
        "  loss",
        fmt::format("nats per token that the next-token loss of {:.3f} grows by ({} tokens) with "
                    "the same map at every token",
                    *study.lm_loss, study.n_loss_token),
        14);
    for (const Erasure& erasure : study.erasures) {
      if (!erasure.random_loss_change) continue;
      text += labelled_text("",
                            fmt::format("{}: {} where random directions are erased in its place",
                                        erasure.direction, number_text(erasure.random_loss_change)),
                            14);
    }
  }
  return style.unicode ? text : ascii_text(text);
}

}  // namespace gnomon
