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

}  // namespace
}  // namespace instep
