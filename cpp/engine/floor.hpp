// One of the kernels' floors on arrays of its own, as plainly as it can be run: none of the
// engine's decisions, so that what they cost shows against it.
#pragma once

#include <cstdint>

#include "kernels/table.hpp"

namespace instep {

struct Floor {
  Loop loop;
  void* arrays[max_arrays];
  int array_count;
  std::int64_t size, item_size;
  int threads;

  void run() const noexcept;

 private:
  void run_part(std::int64_t begin, std::int64_t end) const noexcept;
};

}  // namespace instep
