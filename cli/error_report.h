// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>

#include "cli/context.h"

namespace gnomon::cli {

// Writes what went wrong to context.err, for people or as one line of JSON, and returns the exit
// status: that of the error's code, 70 for an exception that is none of ours, 128 + n after signal
// n.
int report_error(const Context& context, std::exception_ptr failure);

}  // namespace gnomon::cli
