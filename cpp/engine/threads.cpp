#include "engine/threads.hpp"

#include <algorithm>
#include <atomic>

#include "engine/gate.hpp"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace instep {
namespace {

std::atomic<int> thread_cap{0};

// Opening a parallel region costs a few microseconds, in which one core steps about this much in
// cache: measured with Adam and SGD on two cores, where 2 threads overtake 1.
std::atomic<std::int64_t> grain{128 * 1024};

// How many more calls run on one thread, and how many it will be the next time.
std::atomic<int> serial_calls{0}, next_serial_calls{8};
constexpr int most_serial_calls = 1024;

}  // namespace

void set_thread_cap(int cap) { thread_cap = cap; }

int max_threads() {
#ifdef _OPENMP
  if (forked()) return 1;
  // libgomp ends the process when the system refuses it a thread.
  static const int bound = std::max(64, 4 * omp_get_num_procs());
  const int cap = thread_cap;
  return std::max(1, std::min({omp_get_max_threads(), bound, cap > 0 ? cap : bound}));
#else
  return 1;
#endif
}

std::int64_t set_grain(std::int64_t bytes) { return grain.exchange(bytes); }

int threads_for(std::int64_t bytes) {
  const std::int64_t shares = bytes / grain.load(std::memory_order_relaxed);
  if (shares <= 1) return 1;
  if (serial_calls > 0) {
    --serial_calls;
    return 1;
  }
  return int(std::min<std::int64_t>(shares, max_threads()));
}

void report_region(int threads, std::chrono::nanoseconds busy, std::chrono::nanoseconds elapsed) {
  const bool one_thread_is_faster = elapsed > threads * busy + std::chrono::microseconds(500);
  if (one_thread_is_faster) {
    serial_calls = next_serial_calls.load();
    next_serial_calls = std::min(2 * next_serial_calls.load(), most_serial_calls);
  } else if (next_serial_calls > 8) {
    next_serial_calls = next_serial_calls / 2;
  }
}

}  // namespace instep
