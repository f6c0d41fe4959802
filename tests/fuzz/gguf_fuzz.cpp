// SPDX-License-Identifier: Apache-2.0
#include "fuzz/read_input.h"
#include "gnomon/model/family.h"
#include "gnomon/model/gguf_tokenizer.h"
#include "gnomon/tensor/gguf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return gnomon::test::read_input(data, size, [](const std::filesystem::path& path) {
    const gnomon::GgufFile file(path);
    for (const gnomon::StoredTensor& tensor : file.tensors()) gnomon::test::touch(tensor.bytes);
    for (const gnomon::Family* family : gnomon::families()) {
      gnomon::test::catch_refusal(
          [&] { gnomon::check_config(family->config_from_gguf(file), "model.gguf"); });
    }
    gnomon::gguf_tokenizer(file);
  });
}
