// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace gnomon {

// Where the hub is unless HF_ENDPOINT says otherwise.
inline constexpr const char* kDefaultHubEndpoint = "https://huggingface.co";

// The value of an environment variable; empty where it is unset.
using Variables = std::function<std::string(const char* name)>;

// What the environment says about the hub, by the rules of the Python package huggingface_hub. An
// empty variable is an unset one. Switches are on for 1, ON, YES and TRUE, in any case.
struct HubSettings {
  // HF_HUB_CACHE, else HUGGINGFACE_HUB_CACHE, else hub in HF_HOME, else in $XDG_CACHE_HOME/
  // huggingface, else in ~/.cache/huggingface. A leading ~ and $NAME are replaced.
  std::filesystem::path cache;
  std::string endpoint = kDefaultHubEndpoint;  // HF_ENDPOINT, without a slash at its end
  bool offline = false;                        // HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE
  bool symlinks = true;                        // unless HF_HUB_DISABLE_SYMLINKS
  bool progress = true;                        // unless HF_HUB_DISABLE_PROGRESS_BARS
  // How long a server may be silent: when asked about a file (HF_HUB_ETAG_TIMEOUT), and while it
  // sends one (HF_HUB_DOWNLOAD_TIMEOUT).
  std::chrono::seconds etag_timeout{10};
  std::chrono::seconds download_timeout{10};
};

// Throws ArgumentError where a time is not a whole number of seconds from 1 to 86400, the endpoint
// is not http:// or https:// with a host and without a user, or no variable says where the cache
// is.
HubSettings hub_settings(const Variables& variable);

// HF_TOKEN, else HUGGING_FACE_HUB_TOKEN, else the content of the file HF_TOKEN_PATH, else of
// `token` in HF_HOME; without line ends and surrounding blanks. Nothing where there is none or
// HF_HUB_DISABLE_IMPLICIT_TOKEN is on. Throws ArgumentError, which does not show it, for a token
// with characters other than printable ASCII: it could not stand in a header.
std::optional<std::string> hub_token(const Variables& variable);

}  // namespace gnomon
