// SPDX-License-Identifier: Apache-2.0
#include "gnomon/base/detail/file_digest.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <memory>

#include "gnomon/base/detail/hex.h"
#include "gnomon/base/error.h"

namespace gnomon::detail {
namespace {

constexpr std::size_t kHashedTogether = std::size_t{1} << 24;  // whole pages

}  // namespace

std::string file_digest(const EVP_MD* kind, std::string_view before, const MappedFile& file) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  bool ok = context && EVP_DigestInit_ex(context.get(), kind, nullptr) == 1 &&
            EVP_DigestUpdate(context.get(), before.data(), before.size()) == 1;
  const std::span<const std::byte> bytes = file.bytes();
  for (std::size_t first = 0; ok && first < bytes.size(); first += kHashedTogether) {
    const auto part = bytes.subspan(first, std::min(kHashedTogether, bytes.size() - first));
    ok = EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1;
    ::madvise(const_cast<std::byte*>(part.data()), part.size(), MADV_DONTNEED);
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (!ok || EVP_DigestFinal_ex(context.get(), digest.data(), &size) != 1)
    throw InternalError(fmt::format("file_digest: OpenSSL refused {}", EVP_MD_get0_name(kind)));
  return hex({digest.data(), size});
}

}  // namespace gnomon::detail
