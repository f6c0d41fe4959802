// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "gnomon/tensor/dtype.h"
#include "gnomon/tensor/view.h"

namespace gnomon {

// A tensor as it stands in a mapped file. `shape` is row-major, last axis fastest, whatever order
// the file uses; `bytes` point into the mapping.
struct StoredTensor {
  std::string name;
  Dtype dtype = Dtype::f32;
  std::vector<Index> shape;
  std::span<const std::byte> bytes;
};

}  // namespace gnomon
