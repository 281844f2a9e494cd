// Sums whose bits depend on the number of terms alone.
#pragma once

#include <cstddef>

namespace instep {

// Neighbours first, then neighbours of what that gives; one that is left over goes on as it is. The
// terms are lost.
inline double sum_in_pairs(double* sums, std::size_t count) {
  if (count == 0) return 0.0;
  for (; count > 1; count = (count + 1) / 2) {
    for (std::size_t k = 0; k < count / 2; ++k) sums[k] = sums[2 * k] + sums[2 * k + 1];
    if (count % 2 == 1) sums[count / 2] = sums[count - 1];
  }
  return sums[0];
}

}  // namespace instep
