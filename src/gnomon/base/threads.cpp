// SPDX-License-Identifier: Apache-2.0
#include "gnomon/base/threads.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

namespace gnomon {
namespace {

std::atomic<int>& thread_setting() {
  static std::atomic<int> setting{0};
  return setting;
}

// How long a thread looks for work, or for the end of others' work, before it sleeps: more than the
// pause between two products of a forward pass, less than a time slice.
constexpr std::chrono::microseconds kSpin{50};

template <class Done>
void spin_until(const Done& done) {
  const auto end = std::chrono::steady_clock::now() + kSpin;
  while (!done() && std::chrono::steady_clock::now() < end) {
#if defined(__x86_64__) || defined(__i386__)
    for (int i = 0; i < 32 && !done(); ++i) __builtin_ia32_pause();
#else
    std::this_thread::yield();
#endif
  }
}

using RunChunk = std::function<void(std::int64_t)>;

// Whether this thread is one of those that share out work: what it calls is not shared out again.
thread_local bool is_sharing = false;

// Threads that wait for chunks of one parallel_for at a time. Whoever is free takes the next chunk,
// the caller too: it never waits for a chunk that nobody has begun, so that a thread without a
// core holds up nothing.
class Pool {
 public:
  // Whether the chunks were run; not where others are being run.
  bool run(std::int64_t n_chunk, const RunChunk& run_chunk) {
    if (is_sharing) return false;
    const std::unique_lock turn(turn_, std::try_to_lock);
    if (!turn.owns_lock()) return false;
    std::unique_lock lock(mutex_);
    try {
      for (; n_worker_ < n_chunk - 1; ++n_worker_) std::thread([this] { work(); }).detach();
    } catch (const std::system_error&) {
      // No more threads to be had: there is always the caller.
    }
    run_chunk_ = &run_chunk;
    n_begun_ = n_running_ = 0;
    n_chunk_ = n_chunk;
    open_ = true;
    for (std::int64_t i = 1; i < n_chunk && i <= n_asleep_; ++i) work_.notify_one();
    take_chunks(lock);
    if (n_running_ > 0) {
      idle_ = false;
      lock.unlock();
      spin_until([this] { return idle_.load(std::memory_order_relaxed); });
      lock.lock();
      done_.wait(lock, [this] { return n_running_ == 0; });
    }
    return true;
  }

 private:
  // With the lock held, which is free while a chunk runs.
  void take_chunks(std::unique_lock<std::mutex>& lock) {
    while (n_begun_ < n_chunk_) {
      const std::int64_t chunk = n_begun_++;
      if (n_begun_ == n_chunk_) open_ = false;
      ++n_running_;
      lock.unlock();
      is_sharing = true;
      (*run_chunk_)(chunk);
      is_sharing = false;
      lock.lock();
      --n_running_;
    }
  }

  [[noreturn]] void work() {
    while (true) {
      spin_until([this] { return open_.load(std::memory_order_relaxed); });
      std::unique_lock lock(mutex_);
      ++n_asleep_;
      work_.wait(lock, [this] { return n_begun_ < n_chunk_; });
      --n_asleep_;
      take_chunks(lock);
      if (n_running_ > 0) continue;
      idle_ = true;
      done_.notify_one();
    }
  }

  std::mutex turn_;  // held by whose chunks are run
  std::mutex mutex_;
  std::condition_variable work_, done_;
  const RunChunk* run_chunk_ = nullptr;
  std::int64_t n_chunk_ = 0, n_begun_ = 0, n_running_ = 0, n_worker_ = 0, n_asleep_ = 0;
  // What a spinning thread reads without the lock.
  std::atomic<bool> open_{false}, idle_{true};
};

// Never destroyed: its threads end with the process. The child of a fork has none of them, and the
// locks as they stood: it begins with a new one.
std::atomic<Pool*>& current_pool() {
  static std::atomic<Pool*> pool = [] {
    pthread_atfork(nullptr, nullptr, [] {
      current_pool() = new Pool;
      is_sharing = false;
    });
    return new Pool;
  }();
  return pool;
}

Pool& pool() { return *current_pool(); }

}  // namespace

void set_threads(int n) { thread_setting() = std::max(0, n); }

int threads() {
  const int setting = thread_setting();
  if (setting > 0) return setting;
  static const int n_core = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return n_core;
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
  const RunChunk run_chunk = [&](std::int64_t chunk) {
    try {
      body(begin + n * chunk / n_chunk, begin + n * (chunk + 1) / n_chunk);
    } catch (...) {
      const std::scoped_lock lock(failure_mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  if (!pool().run(n_chunk, run_chunk)) return body(begin, end);
  if (failure) std::rethrow_exception(failure);
}

}  // namespace gnomon
