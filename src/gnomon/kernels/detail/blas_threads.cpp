// SPDX-License-Identifier: Apache-2.0
#include "gnomon/kernels/detail/blas_threads.h"

#include <mutex>

// OpenBLAS has these functions, those of OpenMP where it was built with that; other libraries have
// none: then their addresses are null.
extern "C" {
__attribute__((weak)) void openblas_set_num_threads(int n);
__attribute__((weak)) int openblas_get_num_threads(void);
__attribute__((weak)) void omp_set_num_threads(int n);
__attribute__((weak)) int omp_get_max_threads(void);
}

namespace gnomon::detail {
namespace {

bool has_openmp() { return omp_set_num_threads != nullptr && omp_get_max_threads != nullptr; }

}  // namespace

BlasThreads::BlasThreads(int n) : before_(has_openmp() ? omp_get_max_threads() : 0) {
  // OpenBLAS 0.3.21 changes its number without a lock, and with OpenMP does so by itself in a call
  // from a thread whose number is another one: here it is made this thread's before.
  static std::mutex mutex;
  const std::scoped_lock lock(mutex);
  if (has_openmp()) omp_set_num_threads(n);
  if (openblas_set_num_threads != nullptr && openblas_get_num_threads != nullptr &&
      openblas_get_num_threads() != n)
    openblas_set_num_threads(n);
}

BlasThreads::~BlasThreads() {
  if (has_openmp()) omp_set_num_threads(before_);
}

}  // namespace gnomon::detail
