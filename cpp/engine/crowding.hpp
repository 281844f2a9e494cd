// Whether other work occupies the cores, so that steps are faster on one thread for a while.
//
// Where it does (JAX's threads spin a while after a gradient, for one), a thread that libgomp woke
// waits behind it, or spins for milliseconds on the very core that the calling thread needs.
#pragma once

#include <chrono>
#include <cstdint>

namespace instep {

// Whether this call had better run on one thread; to be asked once for each that could do else.
bool crowded();

// Judges a parallel region, from its construction to its end.
class RegionWatch {
 public:
  RegionWatch(int threads, std::int64_t bytes);
  ~RegionWatch();
  RegionWatch(const RegionWatch&) = delete;
  RegionWatch& operator=(const RegionWatch&) = delete;

  // To be called by the calling thread when it has done its share.
  void caller_is_done() noexcept;

 private:
  using Clock = std::chrono::steady_clock;

  int threads_;
  std::int64_t bytes_;
  bool watched_;
  std::chrono::nanoseconds busy_{0};  // what the calling thread itself ran
  Clock::time_point begin_;
};

}  // namespace instep
