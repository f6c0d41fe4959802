// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <iostream>
#include <string>

#include "gnomon/base/threads.h"
#include "gnomon/kernels/detail/instruction_set.h"
#include "gnomon/kernels/matmul.h"
#include "machine.h"

namespace gnomon::bench {

// Puts the machine into the context that Google Benchmark prints and writes to JSON, and warns
// where the figures are not to be trusted. Every bench file has one object of it.
struct Banner {
  Banner() {
    benchmark::AddCustomContext("processor", processor_name());
    benchmark::AddCustomContext("instruction set", std::string(detail::instruction_set_name()));
    benchmark::AddCustomContext("threads", std::to_string(threads()));
    benchmark::AddCustomContext("blas", blas_description());
#if !defined(NDEBUG) || !defined(__OPTIMIZE__)
    std::cerr << "*** not an optimised build: configure with -DCMAKE_BUILD_TYPE=Release\n";
#endif
    double load = 0;
    if (getloadavg(&load, 1) == 1 && load > 0.5) {
      std::cerr << "*** the machine is busy, load " << load
                << ": figures with two threads mean little\n";
    }
  }
};

}  // namespace gnomon::bench
