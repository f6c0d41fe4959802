// SPDX-License-Identifier: Apache-2.0
#include "gnomon/tensor/dtype.h"

#include <array>

#include "gnomon/base/error.h"

namespace gnomon {

const DtypeInfo& dtype_info(Dtype dtype) {
  static constexpr std::array kInfo = {
      DtypeInfo{Dtype::f64, "F64", 1, 8},      DtypeInfo{Dtype::f32, "F32", 1, 4},
      DtypeInfo{Dtype::f16, "F16", 1, 2},      DtypeInfo{Dtype::bf16, "BF16", 1, 2},
      DtypeInfo{Dtype::i64, "I64", 1, 8},      DtypeInfo{Dtype::i32, "I32", 1, 4},
      DtypeInfo{Dtype::i16, "I16", 1, 2},      DtypeInfo{Dtype::i8, "I8", 1, 1},
      DtypeInfo{Dtype::u8, "U8", 1, 1},        DtypeInfo{Dtype::boolean, "BOOL", 1, 1},
      DtypeInfo{Dtype::q4_0, "Q4_0", 32, 18},  DtypeInfo{Dtype::q4_1, "Q4_1", 32, 20},
      DtypeInfo{Dtype::q5_0, "Q5_0", 32, 22},  DtypeInfo{Dtype::q5_1, "Q5_1", 32, 24},
      DtypeInfo{Dtype::q8_0, "Q8_0", 32, 34},  DtypeInfo{Dtype::q4_k, "Q4_K", 256, 144},
      DtypeInfo{Dtype::q5_k, "Q5_K", 256, 176}, DtypeInfo{Dtype::q6_k, "Q6_K", 256, 210},
  };
  for (const DtypeInfo& info : kInfo) {
    if (info.dtype == dtype) return info;
  }
  throw InternalError("dtype_info: unknown dtype");
}

}  // namespace gnomon
