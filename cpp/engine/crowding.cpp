#include "engine/crowding.hpp"

#include <algorithm>
#include <atomic>
#include <ctime>

namespace instep {
namespace {

// What a region may take beyond its work before it is looked at.
constexpr std::chrono::microseconds patience(500);

// Bytes for each nanosecond that a core steps at least, but for subnormal numbers and page faults.
constexpr std::int64_t slowest_rate = 8;

// How many more calls run on one thread, and how many it will be the next time: more of them each
// time it happens again.
constexpr int fewest_serial_calls = 8, most_serial_calls = 1024;
std::atomic<int> serial_calls{0}, next_serial_calls{fewest_serial_calls};

// The last region took suspiciously long. The next one is then judged by the processor time of the
// calling thread, whose clock takes a microsecond to read.
std::atomic<bool> suspected{false};

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

}  // namespace

bool crowded() {
  if (serial_calls <= 0) return false;
  --serial_calls;
  return true;
}

RegionWatch::RegionWatch(int threads, std::int64_t bytes)
    : threads_(threads), bytes_(bytes), watched_(suspected) {
  if (watched_) busy_ = own_time();
  begin_ = Clock::now();
}

void RegionWatch::caller_is_done() noexcept {
  if (watched_) busy_ = own_time() - busy_;
}

RegionWatch::~RegionWatch() {
  const auto elapsed = Clock::now() - begin_;
  suspected = elapsed > patience + std::chrono::nanoseconds(bytes_ / slowest_rate);
  if (!watched_) return;
  if (elapsed > threads_ * busy_ + patience) {
    serial_calls = next_serial_calls.load();
    next_serial_calls = std::min(2 * next_serial_calls, most_serial_calls);
  } else if (!suspected) {
    next_serial_calls = std::max(next_serial_calls / 2, fewest_serial_calls);
  }
}

}  // namespace instep
