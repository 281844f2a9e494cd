// Squares in double, added to lanes. Included like loops.hpp.
#pragma once

#include "kernels/table.hpp"
#include "kernels/widen.hpp"

namespace instep {
namespace {

// Where several places are read, so many elements of each in turn: four arrays by 512 took up to
// three times as long.
constexpr int64_t elements_in_turn = 64;

template <class T>
struct AsItIs {
  T operator()(T x) const { return x; }
};

// Of a multiple of `norm_lanes` elements.
template <class T, class Stored, class Conditioning>
inline void add_squares(const Stored* array, int64_t n, double* sums,
                        const Conditioning conditioning) {
  double lane_sums[norm_lanes];
  for (int lane = 0; lane < norm_lanes; ++lane) lane_sums[lane] = sums[lane];
  for (int64_t i = 0; i < n; i += norm_lanes) {
    for (int lane = 0; lane < norm_lanes; ++lane) {
      const auto x = double(conditioning(T(widened(array[i + lane]))));
      lane_sums[lane] = lane_sums[lane] + (x * x);
    }
  }
  for (int lane = 0; lane < norm_lanes; ++lane) sums[lane] = lane_sums[lane];
}

// Of fewer, the first of which belongs to this lane, and the last to none before it.
template <class T, class Stored, class Conditioning>
inline void add_squares_from(int64_t lane, const Stored* array, int64_t n, double* sums,
                             const Conditioning conditioning) {
  for (int64_t i = 0; i < n; ++i) {
    const auto x = double(conditioning(T(widened(array[i]))));
    sums[lane + i] = sums[lane + i] + (x * x);
  }
}

// Of n elements from this position in their block on.
template <class T>
inline void add_at(int64_t position, const T* array, int64_t n, SquareSums& sums) {
  for (int64_t i = 0; i < n; ++i) {
    const double x = sums.rescale * double(array[i]);
    double& lane = sums.lanes[(position + i) % norm_lanes];
    lane = lane + (x * x);
  }
}

}  // namespace
}  // namespace instep
