// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

namespace gnomon {

// Number of worker threads that parallel_for uses; 0 means the machine's.
void set_threads(int n);
int threads();

// Calls body(first, last) on disjoint ranges that cover [begin, end), each of at least `grain`
// items when there are that many. The split never changes a result: bodies write to their own range
// only. An exception of a body is rethrown after all have ended.
void parallel_for(std::int64_t begin, std::int64_t end, std::int64_t grain,
                  const std::function<void(std::int64_t, std::int64_t)>& body);

}  // namespace gnomon
