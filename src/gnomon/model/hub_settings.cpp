// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/hub_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "gnomon/base/error.h"
#include "gnomon/base/file.h"
#include "gnomon/base/quote.h"

namespace gnomon {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargestToken = 65536;  // bytes of the file
constexpr int kLongestTimeout = 86400;        // seconds

bool is_on(std::string value) {
  for (char& c : value) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  constexpr std::array<std::string_view, 4> kOn = {"1", "ON", "YES", "TRUE"};
  return std::find(kOn.begin(), kOn.end(), value) != kOn.end();
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// $NAME and ${NAME}, as Python's os.path.expandvars: what is unset stays as it stands.
std::string with_variables(std::string_view text, const Variables& variable) {
  std::string result;
  while (!text.empty()) {
    const std::size_t dollar = text.find('$');
    result += text.substr(0, dollar);
    if (dollar == std::string_view::npos) break;
    text.remove_prefix(dollar);
    const bool braced = text.size() > 1 && text[1] == '{';
    const std::size_t begin = braced ? 2 : 1;
    std::size_t end = begin;
    while (end < text.size() && is_name_character(text[end])) ++end;
    const std::string name(text.substr(begin, end - begin));
    const bool complete = !name.empty() && (!braced || (end < text.size() && text[end] == '}'));
    const std::size_t length = complete && braced ? end + 1 : end;
    const std::string value = complete ? variable(name.c_str()) : "";
    result += value.empty() ? text.substr(0, length) : std::string_view(value);
    text.remove_prefix(length);
  }
  return result;
}

std::string with_home(std::string_view text, const Variables& variable) {
  const std::string home = variable("HOME");
  if (home.empty() || (text != "~" && !text.starts_with("~/"))) return std::string(text);
  return home + std::string(text.substr(1));
}

fs::path expanded(std::string_view text, const Variables& variable) {
  return with_variables(with_home(text, variable), variable);
}

fs::path home_folder(const Variables& variable) {
  if (const std::string given = variable("HF_HOME"); !given.empty())
    return expanded(given, variable);
  if (const std::string cache = variable("XDG_CACHE_HOME"); !cache.empty())
    return expanded(cache, variable) / "huggingface";
  const std::string home = variable("HOME");
  if (home.empty()) {
    throw ArgumentError(
        "no Hugging Face cache: none of HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME and HOME is set",
        "set HF_HOME to a folder with room for the models");
  }
  return fs::path(home) / ".cache" / "huggingface";
}

fs::path cache_of(const Variables& variable) {
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
    if (const std::string given = variable(name); !given.empty()) return expanded(given, variable);
  }
  return home_folder(variable) / "hub";
}

std::string endpoint_of(const Variables& variable) {
  std::string endpoint = variable("HF_ENDPOINT");
  if (endpoint.empty()) return kDefaultHubEndpoint;
  while (endpoint.ends_with('/')) endpoint.pop_back();
  const std::size_t scheme = endpoint.find("://");
  const bool is_http = endpoint.starts_with("http://") || endpoint.starts_with("https://");
  const bool is_plain = endpoint.find_first_of("@?# \t\r\n") == std::string::npos;
  if (!is_http || !is_plain || scheme + 3 >= endpoint.size()) {
    // Not shown: a user's password may stand in it.
    throw ArgumentError(
        "HF_ENDPOINT is not an address of a hub, expected http:// or https://, a host, and neither "
        "user nor query",
        fmt::format("unset HF_ENDPOINT to use {}", kDefaultHubEndpoint));
  }
  return endpoint;
}

std::chrono::seconds timeout_of(const char* name, const Variables& variable,
                                std::chrono::seconds otherwise) {
  const std::string given = variable(name);
  if (given.empty()) return otherwise;
  int seconds = 0;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), seconds);
  const bool is_number = error == std::errc() && end == given.data() + given.size();
  // huggingface_hub takes 0 for unset.
  if (is_number && seconds == 0) return otherwise;
  if (!is_number || seconds < 0 || seconds > kLongestTimeout) {
    throw ArgumentError(fmt::format("{} is {}, expected a whole number of seconds from 1 to {}",
                                    name, quote(given), kLongestTimeout));
  }
  return std::chrono::seconds(seconds);
}

std::optional<std::string> cleaned_token(std::string text, const std::string& origin) {
  std::erase(text, '\r');
  std::erase(text, '\n');
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return std::nullopt;
  text = text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; })) {
    throw ArgumentError(
        fmt::format("the token of {} has characters other than printable ASCII, "
                    "expected one such as hf_...",
                    origin));
  }
  return text;
}

}  // namespace

HubSettings hub_settings(const Variables& variable) {
  HubSettings settings;
  settings.cache = cache_of(variable);
  settings.endpoint = endpoint_of(variable);
  settings.offline = is_on(variable("HF_HUB_OFFLINE")) || is_on(variable("TRANSFORMERS_OFFLINE"));
  settings.symlinks = !is_on(variable("HF_HUB_DISABLE_SYMLINKS"));
  settings.progress = !is_on(variable("HF_HUB_DISABLE_PROGRESS_BARS"));
  settings.etag_timeout = timeout_of("HF_HUB_ETAG_TIMEOUT", variable, settings.etag_timeout);
  settings.download_timeout =
      timeout_of("HF_HUB_DOWNLOAD_TIMEOUT", variable, settings.download_timeout);
  return settings;
}

std::optional<std::string> hub_token(const Variables& variable) {
  if (is_on(variable("HF_HUB_DISABLE_IMPLICIT_TOKEN"))) return std::nullopt;
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    if (auto token = cleaned_token(variable(name), name)) return token;
  }
  const std::string given = variable("HF_TOKEN_PATH");
  const fs::path path = given.empty() ? home_folder(variable) / "token" : expanded(given, variable);
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return std::nullopt;
  return cleaned_token(read_text_file(path, kLargestToken), quote(path.string(), 400));
}

}  // namespace gnomon
