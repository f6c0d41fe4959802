// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "gnomon/report/run_directory.h"

namespace gnomon::test {

// date -u -d 2026-11-22T10:58:03Z +%s
inline const WallClock kStarted{std::chrono::seconds{1795345083}};

inline RunSettings run_settings(std::int64_t seed = 7) {
  RunSettings settings;
  settings.id_words = {"tiny", "L1N5", "s" + std::to_string(seed)};
  settings.manifest.name = "a run";
  settings.manifest.argv = {"/home/ana/bin/gnomon", "projections", "--model",
                            "/home/ana/tiny",       "--out",       "somewhere"};
  settings.manifest.tool = {"0.1.0", "0123456789ab", "GNU 12.2.0", "Release", "OpenBLAS 0.3.21"};
  settings.manifest.machine = {"a processor", 2};
  settings.manifest.precision = "float32";
  settings.manifest.backend = "blas";
  settings.manifest.seed = static_cast<std::uint64_t>(seed);
  settings.configuration = {{"seed", seed, "--seed"},
                            {"model.path", std::string("/home/ana/tiny"), "--model"}};
  settings.started = kStarted;
  settings.home = "/home/ana";
  return settings;
}

inline ModelRecord model_record() {
  const std::string hash(64, 'a');
  return {"/home/ana/tiny", "safetensors", hash, {{"model.safetensors", {hash, 1234}}}};
}

inline DataRecord data_record() { return {std::string(64, 'b'), 500, 245, 245}; }

}  // namespace gnomon::test
