// The reductions of all parameters of a call, shared among threads.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/reduction.hpp"

namespace instep {

class Reductions {
 public:
  void clear() {
    reductions_.clear();
    bytes_ = 0;
  }
  // Both must stay where they are until `run` has returned.
  void add(Reduction& reduction, const Task& step) {
    reductions_.push_back({&reduction, &step});
    bytes_ += step.bytes();
  }
  std::int64_t bytes() const { return bytes_; }
  // What is stepped has its kernel and coefficients. Allocates nothing.
  void run(bool flush_subnormals) const noexcept;

 private:
  struct Each {
    Reduction* reduction = nullptr;
    const Task* step = nullptr;
  };

  void take_turn(int turn, bool flush_subnormals) const noexcept;

  std::vector<Each> reductions_;
  std::int64_t bytes_ = 0;
};

}  // namespace instep
