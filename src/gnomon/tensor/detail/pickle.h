// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gnomon/tensor/view.h"

namespace gnomon::detail {

// A tensor as a pickle of torch describes it: a window into a storage that lies elsewhere.
struct PickledTensor {
  std::string name;         // the key in the dictionary
  std::string storage_key;  // decimal digits
  Index storage_size = 0;   // elements of the storage, float32
  Index offset = 0;         // elements
  std::vector<Index> shape;
  std::vector<Index> strides;  // elements
};

inline constexpr std::size_t kLargestPickle = std::size_t{1} << 20;  // bytes, 1 MiB

// The tensors of a pickled dictionary from names to float32 tensors (protocol 2, as torch.save
// writes a state_dict). The pickle is not executed: opcodes and globals outside a list of those
// that such a dictionary needs are refused, and the globals on it are only compared. Attributes of
// the dictionary (BUILD) are read over. Every element of a tensor lies inside its storage, and no
// tensor has more elements than its storage. `origin` names the source in messages. Throws
// FileError with the byte at which the offending opcode stands.
std::vector<PickledTensor> read_pickled_tensors(std::span<const std::byte> bytes,
                                                std::string_view origin);

}  // namespace gnomon::detail
