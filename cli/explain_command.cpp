// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "cli/explained_site.h"
#include "cli/resolve_model.h"
#include "cli/run_options.h"
#include "gnomon/base/error.h"
#include "gnomon/base/json.h"
#include "gnomon/base/quote.h"
#include "gnomon/model/hook_aliases.h"
#include "gnomon/model/model.h"
#include "gnomon/model/site_explanation.h"
#include "gnomon/report/glossary.h"
#include "gnomon/report/run_list.h"
#include "gnomon/report/run_questions.h"
#include "gnomon/report/run_values.h"
#include "gnomon/report/text_table.h"
#include "gnomon/report/wrapped_text.h"

namespace gnomon::cli {
namespace {

constexpr int kIndent = 13;
constexpr int kFamilyIndent = 10;  // of what stands behind a family's title

struct ExplainOptions {
  std::string what;
  std::string model;
  std::string question;  // about a run; its first where there is none
  std::string runs_dir = kRunsFolder;
};

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string result(text);
  for (std::size_t at = result.find(from); at != std::string::npos;
       at = result.find(from, at + to.size())) {
    result.replace(at, from.size(), to);
  }
  return result;
}

// The rows of the alias table that name the site in one of its families.
std::vector<const HookAlias*> aliases_of(const ExplainedSite& site, bool equal) {
  const HookPoint& point = hook_point(site.kind);
  const std::string local(point.name);
  std::vector<const HookAlias*> found;
  for (const HookAlias& row : hook_aliases()) {
    const bool family =
        row.architecture.empty() ||
        std::any_of(site.families.begin(), site.families.end(),
                    [&](const SiteInFamily& f) { return f.architecture == row.architecture; });
    bool same = row.hook == local;
    if (point.per_block) {
      same = row.hook == "blocks.{l}." + local || row.hook == "blocks.{last}." + local ||
             (row.hook == "blocks.0." + local && (site.layer == "0" || site.layer == "{l}"));
    }
    if (row.equal == equal && family && same) found.push_back(&row);
  }
  return found;
}

std::string alias_name(const HookAlias& row, const ExplainedSite& site) {
  return replaced(row.name, "{l}", site.layer);
}

// What an alias needs to be said beside its equation.
std::string alias_equation(const HookAlias& row, const ExplainedSite& site) {
  std::string equation = replaced(row.equation, "{l}", site.layer);
  // Hugging Face's paths say which family they are of, pyvene's keys do not.
  if (!row.architecture.empty() && row.library != "Hugging Face" && site.families.size() > 1) {
    equation = fmt::format("{}: {}", family_title(row.architecture), equation);
  }
  if (row.hook.starts_with("blocks.{last}.") && row.equal) equation += ", for the last block";
  if (row.hook.starts_with("blocks.0.")) equation += ", for block 0";
  return equation;
}

// "W_in[:, n]" of neuron 481 is "W_in[:, 481]".
std::string for_coordinate(std::string_view text, const ExplainedSite& site) {
  if (!site.coordinate) return std::string(text);
  const std::string n = std::to_string(*site.coordinate);
  std::string result = replaced(text, "[:, n]", "[:, " + n + "]");
  result = replaced(result, "[n, :]", "[" + n + ", :]");
  return replaced(result, "[n]", "[" + n + "]");
}

const SiteIdentity& identity(std::string_view id) {
  for (const SiteIdentity& row : site_identities()) {
    if (row.id == id) return row;
  }
  throw InternalError(fmt::format("identity: no \"{}\"", id));
}

// A text for each family, said once where they agree.
struct FamilyText {
  std::string architecture;
  std::string text;
};

std::string family_lines(std::string_view label, const std::vector<FamilyText>& texts,
                         bool show_family) {
  const bool same = std::all_of(texts.begin(), texts.end(), [&](const FamilyText& one) {
    return one.text == texts.front().text;
  });
  if (same && !(show_family && texts.size() == 1)) {
    return texts.empty() || texts.front().text.empty()
               ? std::string()
               : labelled_text(label, texts.front().text, kIndent);
  }
  std::string result;
  for (const FamilyText& one : texts) {
    if (one.text.empty()) continue;
    const std::string margin = result.empty() ? fmt::format("{:<{}}", label, kIndent)
                                              : std::string(static_cast<std::size_t>(kIndent), ' ');
    result += labelled_text(margin + std::string(family_title(one.architecture)), one.text,
                            kIndent + kFamilyIndent);
  }
  return result;
}

template <class Get>
std::vector<FamilyText> family_texts(const ExplainedSite& site, const Get& get) {
  std::vector<FamilyText> texts;
  for (const SiteInFamily& family : site.families) {
    texts.push_back({family.architecture, std::string(get(family))});
  }
  return texts;
}

std::string axes_lines(const ExplainedSite& site) {
  std::string text;
  for (const SiteAxis& axis : site_axes(site.kind)) {
    text += labelled_text(fmt::format("  {}", axis.name), axis.meaning, kIndent);
  }
  return text;
}

std::string direction_lines(const ExplainedSite& site, bool show_family) {
  std::string text;
  for (const SiteInFamily& family : site.families) {
    for (const SiteDirection& direction : site_directions(site.kind, family.architecture)) {
      std::string label = text.empty() ? "Directions" : "";
      const std::string title(show_family ? family_title(family.architecture) : "");
      text += labelled_text(
          fmt::format("{:<{}}{}", label, kIndent, title),
          for_coordinate(fmt::format("{}: {}, {}. In Hugging Face's files {}.", direction.name,
                                     direction.vector, direction.use, direction.weight),
                         site),
          kIndent + (show_family ? kFamilyIndent : 0));
    }
  }
  return text.empty() ? labelled_text("Directions", "none", kIndent) : text;
}

std::string identity_lines(const ExplainedSite& site, bool show_family) {
  std::string text;
  for (const std::string_view id : site_explanation(site.kind).identities) {
    const SiteIdentity& row = identity(id);
    const std::vector<FamilyText> texts = family_texts(site, [&](const SiteInFamily& family) {
      return identity_statement(row, family.architecture);
    });
    const bool same = std::ranges::all_of(
        texts, [&](const FamilyText& one) { return one.text == texts.front().text; });
    for (const FamilyText& one : texts) {
      if (one.text.empty()) continue;
      const std::string label =
          fmt::format("{:<{}}{}", text.empty() ? "Identities" : "", kIndent, id);
      const std::string title =
          same && texts.size() > 1 ? ""
                                   : std::string(show_family ? family_title(one.architecture) : "");
      text += labelled_text(label, title.empty() ? one.text : title + ": " + one.text, kIndent + 4);
      if (same) break;
    }
  }
  return text;
}

std::string name_lines(const ExplainedSite& site) {
  constexpr int kNameIndent = 46;
  std::string text = "\nNames in other libraries\n" +
                     labelled_text("  TransformerLens",
                                   std::string(site_explanation(site.kind).transformer_lens), 19);
  std::vector<std::string> shorthand;
  for (const HookAlias* row : aliases_of(site, true)) {
    if (row->library == "TransformerLens shorthand") shorthand.push_back(alias_name(*row, site));
  }
  if (!shorthand.empty()) {
    text += labelled_text("  shorthand", fmt::format("{}", fmt::join(shorthand, ", ")), 19);
  }
  std::string_view library;
  for (const HookAlias* row : aliases_of(site, true)) {
    if (row->library == "TransformerLens shorthand") continue;
    if (row->library != library) text += fmt::format("  {}\n", row->library);
    library = row->library;
    text += labelled_text("    " + alias_name(*row, site), alias_equation(*row, site), kNameIndent);
  }
  const std::vector<const HookAlias*> refused = aliases_of(site, false);
  if (!refused.empty()) text += "  near it, and not equal\n";
  for (const HookAlias* row : refused) {
    text += labelled_text("    " + alias_name(*row, site), alias_equation(*row, site), kNameIndent);
  }
  return text;
}

std::string trap_lines(const ExplainedSite& site) {
  std::string text;
  for (const std::string_view trap : site_explanation(site.kind).traps) {
    text += labelled_text("  *", trap, 4);
  }
  return text.empty() ? text : "\nTake care\n" + text;
}

std::string site_text(const ExplainedSite& site, bool color) {
  const SiteExplanation& row = site_explanation(site.kind);
  const bool show_family = site.families.size() > 1;
  // A site of one family says so, unless the model already did.
  const bool one_of_two = site.families.size() == 1 && !site.families.front().width &&
                          (row.gpt2_equation.empty() || row.llama_equation.empty());
  std::string text = painted(site.name, Paint::bold, color) + "\n\n";
  text += labelled_text("", row.meaning, 0) + "\n";
  if (one_of_two) {
    text += labelled_text(
        "Family", fmt::format("only {} has it", family_title(site.families.front().architecture)),
        kIndent);
  }
  const auto lines = [&](std::string_view label, const auto& get) {
    return family_lines(label, family_texts(site, get), show_family);
  };
  text += lines("Equation", [](const SiteInFamily& family) { return family.equation; });
  text += lines("Shape", [](const SiteInFamily& family) { return family.shape; });
  text += axes_lines(site);
  text += labelled_text("Place", row.place, kIndent);
  text += lines("  before it", [](const SiteInFamily& family) { return family.previous; });
  text += lines("  after it", [](const SiteInFamily& family) { return family.next; });
  text += labelled_text("Basis", basis_meaning(row.basis), kIndent);
  text += direction_lines(site, show_family);
  text += identity_lines(site, show_family);
  return text + name_lines(site) + trap_lines(site);
}

Json name_json(const HookAlias& row, const ExplainedSite& site) {
  return {{"library", row.library},
          {"name", alias_name(row, site)},
          {"equal", row.equal},
          {"equation", alias_equation(row, site)}};
}

Json family_json(const ExplainedSite& site, const SiteInFamily& family) {
  Json json;
  json["equation"] = family.equation;
  json["shape"] = family.shape;
  json["width"] = family.width ? Json(*family.width) : Json(nullptr);
  json["previous"] = family.previous.empty() ? Json(nullptr) : Json(family.previous);
  json["next"] = family.next.empty() ? Json(nullptr) : Json(family.next);
  json["directions"] = Json::array();
  for (const SiteDirection& direction : site_directions(site.kind, family.architecture)) {
    json["directions"].push_back({{"name", direction.name},
                                  {"vector", for_coordinate(direction.vector, site)},
                                  {"weight", for_coordinate(direction.weight, site)},
                                  {"use", for_coordinate(direction.use, site)}});
  }
  json["identities"] = Json::array();
  for (const std::string_view id : site_explanation(site.kind).identities) {
    const std::string_view statement = identity_statement(identity(id), family.architecture);
    if (!statement.empty()) json["identities"].push_back({{"id", id}, {"statement", statement}});
  }
  json["names"] = Json::array();
  for (const bool equal : {true, false}) {
    for (const HookAlias* row : aliases_of(site, equal)) {
      if (!row->architecture.empty() && row->architecture != family.architecture) continue;
      json["names"].push_back(name_json(*row, site));
    }
  }
  return json;
}

Json site_json(const ExplainedSite& site) {
  const SiteExplanation& row = site_explanation(site.kind);
  Json json;
  json["site"] = site.name;
  json["hook"] = site.hook;
  json["coordinate"] = site.coordinate ? Json(*site.coordinate) : Json(nullptr);
  json["position"] = site.position.empty() ? Json(nullptr) : Json(site.position);
  json["meaning"] = row.meaning;
  json["place"] = row.place;
  json["basis"] = basis_name(row.basis);
  json["basis_meaning"] = basis_meaning(row.basis);
  json["axes"] = Json::array();
  for (const SiteAxis& axis : site_axes(site.kind)) {
    json["axes"].push_back({{"name", axis.name}, {"meaning", axis.meaning}});
  }
  json["transformer_lens"] = row.transformer_lens;
  json["traps"] = row.traps;
  for (const SiteInFamily& family : site.families) {
    json["families"][family.architecture] = family_json(site, family);
  }
  return json;
}

std::string_view group_title(HookKind kind) {
  if (kind <= HookKind::pos_embed) return "Before the blocks";
  if (kind <= HookKind::attn_out) return "Block {l}: attention";
  if (kind <= HookKind::resid_post) return "Block {l}: MLP";
  return "After the blocks";
}

std::string list_text(const std::vector<ExplainedSite>& sites, bool color) {
  std::string text = "Hook points in the order in which the forward pass reaches them.\n";
  std::string_view group;
  for (const ExplainedSite& site : sites) {
    if (group_title(site.kind) != group) {
      group = group_title(site.kind);
      text += "\n" + painted(group, Paint::bold, color) + "\n";
    }
    const bool neuron = site_explanation(site.kind).basis == SiteBasis::neuron;
    const bool one_of_two = site.families.size() == 1 && !site.families.front().width &&
                            hook_point(site.kind).condition != SiteCondition::always;
    std::string shape = site.families.back().shape;
    if (neuron) shape += "  neurons";
    if (one_of_two) {
      shape += fmt::format("  {} only", family_title(site.families.front().architecture));
    }
    text += labelled_text("  " + site.hook, shape, 38);
    const auto texts =
        family_texts(site, [](const SiteInFamily& family) { return family.equation; });
    const bool same = texts.front().text == texts.back().text;
    for (const FamilyText& one : texts) {
      const std::string label =
          same ? "      =" : fmt::format("      {:<6} =", family_title(one.architecture));
      text += labelled_text(label, one.text, static_cast<int>(label.size()) + 1);
      if (same) break;
    }
  }
  return text +
         "\nW_in, W_gate and W_out are c_fc, none and c_proj in GPT-2, and up_proj,\n"
         "gate_proj and down_proj in Llama. gnomon explain SITE says all about one.\n";
}

bool looks_like_error_code(std::string_view what) {
  return what.size() >= 2 && (what[0] == 'E' || what[0] == 'e') &&
         std::all_of(what.begin() + 1, what.end(), [](char c) { return c >= '0' && c <= '9'; });
}

void explain_error_code(const Context& context, const std::string& what) {
  for (const ErrorCodeRow& row : error_code_table()) {
    if (row.name.substr(1) != what.substr(1)) continue;
    if (context.options.json) {
      context.out << dump_json(Json{{"code", row.name},
                                    {"kind", row.kind},
                                    {"exit", row.exit_status},
                                    {"meaning", row.meaning}});
    } else {
      context.out << painted(row.name, Paint::bold, context.color_out)
                  << fmt::format("  {}, exit status {}\n\n", row.kind, row.exit_status)
                  << labelled_text("", row.meaning, 0);
    }
    return;
  }
  throw ArgumentError(fmt::format("there is no error {}", quote(what)),
                      "gnomon help exit-codes   lists them");
}

Json term_json(const Term& term) {
  return {{"id", term.id},
          {"name", term.name},
          {"kind", term_kind_title(term.kind)},
          {"brief", term.brief},
          {"text", term.text},
          {"see", term.see},
          {"page", term.page.empty() ? Json(nullptr) : Json(term.page)}};
}

void explain_term(const Context& context, const Term& term) {
  if (context.options.json) {
    context.out << dump_json(term_json(term));
    return;
  }
  context.out << painted(term.name, Paint::bold, context.color_out) << "\n\n"
              << labelled_text("", term.brief, 0) << "\n"
              << labelled_text("", term.text, 0);
  if (!term.see.empty())
    context.out << "\n"
                << labelled_text("See also", fmt::format("{}", fmt::join(term.see, ", ")), kIndent);
  if (!term.page.empty()) context.out << labelled_text("Page", term.page, kIndent);
}

void explain_all_terms(const Context& context) {
  if (context.options.json) {
    Json terms = Json::array();
    for (const Term& term : glossary()) terms.push_back(term_json(term));
    context.out << dump_json(Json{{"terms", std::move(terms)}});
    return;
  }
  std::string_view kind;
  for (const Term& term : glossary()) {
    if (term_kind_title(term.kind) != kind) {
      if (!kind.empty()) context.out << "\n";
      kind = term_kind_title(term.kind);
      context.out << painted(kind, Paint::bold, context.color_out) << "\n";
    }
    context.out << labelled_text(fmt::format("  {}", term.id), term.brief, 22);
  }
  context.out << "\ngnomon explain WORD says more about one.\n";
}

void explain_run(const Context& context, const std::filesystem::path& folder,
                 const std::string& question) {
  const RunValues values(open_run(folder));
  const std::string name = question.empty() ? std::string(run_questions().front().name) : question;
  if (context.options.json) {
    Json lines = Json::array();
    for (const AnswerLine& line : run_answer(values, name))
      lines.push_back(
          {{"label", line.label.empty() ? Json(nullptr) : Json(line.label)}, {"text", line.text}});
    context.out << dump_json(
        Json{{"run", values.run().manifest.id}, {"question", name}, {"answer", std::move(lines)}});
    return;
  }
  const std::string text = run_answer_text(values, name);
  context.out << (context.text_style().unicode ? text : ascii_text(text));
  if (!question.empty()) return;
  context.out << "\nMore about this run, with --question:\n";
  for (const RunQuestion& row : run_questions().subspan(1))
    context.out << labelled_text(fmt::format("  {}", row.name), row.question, 23);
}

// The run that is meant; nothing where the word is none.
std::optional<std::filesystem::path> run_meant(const ExplainOptions& options) {
  if (!options.question.empty()) return resolve_run(options.what, options.runs_dir);
  if (options.what.starts_with("@")) return resolve_run(options.what, options.runs_dir);
  if (options.what.empty()) return std::nullopt;
  std::error_code none;  // a name may be too long for a file
  if (std::filesystem::exists(std::filesystem::path(options.what) / "run.json", none))
    return std::filesystem::path(options.what);
  for (const ListedRun& run : list_runs(options.runs_dir)) {
    if (run.path.filename().string().starts_with(options.what) ||
        (run.run && run.run->manifest.id.starts_with(options.what)))
      return resolve_run(options.what, options.runs_dir);
  }
  return std::nullopt;
}

void explain_sites(const Context& context, const std::vector<ExplainedSite>& sites, bool list) {
  if (context.options.json) {
    Json json = Json::array();
    for (const ExplainedSite& site : sites) json.push_back(site_json(site));
    context.out << dump_json(Json{{"sites", std::move(json)}});
    return;
  }
  if (list) {
    context.out << list_text(sites, context.color_out);
    return;
  }
  if (sites.size() > 1) {
    context.out << "The name means two sites, by model family.\n\n";
  }
  for (const ExplainedSite& site : sites) {
    if (&site != &sites.front()) context.out << "\n";
    if (sites.size() > 1) {
      std::vector<std::string_view> titles;
      for (const SiteInFamily& family : site.families)
        titles.push_back(family_title(family.architecture));
      context.out << fmt::format("{}: ", fmt::join(titles, ", "));
    }
    context.out << site_text(site, context.color_out);
  }
}

void run_explain(const Context& context, const ExplainOptions& options) {
  if (looks_like_error_code(options.what)) return explain_error_code(context, options.what);
  if (options.what == "words") return explain_all_terms(context);
  if (const auto run = run_meant(options)) return explain_run(context, *run, options.question);
  std::optional<ModelConfig> config;
  if (!options.model.empty()) config = Model::load(resolve_model(options.model)).config();
  const ModelConfig* model = config ? &*config : nullptr;
  if (options.what == "sites") return explain_sites(context, explain_all_sites(model), true);
  std::vector<ExplainedSite> sites;
  try {
    sites = explain_site_text(options.what, model);
  } catch (const ArgumentError&) {
    // A site's name goes before a word: `pattern` is both.
    if (const Term* term = find_term(options.what)) return explain_term(context, *term);
    throw;
  }
  explain_sites(context, sites, false);
}

}  // namespace

void add_explain_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App* command = app.add_subcommand(
      "explain", "Say what a site, word or error is; answer questions about a run");
  command->group(kStudyGroup);
  command
      ->add_option(
          "what", options->what,
          "A site, as Gnomon or another library names it, or sites for all of them; a word "
          "such as projection, or words for all; an error code such as E031; or a RUN")
      ->type_name("WHAT")
      ->required();
  add_model_option(*command, options->model)
      ->description("Show this model's sizes; without it every kind of family, without sizes");
  std::string questions = "About a RUN, ";
  for (const RunQuestion& question : run_questions()) {
    if (&question != &run_questions().front()) questions += ", ";
    questions += question.name;
  }
  command->add_option("--question", options->question, questions + "; the first unless given")
      ->type_name("NAME");
  command->add_option("--runs-dir", options->runs_dir, "The folder of runs, `runs` unless given")
      ->type_name("DIR");
  command->footer(
      "gnomon explain @last\n"
      "gnomon explain @last --question hidden-state\n"
      "gnomon explain projection\n"
      "gnomon explain 'blocks.8.mlp.hook_post[481]@last'\n"
      "gnomon explain transformer.h.8.mlp.act.out\n"
      "gnomon explain sites --model smollm2-135m\n"
      "gnomon explain E013");
  on_run(*command, context, [&context, options] { run_explain(context, *options); });
}

}  // namespace gnomon::cli
