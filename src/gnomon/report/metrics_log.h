// SPDX-License-Identifier: Apache-2.0
// in: numbers of a training step   out: metrics.jsonl, docs/formats/metrics.md
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <vector>

#include "gnomon/base/json.h"
#include "gnomon/report/detail/append_file.h"

namespace gnomon {

inline constexpr std::int64_t kEveryStep = std::numeric_limits<std::int64_t>::max();

// The log of a training: one JSON object a line, each with a whole number "step", appended and
// handed to the kernel at once. It holds no time, so that the same training writes the same bytes.
class MetricsLog {
 public:
  // Goes on after `last_step`: lines of later steps, which a resumed training writes again, a last
  // line that a killed process left unfinished are cut off. Throws FileError where a whole line
  // is not such an object.
  explicit MetricsLog(const std::filesystem::path& path, std::int64_t last_step = kEveryStep);

  // Floats that are not finite, also inside lists and objects, become null. Throws InternalError
  // where `metrics` is not an object with a whole number "step", FileError (write_failed) with the
  // log as before.
  void append(const Json& metrics);

  const std::filesystem::path& path() const { return file_.path(); }

 private:
  detail::AppendFile file_;
};

// Every line of a log, without a last one that is unfinished. Throws FileError as above.
std::vector<Json> read_metrics(const std::filesystem::path& path);

}  // namespace gnomon
