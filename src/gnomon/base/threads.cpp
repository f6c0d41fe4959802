// SPDX-License-Identifier: Apache-2.0
#include "gnomon/base/threads.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace gnomon {
namespace {

std::atomic<int>& thread_setting() {
  static std::atomic<int> setting{0};
  return setting;
}

}  // namespace

void set_threads(int n) {
  thread_setting() = std::max(0, n);
#ifdef _OPENMP
  // OpenBLAS (openmp) draws on the same pool and follows this setting.
  omp_set_num_threads(threads());
#endif
}

int threads() {
  const int setting = thread_setting();
  if (setting > 0) return setting;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void parallel_for(std::int64_t begin, std::int64_t end, std::int64_t grain,
                  const std::function<void(std::int64_t, std::int64_t)>& body) {
  const std::int64_t n = end - begin;
  if (n <= 0) return;
  const std::int64_t n_chunk =
      std::clamp<std::int64_t>(n / std::max<std::int64_t>(grain, 1), 1, threads());
  if (n_chunk == 1) {
    body(begin, end);
    return;
  }
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const auto run_chunk = [&](std::int64_t chunk) {
    try {
      body(begin + n * chunk / n_chunk, begin + n * (chunk + 1) / n_chunk);
    } catch (...) {
      const std::scoped_lock lock(failure_mutex);
      if (!failure) failure = std::current_exception();
    }
  };
#ifdef _OPENMP
#pragma omp parallel for schedule(static, 1) num_threads(static_cast <int>(n_chunk))
  for (std::int64_t chunk = 0; chunk < n_chunk; ++chunk) run_chunk(chunk);
#else
  {
    std::vector<std::jthread> workers;
    for (std::int64_t chunk = 1; chunk < n_chunk; ++chunk) workers.emplace_back(run_chunk, chunk);
    run_chunk(0);
  }
#endif
  if (failure) std::rethrow_exception(failure);
}

}  // namespace gnomon
