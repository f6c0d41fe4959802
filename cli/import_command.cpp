// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/resolve_model.h"
#include "cli/run_records.h"
#include "gnomon/analyses/original_run.h"
#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/kernels/matmul.h"
#include "gnomon/report/import_files.h"
#include "gnomon/report/import_text.h"
#include "gnomon/report/run_directory.h"

namespace gnomon::cli {
namespace {

struct ImportOptions {
  std::string folder;
  std::string model;
  std::string out;
};

RunSettings run_settings(const Context& context, const ImportOptions& options,
                         const ImportedRun& imported) {
  const OriginalRun& run = imported.run;
  const std::string target = import_target_name(run);
  RunSettings settings = command_settings(context, Precision::float32);
  settings.id_words = {"import", target.empty() ? "unknown" : target,
                       fmt::format("s{}", context.options.seed)};
  settings.configuration = {
      {"command", std::string("import"), "command line"},
      {"model.path", options.model.empty() ? run.base_model : options.model,
       options.model.empty() ? "the imported run" : "--model"},
      {"target.unit", target, "the imported run"},
      {"data.source", run.folder.filename().string(), "command line"},
      {"reporter.head", run.head_type, "the imported run"},
      {"train.unfreeze", run.unfreeze_strategy, "the imported run"},
  };
  return settings;
}

void write_run(const Context& context, const ImportOptions& options, const ImportedRun& imported,
               const Model* model, const std::string& shown) {
  RunDirectory run = RunDirectory::create(options.out, run_settings(context, options, imported));
  try {
    run.add_varying_file("console.log");
    if (model != nullptr) run.set_model(model_record(*model));
    const auto n_distinct = static_cast<std::uint64_t>(imported.audit.n_distinct);
    run.set_data({sha256_file(imported.run.folder / imported.run.data_file),
                  imported.run.rows.size(), n_distinct, n_distinct});
    run.stage("import", [&] {
      run.write_json("import.json", import_json(imported));
      run.write_csv("analysis/findings.csv", findings_csv(imported));
      run.write_csv("data/rows.csv", import_rows_csv(imported));
      run.write_text("data/prompts.jsonl", import_prompts_jsonl(imported));
      run.write_json(kSummaryFile, summary_json(import_summary(imported)));
    });
    write_file_atomic(run.path() / "console.log", shown);
    run.finish();
  } catch (const std::exception& error) {
    run.fail(error);
    throw;
  }
}

void run_import(const Context& context, const ImportOptions& options) {
  ImportedRun imported;
  // A trailing slash would leave the run without a name.
  const std::filesystem::path given = std::filesystem::path(options.folder).lexically_normal();
  imported.run = read_original_run(given.has_filename() ? given : given.parent_path());
  imported.audit = audit_original_run(imported.run);
  imported.findings = find_defects(imported.run, imported.audit);
  std::optional<Model> model;
  if (!options.model.empty()) {
    model = Model::load(resolve_model(options.model));
    Progress progress = context.progress("Measure", 0, "tokens");
    RunOptions run_options;
    run_options.progress = progress.callback();
    imported.remeasured = remeasure_original_run(*model, imported.run, run_options);
    progress.finish();
  }
  const std::string shown = import_text(imported, context.text_style());
  if (!options.out.empty()) {
    write_run(context, options, imported, model ? &*model : nullptr, shown);
  }
  if (context.options.json) {
    context.out << dump_json(import_json(imported));
    return;
  }
  context.out << shown;
  if (!options.out.empty()) context.out << "\nRun: " << options.out << "\n";
}

}  // namespace

void add_import_command(CLI::App& app, Context& context) {
  auto options = std::make_shared<ImportOptions>();
  CLI::App* command =
      app.add_subcommand("import", "Read a run of the original study and audit it again");
  command->group(kRunsGroup);
  command
      ->add_option("DIR", options->folder,
                   "The run's folder, with datasets, models and introspection_summary_*.json")
      ->type_name("DIR")
      ->required();
  add_model_option(*command, options->model)
      ->description(
          "The run's base model, to measure labels and projections again: a name that "
          "`gnomon model list` shows, a folder or a .gguf file");
  command
      ->add_option("--out", options->out,
                   "Write a run directory, which runs, compare and --texts read")
      ->type_name("RUN");
  command->footer(
      "gnomon import old/regression-none-500\n"
      "gnomon import old/regression-none-500 --out audited --json\n"
      "gnomon import old/regression-none-500 --model gpt2");
  on_run(*command, context, [&context, options] { run_import(context, *options); });
}

}  // namespace gnomon::cli
