// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/metrics_log.h"

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <string>
#include <string_view>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

bool has_step(const Json& metrics) {
  return metrics.is_object() && metrics.contains("step") && metrics["step"].is_number_integer();
}

Json with_null(const Json& value) {
  if (value.is_number_float()) return number_or_null(value.get<double>());
  if (!value.is_structured()) return value;
  Json copy = value;
  for (Json& child : copy) child = with_null(child);
  return copy;
}

// The bytes up to the end of the last line that `keep` takes, going through whole lines until it
// does not.
std::size_t scan_lines(std::string_view text, const fs::path& path,
                       const std::function<bool(Json)>& keep) {
  std::size_t start = 0;
  for (std::size_t number = 1;; ++number) {
    const std::size_t end = text.find('\n', start);
    if (end == std::string_view::npos) return start;
    const std::string origin = fmt::format("{}:{}", path.string(), number);
    Json metrics = parse_json(text.substr(start, end - start), origin);
    if (!has_step(metrics)) {
      throw FileError(
          fmt::format("\"{}\": expected an object with a whole number \"step\"", origin));
    }
    if (!keep(std::move(metrics))) return start;
    start = end + 1;
  }
}

}  // namespace

MetricsLog::MetricsLog(const fs::path& path, std::int64_t last_step) : file_(path) {
  const std::string text = read_text_file(path);
  file_.truncate(scan_lines(text, path, [&](const Json& metrics) {
    return metrics["step"].get<std::int64_t>() <= last_step;
  }));
}

void MetricsLog::append(const Json& metrics) {
  if (!has_step(metrics)) {
    throw InternalError("MetricsLog: expected an object with a whole number \"step\"");
  }
  // One line: dump_json indents. The replacement handler keeps bytes that are not UTF-8 from
  // throwing.
  file_.append(with_null(metrics).dump(-1, ' ', true, Json::error_handler_t::replace) + "\n");
}

std::vector<Json> read_metrics(const fs::path& path) {
  std::vector<Json> lines;
  scan_lines(read_text_file(path), path, [&](Json metrics) {
    lines.push_back(std::move(metrics));
    return true;
  });
  return lines;
}

}  // namespace gnomon
