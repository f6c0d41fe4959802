// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/detail/blas_threads.h"

// OpenBLAS has this function and other libraries have not: then its address is null.
extern "C" __attribute__((weak)) void openblas_set_num_threads(int n);

namespace gnomon::detail {

void set_blas_threads(int n) {
  if (openblas_set_num_threads != nullptr) openblas_set_num_threads(n);
}

}  // namespace gnomon::detail
