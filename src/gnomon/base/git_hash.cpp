// SPDX-License-Identifier: Apache-2.0
#include "gnomon/base/git_hash.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <memory>

#include "gnomon/base/detail/hex.h"
#include "gnomon/base/error.h"
#include "gnomon/base/file.h"

namespace gnomon {

std::string git_blob_sha1(const std::filesystem::path& path) {
  const MappedFile file(path);
  std::string header = fmt::format("blob {}", file.bytes().size());
  header.push_back('\0');
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (!context || EVP_DigestInit_ex(context.get(), EVP_sha1(), nullptr) != 1 ||
      EVP_DigestUpdate(context.get(), header.data(), header.size()) != 1 ||
      EVP_DigestUpdate(context.get(), file.bytes().data(), file.bytes().size()) != 1 ||
      EVP_DigestFinal_ex(context.get(), digest.data(), &size) != 1) {
    throw InternalError("git_blob_sha1: OpenSSL refused SHA-1");
  }
  return detail::hex({digest.data(), size});
}

}  // namespace gnomon
