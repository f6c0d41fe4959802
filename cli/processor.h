// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace gnomon::cli {

// The value behind "key :" in a file such as /proc/cpuinfo; empty where there is none.
std::string proc_value(const char* path, std::string_view key);

// "AMD EPYC", or the machine's architecture where it does not say.
std::string processor_name();

}  // namespace gnomon::cli
