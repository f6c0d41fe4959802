// SPDX-License-Identifier: Apache-2.0
#include "gnomon/report/home_path.h"

#include <cstddef>

namespace gnomon {
namespace {

bool continues_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.' || static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

std::string without_home_path(std::string_view text, std::string_view home) {
  while (home.ends_with('/')) home.remove_suffix(1);
  if (home.empty()) return std::string(text);
  std::string result;
  std::size_t i = 0;
  while (i < text.size()) {
    const std::size_t end = i + home.size();
    // /home/ana is neither part of /home/anabel nor of /mnt/home/ana.
    const bool is_home = text.substr(i, home.size()) == home &&
                         (i == 0 || !continues_name(text[i - 1])) &&
                         (end == text.size() || !continues_name(text[end]));
    if (is_home) {
      result += '~';
      i = end;
    } else {
      result += text[i++];
    }
  }
  return result;
}

std::string with_home_path(std::string_view stored, std::string_view home) {
  const bool is_in_home = stored == "~" || stored.starts_with("~/");
  if (!is_in_home || home.empty()) return std::string(stored);
  return std::string(home) + std::string(stored.substr(1));
}

std::vector<std::string> recorded_argv(std::span<const std::string> argv, std::string_view home) {
  std::vector<std::string> recorded;
  for (std::size_t i = 0; i < argv.size(); ++i) {
    const std::string& argument = argv[i];
    if (i == 0) {
      recorded.push_back(argument.substr(argument.rfind('/') + 1));
    } else if (argv[i - 1] == "--out") {
      recorded.emplace_back("RUN");
    } else if (argument.starts_with("--out=")) {
      recorded.emplace_back("--out=RUN");
    } else if (argument.size() > 2 && argument[0] == '-' && argument[2] == '/') {
      // A short option with its value: "-C/home/ana/x.toml".
      const std::string_view value = std::string_view(argument).substr(2);
      recorded.push_back(argument.substr(0, 2) + without_home_path(value, home));
    } else {
      recorded.push_back(without_home_path(argument, home));
    }
  }
  return recorded;
}

}  // namespace gnomon
