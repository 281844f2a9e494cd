// Arrays that the kernel's loop works on as they are: each of them one contiguous, aligned run, all
// in the same order.
#pragma once

#include <cstdint>

#include "engine/placement.hpp"
#include "kernels/table.hpp"

namespace instep {

struct DirectArrays {
  std::int64_t item_size = 0;
  int written_count = 0;
  void* written[max_written] = {};  // the parameter comes first, then the states
  const char* grad = nullptr;

  std::int64_t bytes_per_element() const { return item_size * (written_count + 1); }

  void add_written(void* data) noexcept { written[written_count++] = data; }

  // Elements from `at` on before the parameter's next cache line.
  std::int64_t lead_in(std::int64_t at) const noexcept {
    const char* const param = static_cast<const char*>(written[param_place]);
    return elements_to_line(param + at * item_size, item_size);
  }

  void step(Loop loop, const Coefficients& coefficients, std::int64_t begin,
            std::int64_t end) const noexcept {
    if ((end - begin) * item_size >= least_bytes_to_align) {
      const std::int64_t aligned = begin + lead_in(begin);
      if (begin < aligned) run(loop, coefficients, begin, aligned);
      begin = aligned;
    }
    run(loop, coefficients, begin, end);
  }

 private:
  void run(Loop loop, const Coefficients& coefficients, std::int64_t begin,
           std::int64_t end) const noexcept {
    // Small arrays are stepped whole, and there the addresses below would show.
    if (begin == 0) {
      loop(written, grad, end, coefficients);
      return;
    }
    const std::int64_t offset = begin * item_size;
    void* at[max_written];
    for (int k = 0; k < written_count; ++k) at[k] = static_cast<char*>(written[k]) + offset;
    loop(at, grad + offset, end - begin, coefficients);
  }
};

}  // namespace instep
