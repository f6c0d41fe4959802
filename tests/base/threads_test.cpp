// SPDX-License-Identifier: Apache-2.0
#include "gnomon/base/threads.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

namespace gnomon {
namespace {

class Threads : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override { set_threads(GetParam()); }
  void TearDown() override { set_threads(0); }
};

TEST_P(Threads, CoverEveryIndexOnce) {
  for (const std::int64_t n : {0, 1, 2, 7, 1000}) {
    for (const std::int64_t grain : {0, 1, 3, 2000}) {
      std::vector<int> visits(static_cast<std::size_t>(n));
      parallel_for(10, 10 + n, grain, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t i = first; i < last; ++i) ++visits[static_cast<std::size_t>(i - 10)];
      });
      EXPECT_EQ(visits, std::vector<int>(static_cast<std::size_t>(n), 1));
    }
  }
}

TEST_P(Threads, GiveEachBodyAtLeastAGrain) {
  std::mutex mutex;
  std::vector<std::int64_t> sizes;
  parallel_for(0, 100, 30, [&](std::int64_t first, std::int64_t last) {
    const std::scoped_lock lock(mutex);
    sizes.push_back(last - first);
  });
  for (const std::int64_t size : sizes) EXPECT_GE(size, 30);
  EXPECT_LE(sizes.size(), static_cast<std::size_t>(GetParam()));
}

TEST_P(Threads, DoNothingForAnEmptyOrBackwardRange) {
  std::atomic<int> calls = 0;
  parallel_for(5, 5, 1, [&](std::int64_t, std::int64_t) { ++calls; });
  parallel_for(5, 3, 1, [&](std::int64_t, std::int64_t) { ++calls; });
  EXPECT_EQ(calls, 0);
}

TEST_P(Threads, RethrowAfterAllHaveEnded) {
  std::atomic<int> ended = 0;
  const auto run = [&] {
    parallel_for(0, 100, 1, [&](std::int64_t first, std::int64_t) {
      ++ended;
      if (first == 0) throw std::runtime_error("the first chunk");
    });
  };
  EXPECT_THROW(run(), std::runtime_error);
  EXPECT_EQ(ended, GetParam());
}

TEST_P(Threads, RunWhatABodySharesOutOnItsOwnThread) {
  std::atomic<int> visits = 0;
  parallel_for(0, 20, 1, [&](std::int64_t first, std::int64_t last) {
    const auto outer = std::this_thread::get_id();
    for (std::int64_t i = first; i < last; ++i) {
      parallel_for(0, 10, 1, [&](std::int64_t inner_first, std::int64_t inner_last) {
        if (GetParam() > 1) {
          EXPECT_EQ(std::this_thread::get_id(), outer);
        }
        visits += static_cast<int>(inner_last - inner_first);
      });
    }
  });
  EXPECT_EQ(visits, 200);
}

TEST_P(Threads, ServeSeveralCallersAtOnce) {
  constexpr int kCallers = 4;
  constexpr std::int64_t kRounds = 200, kItems = 64;
  std::vector<std::int64_t> sums(kCallers);
  {
    std::vector<std::jthread> callers;
    for (std::int64_t& sum : sums) {
      callers.emplace_back([&sum] {
        for (std::int64_t round = 0; round < kRounds; ++round) {
          std::vector<std::int64_t> item(kItems);
          parallel_for(0, kItems, 1, [&](std::int64_t first, std::int64_t last) {
            for (std::int64_t i = first; i < last; ++i) item[static_cast<std::size_t>(i)] = i;
          });
          sum += std::accumulate(item.begin(), item.end(), std::int64_t{0});
        }
      });
    }
  }
  EXPECT_EQ(sums, std::vector<std::int64_t>(kCallers, kRounds * kItems * (kItems - 1) / 2));
}

// Sleeping and waking: pauses longer than a waiting thread spins.
TEST_P(Threads, WakeForWorkThatComesLate) {
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::microseconds(300));
    std::atomic<int> visits = 0;
    parallel_for(0, 8, 1, [&](std::int64_t first, std::int64_t last) {
      visits += static_cast<int>(last - first);
    });
    EXPECT_EQ(visits, 8);
  }
}

// What was asleep in the parent is not there in the child.
TEST_P(Threads, WorkInTheChildOfAFork) {
  const auto count = [] {
    std::atomic<int> visits = 0;
    parallel_for(0, 8, 1, [&](std::int64_t first, std::int64_t last) {
      visits += static_cast<int>(last - first);
    });
    return visits.load();
  };
  EXPECT_EQ(count(), 8);
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    bool right = true;
    for (int i = 0; i < 50; ++i) right = right && count() == 8;
    _exit(right ? 0 : 1);
  }
  int status = 1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(count(), 8);
}

INSTANTIATE_TEST_SUITE_P(Counts, Threads, ::testing::Values(1, 2, 5));

TEST(ThreadSetting, IsTheMachinesUntilSet) {
  set_threads(0);
  EXPECT_GE(threads(), 1);
  set_threads(3);
  EXPECT_EQ(threads(), 3);
  set_threads(-4);
  EXPECT_GE(threads(), 1);
  set_threads(0);
}

}  // namespace
}  // namespace gnomon
