// SPDX-License-Identifier: Apache-2.0
// Run directories, files of tensors, experiments, and the command.
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/function.h>

#include <sstream>

#include "cli/command_line.h"
#include "cli/experiment_config.h"
#include "cli/experiment_options.h"
#include "cli/experiment_output.h"
#include "cli/experiment_run.h"
#include "gnomon/base/error.h"
#include "gnomon/report/run_directory.h"
#include "gnomon/report/run_manifest.h"
#include "gnomon/tensor/safetensors.h"
#include "python/bindings/bindings.h"
#include "python/bindings/calls.h"
#include "python/bindings/python_stream.h"
#include "python/bindings/records.h"

namespace gnomon::python {
namespace {

namespace fs = std::filesystem;

// Python's own objects of a JSON value.
nb::object python_object(const Json& value) {
  return nb::module_::import_("json").attr("loads")(dump_json(value));
}

template <class T>
nb::object tensor_array(const StoredTensor& tensor, const nb::object& owner) {
  return shared_array(reinterpret_cast<const T*>(tensor.bytes.data()), tensor.shape, owner);
}

// The tensor as it stands in the mapped file.
nb::object stored_array(const StoredTensor& tensor, const nb::object& owner) {
  switch (tensor.dtype) {
    case Dtype::f64:
      return tensor_array<double>(tensor, owner);
    case Dtype::f32:
      return tensor_array<float>(tensor, owner);
    case Dtype::i64:
      return tensor_array<std::int64_t>(tensor, owner);
    case Dtype::i32:
      return tensor_array<std::int32_t>(tensor, owner);
    case Dtype::i16:
      return tensor_array<std::int16_t>(tensor, owner);
    case Dtype::i8:
      return tensor_array<std::int8_t>(tensor, owner);
    case Dtype::u8:
      return tensor_array<std::uint8_t>(tensor, owner);
    case Dtype::boolean:
      return tensor_array<bool>(tensor, owner);
    case Dtype::f16:
      return nb::object(tensor_array<std::int16_t>(tensor, owner).attr("view")("float16"));
    default:
      throw UnsupportedError("tensor \"" + tensor.name + "\" is of type " +
                                 std::string(dtype_info(tensor.dtype).name) +
                                 ", which NumPy does not have",
                             "Model.load reads checkpoints of that type");
  }
}

void bind_files(nb::module_& module) {
  nb::class_<SafetensorsFile>(
      module, "SafetensorsFile",
      "A safetensors file, mapped: a mapping from names to read-only arrays "
      "that cost no copy.")
      .def(
          "__init__",
          [](SafetensorsFile* self, const fs::path& path) { new (self) SafetensorsFile(path); },
          nb::arg("path"), nb::sig("def __init__(self, path: str | os.PathLike[str]) -> None"))
      .def_prop_ro("path", &SafetensorsFile::path)
      .def_prop_ro(
          "metadata",
          [](const SafetensorsFile& self) {
            nb::dict entries;
            for (const auto& [key, value] : self.metadata())
              entries[nb::cast(key)] = nb::cast(value);
            return entries;
          },
          nb::for_getter(nb::sig("def metadata(self, /) -> dict[str, str]")))
      .def("keys",
           [](const SafetensorsFile& self) {
             std::vector<std::string> names;
             for (const StoredTensor& tensor : self.tensors()) names.push_back(tensor.name);
             return names;
           })
      .def("__len__", [](const SafetensorsFile& self) { return self.tensors().size(); })
      .def(
          "__iter__", [](nb::handle self) { return nb::iter(self.attr("keys")()); },
          nb::sig("def __iter__(self) -> collections.abc.Iterator[str]"))
      .def("__contains__", [](const SafetensorsFile& self,
                              const std::string& name) { return self.find(name) != nullptr; })
      .def(
          "__getitem__",
          [](nb::handle_t<SafetensorsFile> self, const std::string& name) {
            const StoredTensor* tensor = nb::cast<const SafetensorsFile&>(self).find(name);
            if (tensor == nullptr) throw nb::key_error(name.c_str());
            return stored_array(*tensor, nb::borrow(self));
          },
          nb::arg("name"),
          nb::sig("def __getitem__(self, name: str, /) -> numpy.typing.NDArray[typing.Any]"));
}

void bind_stored_run(nb::module_& module) {
  nb::class_<StoredRun>(module, "StoredRun", "A run directory, as it was read.")
      .def_ro("path", &StoredRun::path)
      .def_ro("being_written", &StoredRun::being_written)
      .def_prop_ro(
          "manifest", [](const StoredRun& self) { return python_object(to_json(self.manifest)); },
          nb::for_getter(nb::sig("def manifest(self, /) -> dict[str, typing.Any]")), "run.json")
      .def("file", &StoredRun::file, nb::arg("relative"),
           "The place of a file that the run lists; NotFoundError where it lists no such file.")
      .def(
          "read_json",
          [](const StoredRun& self, const std::string& relative) {
            return python_object(self.read_json(relative));
          },
          nb::arg("relative"), nb::sig("def read_json(self, relative: str) -> typing.Any"),
          "FileError also where the content is not the one that was written.")
      .def(
          "configuration",
          [](const StoredRun& self) {
            nb::dict entries;
            for (const ConfigEntry& entry : self.read_configuration())
              entries[nb::cast(entry.key)] = std::visit(
                  [](const auto& value) -> nb::object { return nb::cast(value); }, entry.value);
            return entries;
          },
          nb::sig("def configuration(self) -> dict[str, typing.Any]"),
          "Every setting of the run, by its key.");
  module.def(
      "open_run",
      [](const std::string& run, const std::string& runs_dir) {
        return open_run(resolve_run(run, runs_dir));
      },
      nb::arg("run"), nb::arg("runs_dir") = "runs",
      "A run by its path, '@last', or the beginning of its folder's name or its id.");
}

// `progress` as a listener of stages: a function of (stage, done, total).
cli::ProgressListener stage_listener(const nb::object& progress) {
  if (PyCallable_Check(progress.ptr()) == 0) return {};
  return [function = nb::handle(progress)](const std::string& stage, Index done, Index total) {
    const nb::gil_scoped_acquire acquired;
    try {
      function(stage, done, total);
    } catch (const nb::python_error& failure) {
      // A Ctrl-C that Python raises here is the library's own interruption, so that the run is left
      // as interrupted and not as failed.
      if (failure.matches(PyExc_KeyboardInterrupt))
        throw Error(ErrorCode::interrupted, "stopped on request");
      throw;
    }
  };
}

cli::Context context_of(std::ostream& out, PythonStream& err,
                        const std::vector<std::string>& arguments, const nb::object& progress) {
  cli::Context context{.options = {}, .out = out, .err = err.stream()};
  context.arguments = arguments;
  context.options.color = cli::ColorMode::never;
  context.listener = stage_listener(progress);
  context.options.progress = !progress.is(nb::bool_(true)) ? cli::ProgressMode::none
                             : err.is_terminal()           ? cli::ProgressMode::automatic
                                                           : cli::ProgressMode::plain;
  context.options.quiet = !progress.is(nb::bool_(true));
  return context;
}

fs::path run_experiment_of(const std::string& config, const std::vector<std::string>& set,
                           const std::string& out, const std::string& runs_dir, bool analyses,
                           const nb::object& progress) {
  std::vector<std::string> arguments = {"gnomon", analyses ? "run" : "train"};
  if (!config.empty()) arguments.insert(arguments.end(), {"--config", config});
  for (const std::string& setting : set) arguments.insert(arguments.end(), {"--set", setting});
  if (!out.empty()) arguments.insert(arguments.end(), {"--out", out});
  std::ostringstream shown;
  PythonStream err("stderr");
  const cli::Context context = context_of(shown, err, arguments, progress);
  return long_call([&] {
    const cli::ResolvedExperiment experiment =
        cli::resolve_experiment(cli::experiment_sources(context, {config, set}));
    cli::ExperimentRunOptions options;
    options.out = out;
    options.runs_dir = runs_dir;
    options.analyses = analyses;
    const cli::ExperimentOutcome outcome = cli::run_experiment(context, experiment, options);
    cli::show_experiment(context, outcome);
    return outcome.run;
  });
}

std::string run_command(const std::vector<std::string>& arguments, const nb::object& progress) {
  std::ostringstream shown;
  PythonStream err("stderr");
  std::vector<std::string> typed = {"gnomon"};
  typed.insert(typed.end(), arguments.begin(), arguments.end());
  cli::Context context = context_of(shown, err, typed, progress);
  long_call([&] { return cli::run_arguments(context, arguments); });
  return shown.str();
}

}  // namespace

void bind_runs(nb::module_& module) {
  bind_files(module);
  bind_stored_run(module);
  module.def("run_experiment", &run_experiment_of, nb::arg("config"), nb::arg("set"),
             nb::arg("out"), nb::arg("runs_dir"), nb::arg("analyses"), nb::arg("progress").none(),
             "For gnomon.run and gnomon.train, which say what it does.");
  module.def("run_command", &run_command, nb::arg("arguments"), nb::arg("progress").none(),
             "For gnomon.command, which says what it does.");
  module.def(
      "run_program",
      [](const std::vector<std::string>& arguments) {
        const nb::gil_scoped_release released;
        return cli::run_program(arguments);
      },
      nb::arg("arguments"), "The command `gnomon` on this process's streams: its exit status.");
}

}  // namespace gnomon::python
