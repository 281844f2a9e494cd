// One parameter's step: its arrays, the loop that steps them, and how a range of it is stepped.
#pragma once

#include <cstdint>

#include "engine/stream.hpp"
#include "kernels/table.hpp"

namespace instep {

// The streams are param, grad, and the states that the loop uses; all but the gradient are written.
struct Task {
  Loop loop = nullptr;
  const Coefficients* coefficients = nullptr;
  std::int64_t size = 0;
  std::int64_t item_size = 0;
  int stream_count = 0;
  Stream streams[max_arrays];

  std::int64_t bytes() const { return size * item_size * stream_count; }

  // Elements from `at` on before the parameter's next cache line, where it lies contiguously.
  std::int64_t lead_in(std::int64_t at) const;

  void step(std::int64_t begin, std::int64_t end) const;

 private:
  void step_runs(std::int64_t begin, std::int64_t end) const;
  void step_tiles(std::int64_t begin, std::int64_t end) const;
  void step_blocks(std::int64_t begin, std::int64_t end, char* scratch, char* grad) const;
};

}  // namespace instep
