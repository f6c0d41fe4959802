// SPDX-License-Identifier: Apache-2.0
// in: names and shapes, then bytes in parts   out: a safetensors file
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "gnomon/tensor/dtype.h"
#include "gnomon/tensor/view.h"

namespace gnomon {

// A tensor whose bytes come later.
struct PlannedTensor {
  std::string name;
  Dtype dtype = Dtype::f32;
  std::vector<Index> shape;
};

// Takes the bytes of planned tensors: those of one tensor in their order, of different tensors in
// any.
class TensorParts {
 public:
  // Of planned tensor number `tensor`. Throws ArgumentError beyond its end.
  void append(std::size_t tensor, std::span<const std::byte> bytes);
  // Whether what was appended could be written. If not, `fill` may end: the reason is thrown then.
  bool can_write() const;

 private:
  friend void write_safetensors_in_parts(const std::filesystem::path&,
                                         const std::vector<PlannedTensor>&,
                                         const std::map<std::string, std::string>&,
                                         const std::function<void(TensorParts&)>&);
  struct Place {
    std::uint64_t next, last;  // bytes of the file
  };
  TensorParts(std::ostream& out, std::uint64_t at) : out_(out), at_(at) {}

  std::ostream& out_;
  std::uint64_t at_;  // where the next byte would go
  std::vector<Place> places_;
};

// As write_safetensors (tensor/safetensors.h), of tensors that `fill` hands over in parts: none
// needs to be whole in memory. Throws as it does, and ArgumentError where `fill` left bytes out.
void write_safetensors_in_parts(const std::filesystem::path& path,
                                const std::vector<PlannedTensor>& tensors,
                                const std::map<std::string, std::string>& metadata,
                                const std::function<void(TensorParts&)>& fill);

}  // namespace gnomon
