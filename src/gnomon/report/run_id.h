// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>

namespace gnomon {

using WallClock = std::chrono::system_clock::time_point;

// What a run is, without when: "gpt2_L8N481_s0_k3f9". Each word keeps its letters, digits, dots and
// dashes, of a path only the last part; the last four characters are from the hash of the resolved
// configuration. The same command gives the same id.
std::string run_id(std::span<const std::string> words, std::string_view configuration_sha256);

// The folder of a run among others, "20261122T105803Z_gpt2_L8N481_s0_k3f9": sorts by time in UTC
// and is a plain file name on every system.
std::string run_folder_name(WallClock started, std::string_view id);

// "2026-11-22T10:58:03Z"
std::string utc_time(WallClock time);

}  // namespace gnomon
