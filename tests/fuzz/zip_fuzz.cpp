// SPDX-License-Identifier: Apache-2.0
#include "fuzz/read_input.h"
#include "gnomon/base/zip.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return gnomon::test::read_input(data, size, [](const std::filesystem::path& path) {
    const gnomon::ZipFile file(path);
    for (const gnomon::ZipFile::Member& member : file.members()) {
      gnomon::test::touch(file.read(member, 1 << 20));
    }
  });
}
