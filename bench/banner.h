// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <fstream>
#include <iostream>
#include <string>

#include "gnomon/base/threads.h"
#include "gnomon/kernels/detail/instruction_set.h"
#include "gnomon/kernels/matmul.h"

namespace gnomon::bench {

inline std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

// Puts the machine into the context that Google Benchmark prints and writes to JSON, and warns
// where the figures are not to be trusted. Every bench file has one object of it.
struct Banner {
  Banner() {
    benchmark::AddCustomContext("processor", processor_name());
    constexpr const char* kSets[] = {"baseline", "avx2", "avx512"};
    benchmark::AddCustomContext("instruction set",
                                kSets[static_cast<int>(detail::instruction_set())]);
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
