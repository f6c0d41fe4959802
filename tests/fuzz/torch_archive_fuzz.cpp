// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "fuzz/read_input.h"
#include "gnomon/tensor/torch_archive.h"
#include "support/torch_archive_bytes.h"

namespace {

void read_all(const std::filesystem::path& path) {
  for (const gnomon::TorchTensor& tensor : gnomon::read_torch_archive(path))
    gnomon::test::touch(std::as_bytes(tensor.tensor.values()));
}

}  // namespace

// The input as an archive, and as the pickle inside a whole one, which no checksum protects then.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gnomon::test::read_input(data, size, read_all);
  const std::string archive = gnomon::test::torch_archive(
      {reinterpret_cast<const char*>(data), size}, {std::string(24, '\0'), std::string(4, '\0')});
  return gnomon::test::read_input(reinterpret_cast<const std::uint8_t*>(archive.data()),
                                  archive.size(), read_all);
}
