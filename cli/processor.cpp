// SPDX-License-Identifier: Apache-2.0
#include "cli/processor.h"

#include <sys/utsname.h>

#include <fstream>

#include "gnomon/text/visible_text.h"

namespace gnomon::cli {

std::string proc_value(const char* path, std::string_view key) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || !std::string_view(line).starts_with(key)) continue;
    const std::size_t value = line.find_first_not_of(" \t", colon + 1);
    return value == std::string::npos ? "" : visible_text(line.substr(value));
  }
  return "";
}

std::string processor_name() {
  std::string name = proc_value("/proc/cpuinfo", "model name");
  utsname machine = {};
  if (name.empty() && ::uname(&machine) == 0) name = machine.machine;
  return name;
}

}  // namespace gnomon::cli
