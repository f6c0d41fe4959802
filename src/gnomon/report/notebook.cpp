// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/notebook.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <variant>

#include "gnomon/base/error.h"
#include "gnomon/report/detail/json_values.h"
#include "gnomon/report/detail/notebook_template.h"
#include "gnomon/report/stream_words.h"
#include "gnomon/report/study_files.h"
#include "gnomon/text/visible_text.h"

namespace gnomon {
namespace {

using detail::NotebookFacts;

constexpr std::string_view kProjectionsFile = "analysis/projections.json";

// `gnomon run` has its study among the analyses, `gnomon projections` among the data.
std::string study_file(const StoredRun& run) {
  for (const std::string name : {"analysis/study.safetensors", "data/activations.safetensors"}) {
    if (run.manifest.files.contains(name)) return name;
  }
  throw FileError(ErrorCode::not_found,
                  fmt::format("\"{}\" has no tensors of a study", run.path.string()));
}

std::string setting(const StoredRun& run, const std::vector<std::string>& keys,
                    std::string_view otherwise) {
  for (const ConfigEntry& entry : run.read_configuration()) {
    if (std::ranges::find(keys, entry.key) == keys.end()) continue;
    if (const auto* text = std::get_if<std::string>(&entry.value)) return *text;
    return config_value_text(entry.value);
  }
  return std::string(otherwise);
}

void add_run_facts(NotebookFacts& facts, const StoredRun& run, std::string_view execution_note) {
  facts.values["execution_note"] = execution_note;
  facts.values["run_id"] = run.manifest.id;
  facts.values["version"] = run.manifest.tool.version;
  // A user's name, inside backticks.
  std::string model = visible_text(run.manifest.model ? run.manifest.model->name : "unknown");
  std::ranges::replace(model, '`', '\'');
  facts.values["model"] = std::move(model);
}

std::string site_table(const Json& projections, const ModelConfig& config) {
  std::string table = "| projection | definition | read at |\n|---|---|---|\n";
  for (const Json& row : projections.at("directions")) {
    if (row.at("site").is_null()) continue;
    table += fmt::format("| `{}` | `{}` | {} |\n", row.at("name").get<std::string>(),
                         row.at("definition").get<std::string>(),
                         stream_words(row.at("site").get<std::string>(), config));
  }
  table.pop_back();
  return table;
}

// Python expressions of what an output ladder takes away, in the order of the stored rungs.
std::string removals(const StudyData& data) {
  const HookKind site = data.target.at.site.kind;
  const bool neuron = data.target.is_neuron();
  const bool parallel = data.config.parallel_block;
  std::vector<std::string> terms;
  if (neuron || site == HookKind::attn_out || site == HookKind::mlp_out)
    terms.emplace_back("(\"without earlier stream\", x0 @ w_out)");
  if (parallel && site == HookKind::attn_out)
    terms.emplace_back("(\"without MLP\", x2 @ w_out - x1 @ w_out)");
  if (neuron || site == HookKind::mlp_out)
    terms.emplace_back("(\"without attention\", x1 @ w_out - x0 @ w_out)");
  if (neuron) {
    if (data.config.norm == NormKind::layer_norm)
      terms.emplace_back("(\"without b_out\", study[\"neuron.output_bias\"] @ w_out)");
    terms.emplace_back(
        "(\"without other neurons\", (x2 - x1) @ w_out - study[\"neuron.output_bias\"] @ w_out\n"
        "            - study[\"post\"][test] * (w_out @ w_out))");
  }
  return fmt::format("[{}]", fmt::join(terms, ",\n           "));
}

// The vector and offset that the input ladder reads with.
std::string ladder_read(const StudyData& data) {
  if (!data.config.gated_mlp || data.target.kind == TargetKind::neuron_pre) return "w_read, b_read";
  if (data.target.kind == TargetKind::neuron_pre_linear) return "w_up, 0.0";
  return "c_gate * w_read + c_up * w_up, c_gate * b_read";
}

void add_conditions(NotebookFacts& facts, const StudyData& data) {
  const auto add = [&](bool holds, const char* name) {
    if (holds) facts.holds.insert(name);
  };
  const bool neuron = data.target.is_neuron();
  add(neuron, "neuron");
  add(!neuron, "stream");
  add(data.config.parallel_block, "parallel");
  add(!data.config.parallel_block, "sequential");
  add(data.config.gated_mlp, "gated");
  add(!data.config.gated_mlp, "plain");
  add(data.target.kind == TargetKind::neuron_post, "post");
  add(data.config.norm == NormKind::layer_norm, "layer_norm");
  add(data.config.norm == NormKind::rms_norm, "rms_norm");
  add(neuron && !data.neuron->norm_bias.empty(), "norm_bias");
  add(data.config.norm == NormKind::layer_norm || (neuron && data.neuron->read_bias != 0),
      "read_bias");
  const std::vector<double> write = data.write();
  add(std::ranges::any_of(write, [](double w) { return w != 0; }), "writes");
}

void add_study_facts(NotebookFacts& facts, const StudyData& data) {
  add_conditions(facts, data);
  const ModelConfig& config = data.config;
  const HookKind written = data.write_site().kind;
  const std::string stream = written == HookKind::resid_pre   ? "resid_pre"
                             : written == HookKind::resid_mid ? "resid_mid"
                                                              : "resid_post";
  auto& values = facts.values;
  values["target"] = site_at_name(data.target.at, config);
  values["mlp_stream"] = config.parallel_block ? "resid_pre" : "resid_mid";
  values["read_stream"] = config.parallel_block ? "x0" : "x1";
  values["ladder_streams"] =
      config.parallel_block
          ? "x0, x2 = (study[name][test] for name in (\"resid_pre\", \"resid_post\"))\n"
            "x1 = x0 + study[\"attn_out\"][test]  # no stream of this model: its MLP reads x0"
          : "x0, x1, x2 = (study[name][test] for name in (\"resid_pre\", \"resid_mid\", "
            "\"resid_post\"))";
  values["read_where"] = config.parallel_block ? "before" : "after";
  values["d_model"] = std::to_string(config.d_model);
  values["unit"] = std::to_string(data.target.index());
  values["activation"] = activation_name(config.activation);
  values["precision"] = precision_name(data.precision);
  values["read_symbol"] =
      fmt::format("{}[:, {}]", config.gated_mlp ? "W_gate" : "W_in", data.target.index());
  values["output_stream"] = fmt::format("study[\"{}\"]", stream);
  values["output_line"] =
      fmt::format("columns[\"output\"] = project(study[\"{}\"], w_out)", stream);
  values["write_site"] = site_name(data.write_site(), config);
  values["write_stream"] = written == HookKind::resid_pre   ? "x0"
                           : written == HookKind::resid_mid ? "x1"
                                                            : "x2";
  values["removals"] = removals(data);
  values["ladder_read"] = ladder_read(data);
}

void append(std::vector<NotebookCell>& cells, std::vector<NotebookCell> more) {
  std::ranges::move(more, std::back_inserter(cells));
}

// The title and its cells, with setup and reading behind the first cell.
Notebook assemble(std::string name, std::string_view source, const NotebookFacts& facts) {
  Notebook notebook{std::move(name), {}};
  std::vector<NotebookCell> own = detail::render_cells(source, facts);
  notebook.cells.push_back(std::move(own.front()));
  own.erase(own.begin());
  append(notebook.cells, detail::render_cells(detail::notebook_source("reading.py"), facts));
  append(notebook.cells, std::move(own));
  return notebook;
}

Notebook projection_notebook(const StoredRun& run, std::string_view execution_note) {
  const std::string file = study_file(run);
  const StudyData data = read_study(run.file(file)).data;
  const Json projections = run.read_json(kProjectionsFile);
  NotebookFacts facts;
  add_run_facts(facts, run, execution_note);
  add_study_facts(facts, data);
  if (run.manifest.files.contains(fmt::format("seeds/{}/evaluation.json", run.manifest.seed))) {
    facts.holds.insert("trained");
  }
  auto& values = facts.values;
  values["study_file"] = file;
  detail::read_results(kProjectionsFile, [&] {
    values["site_table"] = site_table(projections, data.config);
    Index n_defined = 0;
    for (const Json& row : projections.at("directions"))
      n_defined += row.at("site").is_null() ? 0 : 1;
    values["n_directions"] = std::to_string(n_defined);
    return 0;
  });
  values["n_bootstrap"] = setting(run, {"analysis.bootstrap", "evaluate.bootstrap"}, "2000");
  values["level"] = fmt::format(
      "{:g}", 100 * std::stod(setting(run, {"analysis.confidence", "evaluate.level"}, "0.95")));
  Notebook notebook =
      assemble("projection_analysis.ipynb", detail::notebook_source("projections.py"), facts);
  for (const char* part : {"significance.py", "explanations.py"})
    append(notebook.cells, detail::render_cells(detail::notebook_source(part), facts));
  return notebook;
}

// A notebook that reads one file of results.
Notebook results_notebook(const StoredRun& run, const std::string& name, std::string_view source,
                          std::string_view results, std::string_view execution_note) {
  NotebookFacts facts;
  add_run_facts(facts, run, execution_note);
  const Json json = run.read_json(results);
  facts.values["target"] =
      detail::read_results(results, [&] { return json.at("target").get<std::string>(); });
  return assemble(name, detail::notebook_source(source), facts);
}

Json source_lines(const std::string& source) {
  Json lines = Json::array();
  std::size_t at = 0;
  while (at < source.size()) {
    const std::size_t end = source.find('\n', at);
    const std::size_t next = end == std::string::npos ? source.size() : end + 1;
    lines.push_back(source.substr(at, next - at));
    at = next;
  }
  return lines;
}

Json cell_json(const NotebookCell& cell) {
  Json metadata = Json::object();
  if (!cell.tags.empty()) metadata["tags"] = cell.tags;
  Json json;
  json["cell_type"] = cell.is_code ? "code" : "markdown";
  if (cell.is_code) json["execution_count"] = nullptr;
  json["id"] = cell.id;
  json["metadata"] = std::move(metadata);
  if (cell.is_code) json["outputs"] = Json::array();
  json["source"] = source_lines(cell.source);
  return json;
}

}  // namespace

Json notebook_json(const Notebook& notebook) {
  Json json;
  json["cells"] = Json::array();
  for (const NotebookCell& cell : notebook.cells) json["cells"].push_back(cell_json(cell));
  json["metadata"] = {
      {"kernelspec", {{"display_name", "Python 3"}, {"language", "python"}, {"name", "python3"}}},
      {"language_info", {{"file_extension", ".py"}, {"name", "python"}}}};
  json["nbformat"] = 4;
  json["nbformat_minor"] = 5;
  return json;
}

std::vector<Notebook> run_notebooks(const StoredRun& run, std::string_view execution_note) {
  std::vector<Notebook> notebooks;
  const auto has = [&](std::string_view name) {
    return run.manifest.files.contains(std::string(name));
  };
  if (has(kProjectionsFile)) notebooks.push_back(projection_notebook(run, execution_note));
  if (has("analysis/weights.json")) {
    notebooks.push_back(results_notebook(run, "linear_weights_analysis.ipynb", "weights.py",
                                         "analysis/weights.json", execution_note));
  }
  if (has("analysis/patch.json")) {
    notebooks.push_back(results_notebook(run, "activation_patching.ipynb", "patching.py",
                                         "analysis/patch.json", execution_note));
  }
  return notebooks;
}

std::string not_executed_note(std::string_view why) {
  return fmt::format(
      "**This notebook was not executed: {}.** It has no outputs. \"Restart and run all\" in "
      "Jupyter computes them from the run beside this file.",
      why);
}

}  // namespace gnomon
