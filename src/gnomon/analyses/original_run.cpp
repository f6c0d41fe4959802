// SPDX-License-Identifier: Apache-2.0
#include "gnomon/analyses/original_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <initializer_list>
#include <utility>

#include "gnomon/analyses/detail/original_text_files.h"
#include "gnomon/analyses/detail/python_json.h"
#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/quote.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostEntries = 4096;
constexpr int kDeepestFolder = 4;
constexpr std::size_t kLargestJson = std::size_t{64} << 20;
constexpr double kSameNumber = 1e-9;  // relative, between two copies of a number

// A regular file inside the run.
struct Entry {
  std::string path;  // with slashes
  std::string name;
  bool used = false;
};

bool matches(std::string_view name, std::string_view prefix, std::string_view suffix) {
  return name.size() >= prefix.size() + suffix.size() && name.starts_with(prefix) &&
         name.ends_with(suffix);
}

// Files whose content is not read: pictures, notebooks and numbers of monitoring.
bool is_known_but_unread(std::string_view name) {
  return name.ends_with(".png") || name.ends_with(".ipynb") || name == "gradient_data.json" ||
         name == ".DS_Store" || matches(name, "learning_curves_", ".json");
}

const Json* member(const Json& object, std::initializer_list<const char*> path) {
  const Json* at = &object;
  for (const char* key : path) {
    if (!at->is_object()) return nullptr;
    const auto found = at->find(key);
    if (found == at->end()) return nullptr;
    at = &*found;
  }
  return at;
}

std::optional<double> number(const Json* value) {
  if (value == nullptr || !value->is_number()) return std::nullopt;
  const auto read = value->get<double>();
  return std::isfinite(read) ? std::optional(read) : std::nullopt;
}

std::optional<Index> integer(const Json* value) {
  const auto read = number(value);
  constexpr double kLargest = 1e15;
  if (!read || *read != std::floor(*read) || std::abs(*read) > kLargest) return std::nullopt;
  return static_cast<Index>(*read);
}

std::string text(const Json* value) {
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

std::vector<std::optional<double>> numbers(const Json* value) {
  std::vector<std::optional<double>> read;
  if (value == nullptr || !value->is_array()) return read;
  for (const Json& item : *value) read.push_back(number(&item));
  return read;
}

class Reader {
 public:
  explicit Reader(const fs::path& folder) { run_.folder = folder; }

  OriginalRun read() && {
    list_files();
    read_summary();
    read_data_set();
    read_models();
    read_training();
    read_predictions();
    read_activation_data();
    read_analyses();
    read_log();
    read_report();
    check_stored_paths();
    note_foreign_files();
    return std::move(run_);
  }

 private:
  void note(OriginalFileState state, std::string path, std::string what) {
    run_.notes.push_back({state, std::move(path), std::move(what)});
  }

  void list_files() {
    std::error_code error;
    if (!fs::is_directory(run_.folder, error)) {
      throw FileError(ErrorCode::not_found,
                      fmt::format("\"{}\": no such folder", run_.folder.string()),
                      "expected a run directory of the original study");
    }
    std::size_t n_entry = 0;
    fs::recursive_directory_iterator at(run_.folder, fs::directory_options::none, error);
    if (error) {
      throw FileError(ErrorCode::unreadable,
                      fmt::format("\"{}\": {}", run_.folder.string(), error.message()));
    }
    for (const fs::recursive_directory_iterator end; at != end; at.increment(error)) {
      if (error) {
        throw FileError(ErrorCode::unreadable,
                        fmt::format("\"{}\": {}", run_.folder.string(), error.message()));
      }
      if (++n_entry > kMostEntries) {
        throw FileError(fmt::format("\"{}\": more than {} files and folders, expected one run",
                                    run_.folder.string(), kMostEntries));
      }
      if (at.depth() >= kDeepestFolder) at.disable_recursion_pending();
      const fs::file_status status = at->symlink_status(error);
      const std::string path = at->path().lexically_relative(run_.folder).generic_string();
      if (fs::is_regular_file(status)) {
        files_.push_back({path, at->path().filename().string()});
      } else if (!fs::is_directory(status)) {
        note(OriginalFileState::foreign, path, "a link or device, which is not followed");
      }
    }
    // The order of a folder differs between file systems.
    std::ranges::sort(files_, {}, &Entry::path);
  }

  std::vector<Entry*> find(const std::function<bool(const Entry&)>& wanted) {
    std::vector<Entry*> found;
    for (Entry& file : files_) {
      if (wanted(file)) found.push_back(&file);
    }
    return found;
  }

  // The one file of that kind; a note where there is none or there are several.
  Entry* find_one(const std::string& what, bool required,
                  const std::function<bool(const Entry&)>& wanted) {
    const std::vector<Entry*> found = find(wanted);
    for (Entry* file : found) file->used = true;
    if (found.empty()) {
      if (required) note(OriginalFileState::missing, what, "every run has this file");
      return nullptr;
    }
    if (found.size() > 1) {
      note(OriginalFileState::contradictory, found[1]->path,
           fmt::format("{} files of this kind, expected one; {} is read", found.size(),
                       quote(found[0]->path)));
    }
    return found[0];
  }

  // Runs `body`; a file that is not of its format becomes a note.
  void guarded(const Entry& file, const std::function<void()>& body) {
    try {
      body();
    } catch (const FileError& e) {
      note(OriginalFileState::unreadable, file.path, e.what());
    } catch (const UnsupportedError& e) {
      note(OriginalFileState::unreadable, file.path, e.what());
    }
  }

  Json read_json(const Entry* file) {
    Json value;
    if (file == nullptr) return value;
    guarded(*file, [&] {
      detail::PythonJson read = detail::parse_python_json(
          read_text_file(run_.folder / file->path, kLargestJson), file->path);
      if (read.n_not_finite > 0) {
        note(OriginalFileState::not_finite, file->path,
             fmt::format("{} numbers are NaN or infinite, the first at byte {}", read.n_not_finite,
                         read.first_not_finite));
      }
      if (!read.value.is_object())
        throw FileError(fmt::format("\"{}\": not an object", file->path));
      value = std::move(read.value);
    });
    return value;
  }

  // Files say the same thing several times: the first one that has it counts, and another value in
  // a later file is noted.
  template <class T>
  void settle(T& kept, const T& found, const char* what, const std::string& where) {
    if (found == T()) return;
    if (kept == T()) {
      kept = found;
    } else if (kept != found) {
      note(OriginalFileState::contradictory, where,
           fmt::format("another {} than in the files before it", what));
    }
  }

  void read_summary() {
    Entry* file = find_one("introspection_summary_*.json", true, [](const Entry& f) {
      return matches(f.path, "introspection_summary_", ".json");
    });
    run_.summary = read_json(file);
    if (!run_.summary.is_object()) return;
    const Json& json = run_.summary;
    run_.layer = integer(member(json, {"target", "layer"}));
    run_.index = integer(member(json, {"target", "neuron"}));
    run_.layer_type = text(member(json, {"target", "layer_type"}));
    run_.token_position = text(member(json, {"target", "token_position"}));
    run_.head_type = text(member(json, {"training", "head_type"}));
    run_.feature_layer = integer(member(json, {"training", "feature_layer"}));
    run_.unfreeze_strategy = text(member(json, {"training", "unfreeze_strategy"}));
    run_.batch_size = integer(member(json, {"training", "batch_size"}));
    run_.epochs = integer(member(json, {"training", "epochs"}));
    run_.learning_rate = number(member(json, {"training", "learning_rate"}));
  }

  void read_data_set() {
    const std::vector<Entry*> found = find([](const Entry& f) {
      return matches(f.path, "datasets/", ".csv") && f.path.find('/', 9) == std::string::npos;
    });
    if (found.empty()) {
      throw FileError(
          fmt::format("\"{}\": no file datasets/*.csv, so that it is no run directory of the "
                      "original study",
                      run_.folder.string()),
          "the folder to give holds datasets, models and introspection_summary_*.json");
    }
    if (found.size() > 1) {
      throw FileError(fmt::format("\"{}\": {} data sets, {} and {} among them, expected one",
                                  run_.folder.string(), found.size(), quote(found[0]->name),
                                  quote(found[1]->name)));
    }
    found[0]->used = true;
    run_.data_file = found[0]->path;
    run_.rows = detail::read_original_rows(run_.folder / run_.data_file);

    Entry* file = find_one("datasets/*_metadata.json", true, [](const Entry& f) {
      return matches(f.path, "datasets/", "_metadata.json");
    });
    const Json json = read_json(file);
    if (!json.is_object()) return;
    settle(run_.layer, integer(member(json, {"layer"})), "layer", file->path);
    settle(run_.index, integer(member(json, {"neuron_idx"})), "index", file->path);
    settle(run_.layer_type, text(member(json, {"layer_type"})), "layer type", file->path);
    run_.num_bins = integer(member(json, {"num_bins"}));
    run_.max_length = integer(member(json, {"dataset_info", "max_length"}));
    const auto rows = integer(member(json, {"num_samples"}));
    if (rows && *rows != std::ssize(run_.rows)) {
      note(OriginalFileState::contradictory, file->path,
           fmt::format("{} samples, but the data set has {} rows", *rows, run_.rows.size()));
    }
    check_label_mean(json, *file);
  }

  void check_label_mean(const Json& metadata, const Entry& file) {
    const auto mean = number(member(metadata, {"activation_stats", "mean"}));
    if (!mean) return;
    double sum = 0;
    for (const OriginalRow& row : run_.rows) sum += row.activation;
    const double found = sum / static_cast<double>(run_.rows.size());
    // The stored mean is of float32 values, added in double.
    if (std::abs(found - *mean) <= kSameNumber * std::max(1.0, std::abs(*mean))) return;
    note(OriginalFileState::contradictory, file.path,
         fmt::format("mean activation {}, but the rows of the data set have {}", *mean, found));
  }

  void read_models() {
    Entry* config = find_one("models/*/best_model/config.json", true, [](const Entry& f) {
      return matches(f.path, "models/", "/best_model/config.json");
    });
    const Json json = read_json(config);
    if (json.is_object()) {
      settle(run_.layer, integer(member(json, {"target_layer"})), "layer", config->path);
      settle(run_.index, integer(member(json, {"target_neuron"})), "index", config->path);
      settle(run_.layer_type, text(member(json, {"layer_type"})), "layer type", config->path);
      settle(run_.head_type, text(member(json, {"head_type"})), "head type", config->path);
      settle(run_.feature_layer, integer(member(json, {"feature_layer"})), "feature layer",
             config->path);
      settle(run_.token_position, text(member(json, {"token_pos"})), "token position",
             config->path);
      run_.base_model = text(member(json, {"base_model_name"}));
      run_.d_model = integer(member(json, {"d_model"}));
    }
    if (run_.base_model.empty()) run_.base_model = text(member(run_.summary, {"model"}));
    find_one("models/*/final_model/config.json", true,
             [](const Entry& f) { return matches(f.path, "models/", "/final_model/config.json"); });
    run_.best_head = read_head("best_model");
    run_.final_head = read_head("final_model");
  }

  std::optional<OriginalHead> read_head(const std::string& which) {
    std::optional<OriginalHead> head;
    Entry* file = find_one("models/*/" + which + "/head.pt", true, [&](const Entry& f) {
      return matches(f.path, "models/", "/" + which + "/head.pt");
    });
    if (file == nullptr) return head;
    guarded(*file, [&] {
      const fs::path path = run_.folder / file->path;
      head = OriginalHead{file->path, sha256_file(path), read_torch_archive(path)};
    });
    return head;
  }

  void read_training() {
    Entry* file = find_one("models/*/training_metrics.json", true, [](const Entry& f) {
      return matches(f.path, "models/", "/training_metrics.json");
    });
    const Json json = read_json(file);
    if (!json.is_object()) return;
    OriginalTraining& training = run_.training.emplace();
    training.train_loss = numbers(member(json, {"train_loss"}));
    training.val_loss = numbers(member(json, {"val_loss"}));
    training.train = metrics(member(json, {"train_metrics"}));
    training.val = metrics(member(json, {"val_metrics"}));
    training.best_epoch = integer(member(json, {"best_epoch"}));
    training.best_val_loss = number(member(json, {"best_val_loss"}));
    training.seconds = number(member(json, {"train_time"}));
    const std::size_t n = training.train_loss.size();
    if (n == 0 || training.val_loss.size() != n || training.train.size() != n ||
        training.val.size() != n) {
      note(OriginalFileState::unreadable, file->path,
           fmt::format("{} training losses, {} validation losses, {} and {} metrics, expected as "
                       "many of each",
                       n, training.val_loss.size(), training.train.size(), training.val.size()));
      run_.training.reset();
      return;
    }
    if (training.best_epoch &&
        (*training.best_epoch < 1 || *training.best_epoch > std::ssize(training.train_loss))) {
      note(OriginalFileState::contradictory, file->path,
           fmt::format("best epoch {} of {}", *training.best_epoch, n));
      training.best_epoch.reset();
    }
    settle(run_.unfreeze_strategy, text(member(json, {"unfreezing", "strategy"})),
           "unfreezing strategy", file->path);
  }

  static std::vector<OriginalMetrics> metrics(const Json* list) {
    std::vector<OriginalMetrics> read;
    if (list == nullptr || !list->is_array()) return read;
    for (const Json& item : *list) {
      read.push_back({number(member(item, {"mse"})), number(member(item, {"mae"})),
                      number(member(item, {"r2_score"}))});
    }
    return read;
  }

  void read_predictions() {
    Entry* file = find_one("models/*/prediction_samples_test_*.csv", true, [](const Entry& f) {
      return matches(f.name, "prediction_samples_test_", ".csv") && f.path.starts_with("models/");
    });
    if (file == nullptr) return;
    guarded(*file, [&] {
      run_.predictions = detail::read_original_predictions(run_.folder / file->path);
    });
  }

  void read_activation_data() {
    Entry* file = find_one("activation_data.json", false,
                           [](const Entry& f) { return f.name == "activation_data.json"; });
    const Json json = read_json(file);
    if (!json.is_object()) return;
    const auto all = [&](const char* key) -> std::optional<std::vector<double>> {
      std::vector<double> values;
      for (const auto& value : numbers(member(json, {key}))) {
        if (!value) return std::nullopt;
        values.push_back(*value);
      }
      return values.empty() ? std::nullopt : std::optional(std::move(values));
    };
    run_.initial_activations = all("initial_activations");
    run_.final_activations = all("final_activations");
    run_.stored_kl = number(member(json, {"comparison_statistics", "kl_divergence"}));
    if (!run_.initial_activations || !run_.final_activations) {
      note(OriginalFileState::unreadable, file->path,
           "initial_activations or final_activations is not a list of finite numbers");
    }
  }

  void read_analyses() {
    run_.weights_analysis =
        read_json(find_one("mech_interp_weights_analysis_results.json", false, [](const Entry& f) {
          return f.path == "mech_interp_weights_analysis_results.json";
        }));
    run_.projections =
        read_json(find_one("projection_analysis_results_*.json", false, [](const Entry& f) {
          return matches(f.path, "projection_analysis_results_", ".json");
        }));
  }

  void read_log() {
    Entry* file = find_one("introspection_log_*.log", true, [](const Entry& f) {
      return matches(f.path, "introspection_log_", ".log");
    });
    if (file == nullptr) return;
    guarded(*file, [&] { run_.log = detail::read_original_log(run_.folder / file->path); });
  }

  void read_report() {
    Entry* file = find_one("introspection_report_*.txt", true, [](const Entry& f) {
      return matches(f.path, "introspection_report_", ".txt");
    });
    if (file == nullptr) return;
    guarded(*file, [&] {
      const detail::OriginalReport report = detail::read_original_report(run_.folder / file->path);
      run_.report_mean_error = report.mean_error;
      run_.report_error_sd = report.error_sd;
    });
  }

  // Paths in JSON are those of the author's machine and of a folder that was renamed later.
  void check_stored_paths() {
    const auto check = [&](const std::string& where, const std::string& stored) {
      if (stored.empty()) return;
      const std::string name = stored.substr(stored.find_last_of("/\\") + 1);
      const bool there = std::ranges::any_of(files_, [&](const Entry& f) {
        return f.name == name || f.path.find("/" + name + "/") != std::string::npos;
      });
      note(OriginalFileState::stale_path, where,
           fmt::format("{}: {}", quote(name),
                       there ? "the file of that name in this run is taken"
                             : "no file of that name is in this run"));
    };
    const std::string summary = "introspection_summary_*.json";
    for (const auto& path :
         {std::pair{"dataset", "csv_path"}, std::pair{"dataset", "metadata_path"},
          std::pair{"results", "report_path"}, std::pair{"results", "figure_path"}})
      check(summary, text(member(run_.summary, {path.first, path.second})));
    check("mech_interp_weights_analysis_results.json",
          text(member(run_.weights_analysis, {"model_path"})));
  }

  void note_foreign_files() {
    for (const Entry& file : files_) {
      if (!file.used && !is_known_but_unread(file.name))
        note(OriginalFileState::foreign, file.path, "no file of a run; it was not read");
    }
  }

  OriginalRun run_;
  std::vector<Entry> files_;
};

}  // namespace

const Tensor<float>* OriginalHead::find(std::string_view name) const {
  for (const TorchTensor& tensor : tensors) {
    if (tensor.name == name) return &tensor.tensor;
  }
  return nullptr;
}

OriginalRun read_original_run(const std::filesystem::path& folder) { return Reader(folder).read(); }

}  // namespace gnomon
