// SPDX-License-Identifier: Apache-2.0
#include "fuzz/read_input.h"
#include "gnomon/tensor/detail/pickle.h"
#include "gnomon/tensor/torch_archive.h"

// The input as an archive, and as the pickle inside one, which no checksum protects then.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gnomon::test::read_input(data, size, [](const std::filesystem::path& path) {
    for (const gnomon::TorchTensor& tensor : gnomon::read_torch_archive(path))
      gnomon::test::touch(std::as_bytes(tensor.tensor.values()));
  });
  return gnomon::test::read_input(data, size, [&](const std::filesystem::path&) {
    gnomon::detail::read_pickled_tensors(std::as_bytes(std::span(data, size)), "input");
  });
}
