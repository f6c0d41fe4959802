// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "gnomon/tensor/tensor.h"

namespace gnomon {

struct TorchTensor {
  std::string name;
  Tensor<float> tensor;  // row-major, whatever strides the file has
};

// in: a file that torch.save wrote of a state_dict    out: its named float32 tensors
//
// The file is a zip archive with NAME/data.pkl, a pickle that describes the tensors, and their
// numbers in NAME/data/0, NAME/data/1, ... (torch/serialization.py, version 3). The pickle is read
// by an allow-list of opcodes and globals and never executed; a member's name is only compared.
// Other element types, protocols, byte orders and objects are refused.
//
// Throws FileError naming file, member and byte where the archive or the pickle is damaged, holds
// anything else, or a tensor does not lie inside its storage; UnsupportedError for what ZipFile
// does not read and for big-endian numbers.
std::vector<TorchTensor> read_torch_archive(const std::filesystem::path& path);

}  // namespace gnomon
