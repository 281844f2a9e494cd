// What one call steps, shared among threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/task.hpp"

namespace instep {

// Lays the tasks end to end and gives each thread one contiguous share of the line, the same at
// every call, cut where a cache line of the parameter ends. The result does not depend on it.
class TaskLine {
 public:
  void clear() {
    stretches_.clear();
    bytes_ = 0;
  }
  void reserve(std::size_t tasks) { stretches_.reserve(tasks); }
  // The task must stay where it is until `step` has returned.
  void add(const Task& task) {
    bytes_ += task.bytes();
    stretches_.push_back({&task, bytes_});
  }
  std::int64_t bytes() const { return bytes_; }
  // Allocates nothing.
  void step(bool flush_subnormals) const noexcept;

 private:
  void step_share(int share, int shares) const noexcept;

  struct Stretch {
    const Task* task = nullptr;
    std::int64_t end = 0;  // on the line, in bytes
  };

  std::vector<Stretch> stretches_;
  std::int64_t bytes_ = 0;
};

}  // namespace instep
