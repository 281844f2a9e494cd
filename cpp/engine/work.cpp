#include "engine/work.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <ctime>

#include "engine/fp_mode.hpp"
#include "engine/threads.hpp"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace instep {
namespace {

constexpr std::int64_t cache_line = 64;
constexpr std::int64_t block_bytes = 4096;

// Gathered blocks lie in L1; the odd distance keeps them from colliding modulo 4096 bytes.
struct Scratch {
  alignas(cache_line) char blocks[max_arrays][block_bytes + 3 * cache_line];
};

void step_run(const Task& task, std::int64_t begin, std::int64_t n) {
  void* arrays[max_arrays];
  for (int k = 0; k < task.stream_count; ++k) arrays[k] = task.streams[k].at(begin);
  task.loop(arrays, n, *task.coefficients);
}

// Elements that can be stepped at once from `at` on: up to the next end of a row of an array that
// is used in place, and no more than a block where one is gathered.
std::int64_t next_block(const Task& task, std::int64_t at, std::int64_t n) {
  for (int k = 0; k < task.stream_count; ++k) {
    const std::int64_t run = task.streams[k].run(at);
    n = std::min(n, run > 0 ? run : block_bytes / task.item_size);
  }
  return n;
}

void step_blocks(const Task& task, std::int64_t begin, std::int64_t end) {
  Scratch scratch;
  std::int64_t n;
  for (std::int64_t at = begin; at < end; at += n) {
    n = next_block(task, at, end - at);
    void* arrays[max_arrays];
    bool gathered[max_arrays];
    for (int k = 0; k < task.stream_count; ++k) {
      const Stream& stream = task.streams[k];
      gathered[k] = stream.run(at) == 0;
      arrays[k] = gathered[k] ? scratch.blocks[k] : stream.at(at);
      if (gathered[k]) stream.gather(at, n, arrays[k]);
    }
    task.loop(arrays, n, *task.coefficients);
    for (int k = 0; k < task.stream_count; ++k) {
      if (gathered[k] && k != 1) task.streams[k].scatter(at, n, arrays[k]);
    }
  }
}

void step_range(const Task& task, std::int64_t begin, std::int64_t end) {
  const bool direct = std::all_of(task.streams, task.streams + task.stream_count,
                                  [](const Stream& stream) { return stream.direct(); });
  if (direct) {
    step_run(task, begin, end - begin);
  } else {
    step_blocks(task, begin, end);
  }
}

// The element at which the line is cut near `bytes` into the task.
std::int64_t cut(const Task& task, std::int64_t bytes) {
  const std::int64_t index = bytes / (task.item_size * task.stream_count);
  const std::int64_t per_line = cache_line / task.item_size;
  const std::int64_t lead =
      std::int64_t(reinterpret_cast<std::uintptr_t>(task.streams[0].data()) % cache_line) /
      task.item_size;
  return std::max<std::int64_t>(0, (index + lead) / per_line * per_line - lead);
}

#ifdef _OPENMP
// What the calling thread has run; where that is not known, the time.
std::chrono::nanoseconds own_time() {
#ifdef CLOCK_THREAD_CPUTIME_ID
  timespec now;
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0) {
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  }
#endif
  return std::chrono::steady_clock::now().time_since_epoch();
}
#endif

}  // namespace

void Work::clear() {
  tasks_.clear();
  ends_.clear();
  bytes_ = 0;
}

void Work::reserve(std::size_t tasks) {
  tasks_.reserve(tasks);
  ends_.reserve(tasks);
}

void Work::add(const Task& task) {
  bytes_ += task.bytes();
  tasks_.push_back(&task);
  ends_.push_back(bytes_);
}

void Work::run() const {
  const int threads = threads_for(bytes_);
  if (threads == 1) {
    const IeeeMode mode;
    for (const Task* task : tasks_) step_range(*task, 0, task->size);
    return;
  }
#ifdef _OPENMP
  const auto begin = std::chrono::steady_clock::now();
  std::chrono::nanoseconds busy = own_time();
#pragma omp parallel num_threads(threads)
  {
    const IeeeMode mode;
    run_share(omp_get_thread_num(), omp_get_num_threads());
    if (omp_get_thread_num() == 0) busy = own_time() - busy;
  }
  report_region(threads, busy, std::chrono::steady_clock::now() - begin);
#endif
}

void Work::run_share(int share, int shares) const {
  const std::int64_t begin = bytes_ / shares * share + bytes_ % shares * share / shares;
  const std::int64_t end = bytes_ / shares * (share + 1) + bytes_ % shares * (share + 1) / shares;
  for (auto k = std::size_t(std::upper_bound(ends_.begin(), ends_.end(), begin) - ends_.begin());
       k < tasks_.size(); ++k) {
    const Task& task = *tasks_[k];
    const std::int64_t start = ends_[k] - task.bytes();
    if (start >= end) break;
    const std::int64_t from = start < begin ? cut(task, begin - start) : 0;
    const std::int64_t to = end < ends_[k] ? cut(task, end - start) : task.size;
    if (from < to) step_range(task, from, to);
  }
}

}  // namespace instep
