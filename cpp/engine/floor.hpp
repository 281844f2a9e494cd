// One of the kernels' floors on arrays of its own, as plainly as it can be run: none of the
// engine's decisions, so that what they cost shows against it.
#pragma once

#include <cstdint>

#include "kernels/table.hpp"

namespace instep {

struct Floor {
  Loop loop = nullptr;
  bool takes_roots = false;
  void* written[max_written] = {};
  int written_count = 0;
  const void* grad = nullptr;
  std::int64_t size = 0, item_size = 0;
  int threads = 1;

  // How many of parameter, gradient and states passes before that of the loop read: one of so many
  // as there are, then of the rest. Where the loop takes roots, it is that pass as well.
  int read_before = 0;
  const ReadArrays* read = nullptr;  // by the number of arrays, from 1

  // What is moved: parameter and states are read and written.
  std::int64_t bytes() const { return size * item_size * (read_before + 1 + 2 * written_count); }

  // Allocates nothing.
  void run() const noexcept;

 private:
  template <class Part>
  void run_pass(Part part) const noexcept;
  void run_part(std::int64_t begin, std::int64_t end) const noexcept;
  void read_part(int count, std::int64_t begin, std::int64_t end) const noexcept;
};

}  // namespace instep
