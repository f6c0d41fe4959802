// SPDX-License-Identifier: Apache-2.0
#include "fuzz/read_input.h"
#include "gnomon/tensor/gguf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return gnomon::test::read_input(data, size, [](const std::filesystem::path& path) {
    const gnomon::GgufFile file(path);
    for (const gnomon::StoredTensor& tensor : file.tensors()) gnomon::test::touch(tensor.bytes);
    for (const auto& [key, value] : file.metadata()) file.number_or(key, 0);
  });
}
