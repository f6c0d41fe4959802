// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/verdict_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string>

#include "gnomon/report/detail/interval_json.h"
#include "gnomon/report/wrapped_text.h"

namespace gnomon {
namespace {

constexpr std::array<std::string_view, kAccounts.size()> kShortNames = {"H1", "H2", "H3", "H4"};

std::string outcome_word(Reading reading) {
  switch (reading) {
    case Reading::supports:
      return "supported";
    case Reading::contradicts:
      return "contradicted";
    default:
      return "undecided";
  }
}

std::string mark(Reading reading) {
  switch (reading) {
    case Reading::supports:
      return "+";
    case Reading::contradicts:
      return "-";
    case Reading::undecided:
      return "?";
    default:
      return "";
  }
}

Json direction_json(const std::optional<DirectionPatch>& direction) {
  if (!direction) return nullptr;
  return {{"site", direction->site},
          {"read_out", direction->read_out},
          {"n_rows", direction->n_row},
          {"n_distinct", direction->n_group},
          {"step", direction->step},
          {"length", direction->length},
          {"stream_sd", direction->stream_sd},
          {"gain", detail::bootstrap_json(direction->gain, "")},
          {"random_gains", direction->random_gains},
          {"percentile", direction->percentile},
          {"p", direction->p_value},
          {"largest_report_change", direction->largest_report_change}};
}

}  // namespace

Json verdict_json(const Verdict& verdict, const std::optional<DirectionPatch>& direction) {
  Json json;
  json["target"] = verdict.target;
  json["gain"] = detail::bootstrap_json(verdict.gain, "");
  json["accounts"] = Json::array();
  for (const AccountVerdict& account : verdict.accounts) {
    Json entry = {{"name", account_name(account.account)},
                  {"statement", account_statement(account.account)},
                  {"outcome", outcome_word(account.outcome)},
                  {"because", account.because}};
    if (!account.decide.empty()) entry["decide"] = account.decide;
    json["accounts"].push_back(entry);
  }
  json["evidence"] = Json::array();
  for (const Evidence& evidence : verdict.evidence) {
    Json readings;
    for (const Account account : kAccounts)
      readings[std::string(account_name(account))] = reading_name(evidence.of(account));
    json["evidence"].push_back({{"id", evidence.id},
                                {"question", evidence.question},
                                {"figure", evidence.figure},
                                {"readings", readings}});
  }
  json["direction"] = direction_json(direction);
  return json;
}

CsvTable verdict_csv(const Verdict& verdict) {
  std::vector<std::string> header = {"id", "question", "figure"};
  for (const Account account : kAccounts) header.emplace_back(account_name(account));
  CsvTable table(header);
  for (const Evidence& evidence : verdict.evidence) {
    std::vector<CsvValue> row = {evidence.id, evidence.question, evidence.figure};
    for (const Account account : kAccounts)
      row.emplace_back(std::string(reading_name(evidence.of(account))));
    table.add_row(row);
  }
  return table;
}

std::string verdict_text(const Verdict& verdict, const TextStyle& style) {
  std::string text = fmt::format("What the report of {} is\n\n", verdict.target);
  for (const AccountVerdict& account : verdict.accounts) {
    std::string line = fmt::format("{} ({})", account_statement(account.account),
                                   fmt::join(account.because, ", "));
    if (!account.decide.empty()) line += "; would decide: " + account.decide;
    text += labelled_text("  " + outcome_word(account.outcome), line, 16);
  }
  TextTable table({{""},
                   {"evidence"},
                   {std::string(kShortNames[0])},
                   {std::string(kShortNames[1])},
                   {std::string(kShortNames[2])},
                   {std::string(kShortNames[3])}});
  for (const Evidence& evidence : verdict.evidence) {
    std::vector<TableCell> row = {evidence.id, evidence.question};
    for (const Account account : kAccounts) row.emplace_back(mark(evidence.of(account)));
    table.add_row(row);
  }
  text += "\n" + table.render(style) + "  + for it, - against it, ? open\n\n";
  for (const Evidence& evidence : verdict.evidence)
    text += labelled_text("  " + evidence.id, evidence.figure, 6);
  return style.unicode ? text : ascii_text(text);
}

}  // namespace gnomon
