// How the lanes of a sum of squares become one number.
#pragma once

#include "kernels/table.hpp"

namespace instep {
namespace {

inline double sum_lanes(double* sums) {
  for (int half = norm_lanes / 2; half > 0; half /= 2) {
    for (int lane = 0; lane < half; ++lane) sums[lane] = sums[lane] + sums[lane + half];
  }
  return sums[0];
}

// Puts down the sum of a block, and begins the next.
inline void end_block(SquareSums& sums) {
  *sums.next++ = sum_lanes(sums.lanes);
  for (double& lane : sums.lanes) lane = 0.0;
}

inline void end_block(BlockSums& sums) {
  end_block(sums.param);
  end_block(sums.measured);
  sums.position = 0;
}

}  // namespace
}  // namespace instep
