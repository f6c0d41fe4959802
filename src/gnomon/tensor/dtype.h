// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace gnomon {

// Element types of tensors in files. The block types are GGML's: a block of elements shares a
// scale.
enum class Dtype {
  f64,
  f32,
  f16,
  bf16,
  i64,
  i32,
  i16,
  i8,
  u8,
  boolean,
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q8_0,
  q4_k,
  q5_k,
  q6_k
};

struct DtypeInfo {
  Dtype dtype;
  std::string_view name;    // as Gnomon prints it: "F32", "Q4_1"
  std::int64_t block_size;  // elements in a block; 1 for plain types
  std::int64_t block_bytes;
};

const DtypeInfo& dtype_info(Dtype dtype);

}  // namespace gnomon
