// SPDX-License-Identifier: Apache-2.0
#include "gnomon/base/git_hash.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <string>

#include "gnomon/base/detail/file_digest.h"
#include "gnomon/base/file.h"

namespace gnomon {

std::string git_blob_sha1(const std::filesystem::path& path) {
  const MappedFile file(path);
  std::string header = fmt::format("blob {}", file.bytes().size());
  header.push_back('\0');
  return detail::file_digest(EVP_sha1(), header, file);
}

}  // namespace gnomon
