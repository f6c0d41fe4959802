// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/evp.h>

#include <string>
#include <string_view>

#include "gnomon/base/file.h"

namespace gnomon::detail {

// Lower-case hexadecimal digest of `before` and then the file. What is hashed is let go: it does
// not count as the process's memory.
std::string file_digest(const EVP_MD* kind, std::string_view before, const MappedFile& file);

}  // namespace gnomon::detail
