// One of the kernels' floors on arrays of its own, as plainly as it can be run: none of the
// engine's decisions, so that what they cost shows against it.
#pragma once

#include <cstdint>

#include "kernels/table.hpp"

namespace instep {

struct Floor {
  Loop loop = nullptr;
  void* written[max_written] = {};
  int written_count = 0;
  const void* grad = nullptr;
  std::int64_t size = 0, item_size = 0;
  int threads = 1;

  std::int64_t bytes() const { return size * item_size * (written_count + 1); }

  // Allocates nothing.
  void run() const noexcept;

 private:
  void run_part(std::int64_t begin, std::int64_t end) const noexcept;
};

}  // namespace instep
