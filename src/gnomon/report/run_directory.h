// SPDX-License-Identifier: Apache-2.0
// in: the results of a command   out: a folder of them that names what it holds,
// docs/formats/run_directory.md
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/base/json.h"
#include "gnomon/report/csv.h"
#include "gnomon/report/resolved_config.h"
#include "gnomon/report/run_id.h"
#include "gnomon/report/run_manifest.h"
#include "gnomon/report/run_stages.h"

namespace gnomon {

// What is known when a command starts.
struct RunSettings {
  std::vector<std::string> id_words;  // of run_id: model, unit, seed
  RunManifest manifest;  // argv as typed; id, hash, status, stages and files are filled in
  std::vector<ConfigEntry> configuration;
  WallClock started{};
  std::string home;  // "~" in what is stored: argv, configuration, model name, errors; may be empty
};

// The writer of a run directory. From creation on, run.json says "running"; it ends as "done",
// "failed" or "interrupted". Every file is written beside its name and renamed, so that none is
// ever half there, and one writer at a time has the folder. For one thread.
//
// Files with the same content in two runs of the same command have their SHA-256 in run.json; those
// that differ by nature (times, the console) are named there as varying.
class RunDirectory {
 public:
  // The run at `folder`, which is new or empty, or holds a run of the same configuration that
  // failed, was interrupted or was killed: its files are removed and it is done again. Throws
  // ArgumentError for anything else that stands there and where another process is writing the run.
  static RunDirectory create(const std::filesystem::path& folder, RunSettings settings);

  // The run in a new folder run_folder_name(...) of `runs_folder`, with "-2", "-3", ... appended
  // where that name is taken.
  static RunDirectory create_in(const std::filesystem::path& runs_folder, RunSettings settings);

  // As create(), but a run of a command that continues runs goes on: its files stay, and
  // stage_if_stale() does only what is stale. A run can go on where its id has the same words,
  // whatever its configuration and end, and at least one of its stages has inputs. Throws
  // ArgumentError for another run and where another process is writing it.
  static RunDirectory open_or_create(const std::filesystem::path& folder, RunSettings settings);

  // A run that was not finished becomes "failed".
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  const std::filesystem::path& path() const;
  const RunManifest& manifest() const;

  // Runs `body` as a stage of that name. Where it throws, the run ends as by fail() and the
  // exception goes on.
  void stage(const std::string& name, const std::function<void()>& body);

  // The same for a stage whose outputs are kept where they are fresh: then `body` is not run and
  // the result is false. A stage is fresh where it was done with the same inputs, and every file it
  // wrote is as it was. Otherwise its files are removed, except those of resumable_path() where the
  // inputs are the same, and `body` runs. Stages that read the outputs of this one notice by its
  // inputs and the hashes of its outputs. What `body` writes belongs to the stage; no other stage
  // may write it. Throws InternalError inside another such stage and where an upstream stage is not
  // done.
  bool stage_if_stale(const StageSpec& spec, const std::function<void()>& body);
  bool stage_is_fresh(const StageSpec& spec) const;
  // Why it is not fresh: "its inputs have changed". Nothing where it is.
  std::optional<std::string> why_stale(const StageSpec& spec) const;

  // Where another module may write a file of the open stage; add_file() follows once it is whole.
  // Naming it before it is written lets the run find it when this process is killed in between.
  std::filesystem::path output_path(std::string_view relative);
  // The same for a file from which the stage can go on, such as a checkpoint: it is still there
  // when the stage is done again with the same inputs. Everything that going on needs has to be
  // resumable, also a log. Such a file goes when the stage is done, unless add_file() was called.
  std::filesystem::path resumable_path(std::string_view relative);

  void set_model(ModelRecord model);
  void set_data(DataRecord data);

  // `relative` is a path inside the run, with slashes. write_json puts "$schema" first into an
  // object whose file has a schema in assets/schema. Throw FileError (write_failed), the file then
  // being as before.
  void write_json(std::string_view relative, Json value);
  void write_text(std::string_view relative, std::string_view text);
  void write_csv(std::string_view relative, const CsvTable& table);

  // Takes note of a file that another module wrote at path()/relative. Throws FileError where it is
  // missing or is a link out of the run.
  void add_file(std::string_view relative);

  // Takes note of a file whose content differs from run to run, such as console.log; the caller
  // writes it, at any time.
  void add_varying_file(std::string_view relative);

  // Ends the run: failed where checks did not pass, else done. Nothing can be written afterwards.
  // Files and stages of an earlier, continued run that this one did not come to are removed.
  void finish(RunStatus status = RunStatus::done);

  // Ends the run as interrupted for Error (interrupted), else as failed, and stores what went
  // wrong. Does nothing after the end of the run; a folder that cannot be written keeps its last
  // state.
  void fail(const std::exception& error) noexcept;

 private:
  struct State;
  explicit RunDirectory(std::unique_ptr<State> state);
  void run_stage(const std::string& name, const std::function<void()>& body);
  std::unique_ptr<State> state_;
};

// A run directory, as it was read.
struct StoredRun {
  std::filesystem::path path;
  RunManifest manifest;
  bool being_written = false;  // false with status running: the writer was killed

  // The place of a file that the run lists. Throws FileError (not found) where it lists no such
  // file.
  std::filesystem::path file(std::string_view relative) const;
  // Throws FileError also where the content is not the one that was written.
  Json read_json(std::string_view relative) const;
  std::vector<ConfigEntry> read_configuration() const;
};

// Throws FileError (not found) where there is no run, Error (incompatible) where a newer Gnomon
// wrote it, FileError where run.json is not valid.
StoredRun open_run(const std::filesystem::path& folder);

// The folder that a user means: a path, "@last" (the run of `runs_folder` that started last), or
// the beginning of one folder's name or of one run's id in `runs_folder`. Throws FileError (not
// found) with the nearest name, and ArgumentError where several runs begin like that.
std::filesystem::path resolve_run(std::string_view run, const std::filesystem::path& runs_folder);

}  // namespace gnomon
