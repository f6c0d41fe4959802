// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace gnomon::detail {

// How many threads OpenBLAS takes for what this thread calls next; another library is left as it
// is. A factorisation is a chain of thousands of small products: shared out, its bits depend on the
// number of threads, and on a busy machine the waiting for one another costs far more than the
// sharing gains. So it asks for one.
void set_blas_threads(int n);

}  // namespace gnomon::detail
