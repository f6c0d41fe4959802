// SPDX-License-Identifier: Apache-2.0
#include "gnomon/train/train_checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/kernels/dequantize.h"
#include "gnomon/tensor/safetensors.h"
#include "gnomon/train/option_names.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

constexpr int kCheckpointSchema = 1;

template <class T>
constexpr Dtype dtype_of() {
  return std::is_same_v<T, float> ? Dtype::f32 : Dtype::f64;
}

template <class T>
StoredTensor stored_values(std::string name, std::vector<Index> shape, std::span<const T> values) {
  return {std::move(name), dtype_of<T>(), std::move(shape), std::as_bytes(values)};
}

template <class T>
void read_values(const SafetensorsFile& file, const std::string& name,
                 const std::vector<Index>& shape, std::span<T> to) {
  const StoredTensor* tensor = file.find(name);
  if (tensor == nullptr) {
    throw FileError(fmt::format("\"{}\": tensor \"{}\" is missing", file.path().string(), name));
  }
  if (tensor->shape != shape) {
    throw FileError(fmt::format("\"{}\": tensor \"{}\" has shape {}, expected {}",
                                file.path().string(), name, shape_text(tensor->shape),
                                shape_text(shape)));
  }
  dequantize<T>(to, tensor->dtype, tensor->bytes);
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (!std::isfinite(to[i])) {
      throw FileError(fmt::format("\"{}\": tensor \"{}\" is not finite at element {}",
                                  file.path().string(), name, i));
    }
  }
}

template <class T>
void write_model_tensors(const ReportModel<T>& model, const fs::path& folder) {
  std::vector<StoredTensor> tensors;
  for (const auto& [key, entry] : model.parameters().entries())
    tensors.push_back(stored_values<T>(entry.row.name, entry.row.shape, entry.values.values()));
  write_safetensors(folder / "parameters.safetensors", tensors, {});
  if (!model.lora()) return;
  tensors.clear();
  for (const LoraMatrix<T>& matrix : model.lora()->matrices()) {
    tensors.push_back(
        stored_values<T>(matrix.row.name + ".lora_A", matrix.a.shape(), matrix.a.values()));
    tensors.push_back(
        stored_values<T>(matrix.row.name + ".lora_B", matrix.b.shape(), matrix.b.values()));
  }
  write_safetensors(folder / "lora.safetensors", tensors, {});
}

template <class Optimizer>
void add_moments(const Optimizer* optimizer, const typename Optimizer::State& state,
                 std::vector<StoredTensor>& tensors) {
  using T = std::remove_cvref_t<decltype(state.first.front().front())>;
  for (std::size_t i = 0; i < state.first.size(); ++i) {
    const std::string& name = optimizer->tensors()[i].name;
    const auto add = [&](const std::string& kind, const std::vector<T>& values) {
      if (values.empty()) return;
      tensors.push_back(stored_values<T>(kind + "." + name, {static_cast<Index>(values.size())},
                                         std::span<const T>(values)));
    };
    add("first", state.first[i]);
    add("second", state.second[i]);
  }
}

template <class T>
void write_optimizers(const Trainer<T>& trainer, const fs::path& folder) {
  std::vector<StoredTensor> tensors;
  typename Optimizer<T>::State model_state;
  Optimizer<double>::State head_state;
  if (const auto* optimizer = trainer.model_optimizer()) {
    model_state = optimizer->state();
    add_moments(optimizer, model_state, tensors);
  }
  if (const auto* optimizer = trainer.head_optimizer()) {
    head_state = optimizer->state();
    add_moments(optimizer, head_state, tensors);
  }
  write_safetensors(folder / "optimizer.safetensors", tensors, {});
}

template <class Optimizer>
typename Optimizer::State read_moments(const Optimizer& optimizer, const SafetensorsFile& file,
                                       Index n_step) {
  typename Optimizer::State state = optimizer.state();
  state.n_step = n_step;
  for (std::size_t i = 0; i < state.first.size(); ++i) {
    const std::string& name = optimizer.tensors()[i].name;
    using T = std::remove_cvref_t<decltype(state.first.front().front())>;
    const auto read = [&](const std::string& kind, std::vector<T>& to) {
      if (!to.empty()) read_values<T>(file, kind + "." + name, {static_cast<Index>(to.size())}, to);
    };
    read("first", state.first[i]);
    read("second", state.second[i]);
  }
  return state;
}

Json optional_number(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

std::optional<double> number_of(const Json& json) {
  return json.is_number() ? std::optional<double>(json.get<double>()) : std::nullopt;
}

Json state_json(const TrainState& state, std::uint64_t seed) {
  Json json;
  json["schema"] = kCheckpointSchema;
  json["seed"] = seed;
  json["epoch"] = state.epoch;
  json["step"] = state.step;
  json["best_epoch"] = state.best_epoch;
  json["best_metric"] = state.best_metric;
  json["epochs_without_better"] = state.epochs_without_better;
  json["stopped_early"] = state.stopped_early;
  json["train_eval_gap"] = state.train_eval_gap;
  json["history"] = Json::array();
  for (const EpochRecord& record : state.history) {
    json["history"].push_back({{"epoch", record.epoch},
                               {"step", record.step},
                               {"train_loss", record.train_loss},
                               {"val_loss", record.val_loss},
                               {"val_r", optional_number(record.val_r)},
                               {"val_r2", optional_number(record.val_r2)},
                               {"metric", number_or_null(record.metric)},
                               {"best", record.best}});
  }
  json["drift"] = Json::array();
  for (const DriftRecord& record : state.drift) {
    json["drift"].push_back({{"epoch", record.epoch},
                             {"target", record.target},
                             {"mean", record.mean},
                             {"sd", record.sd},
                             {"quantiles", record.quantiles},
                             {"wasserstein", record.wasserstein},
                             {"kolmogorov_smirnov", record.kolmogorov_smirnov},
                             {"correlation", optional_number(record.correlation)}});
  }
  return json;
}

TrainState state_of(const Json& json) {
  TrainState state;
  state.epoch = json.at("epoch").get<Index>();
  state.step = json.at("step").get<Index>();
  state.best_epoch = json.at("best_epoch").get<Index>();
  state.best_metric = json.at("best_metric").get<double>();
  state.epochs_without_better = json.at("epochs_without_better").get<Index>();
  state.stopped_early = json.at("stopped_early").get<bool>();
  state.train_eval_gap = json.at("train_eval_gap").get<double>();
  for (const Json& entry : json.at("history")) {
    EpochRecord record;
    record.epoch = entry.at("epoch").get<Index>();
    record.step = entry.at("step").get<Index>();
    record.train_loss = entry.at("train_loss").get<double>();
    record.val_loss = entry.at("val_loss").get<double>();
    record.val_r = number_of(entry.at("val_r"));
    record.val_r2 = number_of(entry.at("val_r2"));
    record.metric = number_of(entry.at("metric")).value_or(0);
    record.best = entry.at("best").get<bool>();
    state.history.push_back(record);
  }
  for (const Json& entry : json.at("drift")) {
    DriftRecord record;
    record.epoch = entry.at("epoch").get<Index>();
    record.target = entry.at("target").get<Index>();
    record.mean = entry.at("mean").get<double>();
    record.sd = entry.at("sd").get<double>();
    record.quantiles = entry.at("quantiles").get<std::vector<double>>();
    record.wasserstein = entry.at("wasserstein").get<double>();
    record.kolmogorov_smirnov = entry.at("kolmogorov_smirnov").get<double>();
    record.correlation = number_of(entry.at("correlation"));
    state.drift.push_back(std::move(record));
  }
  return state;
}

Json read_state(const fs::path& checkpoint) {
  const fs::path path = checkpoint / "trainer_state.json";
  Json json = read_json_file(path);
  const auto schema = json.find("schema");
  if (schema == json.end() || !schema->is_number_integer())
    throw FileError(fmt::format("\"{}\": \"schema\" is missing", path.string()));
  if (schema->get<int>() > kCheckpointSchema) {
    throw Error(ErrorCode::incompatible,
                fmt::format("\"{}\": schema {}, expected at most {}", path.string(),
                            schema->get<int>(), kCheckpointSchema),
                "a newer Gnomon wrote it");
  }
  return json;
}

template <class E>
E choice_of(const Json& json, const fs::path& path) {
  const auto name = json.get<std::string>();
  if (const auto value = option_of_name<E>(name)) return *value;
  throw FileError(fmt::format("\"{}\": \"{}\" is not known", path.string(), name));
}

}  // namespace

void write_reporter(const Reporter& reporter, const fs::path& folder) {
  Json json;
  json["schema"] = kCheckpointSchema;
  json["kind"] = option_name(reporter.options().kind);
  json["head"] = option_name(reporter.options().head);
  json["token_loss"] = option_name(reporter.options().token_loss);
  json["binning"] = option_name(reporter.options().binning);
  json["n_bin"] = reporter.options().n_bin;
  json["hidden"] = reporter.options().hidden;
  json["labels"] = {{"mean", reporter.labels().mean}, {"sd", reporter.labels().sd}};
  json["codes"] = Json::array();
  for (const BinCode& code : reporter.codes())
    json["codes"].push_back({{"edges", code.edges}, {"means", code.means}, {"n", code.n}});
  json["tokens"] = reporter.tokens();
  json["words"] = reporter.words();
  write_file_atomic(folder / "reporter.json", dump_json(json));
  if (!reporter.has_head()) return;
  const ReportHead& head = reporter.head();
  std::vector<StoredTensor> tensors = {
      stored_values<double>("features.mean", {head.n_feature()}, head.features().mean),
      stored_values<double>("features.sd", {head.n_feature()}, head.features().sd)};
  for (std::size_t l = 0; l < head.layers().size(); ++l) {
    const ReportHead::Layer& layer = head.layers()[l];
    tensors.push_back(stored(fmt::format("layers.{}.weight", l), layer.weight));
    tensors.push_back(stored(fmt::format("layers.{}.bias", l), layer.bias));
  }
  write_safetensors(folder / "head.safetensors", tensors, {});
}

Reporter read_reporter(const fs::path& folder) {
  const fs::path path = folder / "reporter.json";
  const Json json = read_json_file(path);
  try {
    Reporter::Parts parts;
    parts.options.kind = choice_of<ReporterKind>(json.at("kind"), path);
    parts.options.head = choice_of<HeadMode>(json.at("head"), path);
    parts.options.token_loss = choice_of<TokenLoss>(json.at("token_loss"), path);
    parts.options.binning = choice_of<Binning>(json.at("binning"), path);
    parts.options.n_bin = json.at("n_bin").get<Index>();
    parts.options.hidden = json.at("hidden").get<std::vector<Index>>();
    parts.labels.mean = json.at("labels").at("mean").get<std::vector<double>>();
    parts.labels.sd = json.at("labels").at("sd").get<std::vector<double>>();
    for (const Json& entry : json.at("codes")) {
      BinCode code;
      code.edges = entry.at("edges").get<std::vector<double>>();
      code.means = entry.at("means").get<std::vector<double>>();
      code.n = entry.at("n").get<std::vector<Index>>();
      if (code.edges.size() + 1 != code.means.size() || code.n.size() != code.means.size())
        throw FileError(fmt::format("\"{}\": a code's sizes do not fit", path.string()));
      parts.codes.push_back(std::move(code));
    }
    parts.tokens = json.at("tokens").get<std::vector<TokenId>>();
    parts.words = json.at("words").get<std::vector<std::string>>();
    if (parts.labels.mean.empty() || parts.labels.mean.size() != parts.labels.sd.size() ||
        (!parts.codes.empty() && parts.codes.size() != parts.labels.mean.size())) {
      throw FileError(fmt::format("\"{}\": numbers of targets do not fit", path.string()));
    }
    if (!parts.tokens.empty()) return Reporter::from_parts(std::move(parts));

    const SafetensorsFile file(folder / "head.safetensors");
    const StoredTensor* mean = file.find("features.mean");
    if (mean == nullptr || mean->shape.size() != 1) {
      throw FileError(fmt::format("\"{}\": tensor \"features.mean\" is missing or no vector",
                                  file.path().string()));
    }
    Scaling features;
    features.mean.resize(static_cast<std::size_t>(mean->shape[0]));
    features.sd.resize(features.mean.size());
    read_values<double>(file, "features.mean", mean->shape, features.mean);
    read_values<double>(file, "features.sd", mean->shape, features.sd);
    const auto n_target = static_cast<Index>(parts.labels.mean.size());
    const Index n_class = parts.codes.empty() ? 1 : parts.codes.front().n_bin();
    ReportHead head(std::move(features), parts.options.hidden, n_target * n_class, Random(0, ""));
    for (std::size_t l = 0; l < head.layers().size(); ++l) {
      ReportHead::Layer& layer = head.layers()[l];
      read_values<double>(file, fmt::format("layers.{}.weight", l), layer.weight.shape(),
                          layer.weight.values());
      read_values<double>(file, fmt::format("layers.{}.bias", l), layer.bias.shape(),
                          layer.bias.values());
    }
    parts.head = std::move(head);
    return Reporter::from_parts(std::move(parts));
  } catch (const Json::exception& error) {
    throw FileError(fmt::format("\"{}\": {}", path.string(), error.what()));
  }
}

template <class T>
void save_checkpoint(const Trainer<T>& trainer, const fs::path& folder, bool best) {
  const std::string name = fmt::format("epoch-{:04}", trainer.state().epoch);
  const fs::path target = folder / name;
  const fs::path partial = folder / (name + ".partial");
  std::error_code ignored;
  fs::remove_all(partial, ignored);
  fs::create_directories(partial, ignored);
  try {
    write_model_tensors(trainer.model(), partial);
    write_reporter(trainer.model().reporter(), partial);
    write_optimizers(trainer, partial);
    write_file_atomic(partial / "trainer_state.json",
                      dump_json(state_json(trainer.state(), trainer.model().options().seed)));
  } catch (...) {
    fs::remove_all(partial, ignored);
    throw;
  }
  fs::remove_all(target, ignored);
  std::error_code failed;
  fs::rename(partial, target, failed);
  if (failed) {
    throw FileError(ErrorCode::write_failed, fmt::format("\"{}\" cannot be renamed: {}",
                                                         partial.string(), failed.message()));
  }
  if (best) write_file_atomic(folder / "best.txt", name + "\n");
  write_file_atomic(folder / "last.txt", name + "\n");
  const auto best_name = find_checkpoint(folder, "best");
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const bool named = entry.path() == target || (best_name && entry.path() == *best_name);
    if (entry.is_directory() && !named && entry.path().filename().string().starts_with("epoch-")) {
      fs::remove_all(entry.path(), ignored);
    }
  }
}

std::optional<fs::path> find_checkpoint(const fs::path& folder, const std::string& which) {
  const fs::path path = folder / (which + ".txt");
  if (!fs::exists(path)) return std::nullopt;
  std::string name = read_text_file(path, 4096);
  while (!name.empty() && name.back() == '\n') name.pop_back();
  const fs::path relative(name);
  if (name.empty() || relative != relative.filename() || !fs::is_directory(folder / relative)) {
    throw FileError(
        fmt::format("\"{}\" names \"{}\", expected a folder beside it", path.string(), name));
  }
  return folder / relative;
}

template <class T>
void load_parameters(ReportModel<T>& model, const fs::path& checkpoint) {
  Reporter reporter = read_reporter(checkpoint);
  const auto head_width = [](const Reporter& r) { return r.has_head() ? r.head().n_feature() : 0; };
  if (reporter.options().kind != model.reporter().options().kind ||
      reporter.n_output() != model.reporter().n_output() ||
      head_width(reporter) != head_width(model.reporter()) ||
      reporter.options().hidden != model.reporter().options().hidden) {
    throw Error(
        ErrorCode::incompatible,
        fmt::format("\"{}\" holds another reporter than the settings ask for", checkpoint.string()),
        "use the settings that it was trained with");
  }
  const SafetensorsFile file(checkpoint / "parameters.safetensors");
  for (auto& [key, entry] : model.parameters().entries())
    read_values<T>(file, entry.row.name, entry.row.shape, entry.values.values());
  if (model.lora()) {
    const SafetensorsFile lora(checkpoint / "lora.safetensors");
    for (LoraMatrix<T>& matrix : model.lora()->matrices()) {
      read_values<T>(lora, matrix.row.name + ".lora_A", matrix.a.shape(), matrix.a.values());
      read_values<T>(lora, matrix.row.name + ".lora_B", matrix.b.shape(), matrix.b.values());
    }
  }
  // In place: optimizers point at the layers.
  if (reporter.has_head()) {
    for (std::size_t l = 0; l < reporter.head().layers().size(); ++l) {
      ReportHead::Layer& to = model.reporter().head().layers()[l];
      std::ranges::copy(reporter.head().layers()[l].weight.values(), to.weight.data());
      std::ranges::copy(reporter.head().layers()[l].bias.values(), to.bias.data());
    }
  }
}

template <class T>
void load_checkpoint(Trainer<T>& trainer, const fs::path& checkpoint) {
  const Json json = read_state(checkpoint);
  load_parameters(trainer.model(), checkpoint);
  try {
    if (json.at("seed").get<std::uint64_t>() != trainer.model().options().seed) {
      throw Error(
          ErrorCode::incompatible,
          fmt::format("\"{}\" was trained with seed {}, expected {}", checkpoint.string(),
                      json.at("seed").get<std::uint64_t>(), trainer.model().options().seed));
    }
    TrainState state = state_of(json);
    const SafetensorsFile file(checkpoint / "optimizer.safetensors");
    std::optional<typename Optimizer<T>::State> model_state;
    std::optional<Optimizer<double>::State> head_state;
    if (const auto* optimizer = trainer.model_optimizer())
      model_state = read_moments(*optimizer, file, state.step);
    if (const auto* optimizer = trainer.head_optimizer())
      head_state = read_moments(*optimizer, file, state.step);
    trainer.restore(std::move(state), std::move(model_state), std::move(head_state));
  } catch (const Json::exception& error) {
    throw FileError(
        fmt::format("\"{}\": {}", (checkpoint / "trainer_state.json").string(), error.what()));
  }
}

template void save_checkpoint(const Trainer<float>&, const fs::path&, bool);
template void save_checkpoint(const Trainer<double>&, const fs::path&, bool);
template void load_parameters(ReportModel<float>&, const fs::path&);
template void load_parameters(ReportModel<double>&, const fs::path&);
template void load_checkpoint(Trainer<float>&, const fs::path&);
template void load_checkpoint(Trainer<double>&, const fs::path&);

}  // namespace gnomon
