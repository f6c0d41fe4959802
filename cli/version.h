// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "gnomon/base/json.h"

namespace gnomon::cli {

std::string version_number();  // "0.1.0"
// Version, commit where it was known when the build was configured, compiler, build type, BLAS and
// threads.
Json version_json();

}  // namespace gnomon::cli
