// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "support/zip_bytes.h"

namespace gnomon::test {

// A pickle put together opcode by opcode (protocol 2, Python's pickletools has their meaning).
class PickleBytes {
 public:
  PickleBytes() { raw("\x80\x02"); }

  PickleBytes& raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }
  PickleBytes& global(std::string_view module, std::string_view name) {
    return raw("c").raw(module).raw("\n").raw(name).raw("\n");
  }
  PickleBytes& text(std::string_view value) {
    raw("X");
    u32(static_cast<std::uint32_t>(value.size()));
    return raw(value);
  }
  PickleBytes& integer(std::int32_t value) {
    raw("J");
    u32(static_cast<std::uint32_t>(value));
    return *this;
  }
  PickleBytes& integers(const std::vector<std::int32_t>& values) {
    raw("(");
    for (const std::int32_t value : values) integer(value);
    return raw("t");
  }
  PickleBytes& ordered_dict() { return global("collections", "OrderedDict").raw(")R"); }
  PickleBytes& storage(std::string_view key, std::int32_t n_element) {
    raw("(").text("storage").global("torch", "FloatStorage").text(key).text("mps");
    return integer(n_element).raw("tQ");
  }
  PickleBytes& tensor(std::string_view key, std::int32_t storage_size, std::int32_t offset,
                      const std::vector<std::int32_t>& shape,
                      const std::vector<std::int32_t>& strides) {
    global("torch._utils", "_rebuild_tensor_v2").raw("(").storage(key, storage_size);
    integer(offset).integers(shape).integers(strides);
    return raw("\x89").ordered_dict().raw("tR");
  }
  std::string str() const { return bytes_ + "."; }

 private:
  void u32(std::uint32_t value) {
    for (int i = 0; i < 4; ++i) bytes_ += static_cast<char>((value >> (8 * i)) & 0xff);
  }
  std::string bytes_;
};

inline std::string float_bytes(const std::vector<float>& values) {
  std::string bytes(values.size() * sizeof(float), '\0');
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

// What torch.save writes: stored members, sizes after the content, and an extra field that aligns.
inline std::string torch_archive(std::string_view pickle, const std::vector<std::string>& storages,
                                 std::string_view byte_order = "little") {
  ZipBytes zip;
  ZipBytes::Options options;
  options.deflate = false;
  options.data_descriptor = true;
  options.extra = std::string("FB\x0a\0", 4) + std::string(10, 'Z');
  zip.add("head/data.pkl", pickle, options);
  zip.add("head/byteorder", byte_order, options);
  for (std::size_t i = 0; i < storages.size(); ++i)
    zip.add("head/data/" + std::to_string(i), storages[i], options);
  zip.add("head/version", "3\n", options);
  zip.add("head/.data/serialization_id", std::string(40, '7'), options);
  return zip.str();
}

// The state_dict of a linear head: output.weight [1, n] and output.bias [1], as torch pickles it.
inline std::string torch_head(const std::vector<float>& weight, float bias) {
  const auto n = static_cast<std::int32_t>(weight.size());
  PickleBytes pickle;
  pickle.ordered_dict().raw("q\x01(");
  pickle.text("output.weight").tensor("0", n, 0, {1, n}, {n, 1});
  pickle.text("output.bias").tensor("1", 1, 0, {1}, {1});
  pickle.raw("u}").text("_metadata").ordered_dict().raw("sb");
  return torch_archive(pickle.str(), {float_bytes(weight), float_bytes({bias})});
}

}  // namespace gnomon::test
