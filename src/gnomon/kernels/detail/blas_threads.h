// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace gnomon::detail {

// How many threads OpenBLAS takes for what this thread calls while this lives; another library is
// left as it is. A factorisation is a chain of thousands of small products: shared out, its bits
// depend on the number of threads, and on a busy machine the waiting for one another costs far more
// than the sharing gains. So it takes one.
class BlasThreads {
 public:
  explicit BlasThreads(int n);
  ~BlasThreads();
  BlasThreads(const BlasThreads&) = delete;
  BlasThreads& operator=(const BlasThreads&) = delete;

 private:
  int before_;
};

}  // namespace gnomon::detail
