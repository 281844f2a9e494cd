// Numbers that are read while a step runs.
#pragma once

#include <atomic>

namespace instep {

// Written by the thread that has the turn with an optimizer, and read by any at any time: whole,
// without waiting, and as long ago as it may be.
template <class T>
class Watched {
 public:
  Watched(T value = T()) noexcept : value_(value) {}
  Watched(const Watched& other) noexcept : Watched(T(other)) {}
  Watched& operator=(const Watched& other) noexcept { return *this = T(other); }
  Watched& operator=(T value) noexcept {
    value_.store(value, std::memory_order_relaxed);
    return *this;
  }

  operator T() const noexcept { return value_.load(std::memory_order_relaxed); }
  T operator++() noexcept {
    const T next = *this + T(1);  // one thread alone writes
    *this = next;
    return next;
  }

 private:
  std::atomic<T> value_;
};

}  // namespace instep
