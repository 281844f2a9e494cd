// Squares in double, added to lanes. Included like loops.hpp.
#pragma once

#include "kernels/table.hpp"
#include "kernels/widen.hpp"

namespace instep {
namespace {

template <class T>
struct AsItIs {
  T operator()(T x) const { return x; }
};

// In double, where the square may have no other place.
template <class T>
struct Multiplied {
  double factor;
  double operator()(T x) const { return factor * double(x); }
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

template <class T, class Conditioning>
inline void add_at(int64_t position, const T* array, int64_t n, double* sums,
                   const Conditioning conditioning) {
  const int64_t lane = position % norm_lanes;
  const int64_t to_first = lane == 0 ? 0 : norm_lanes - lane;
  const int64_t before = n < to_first ? n : to_first;
  const int64_t whole = (n - before) / norm_lanes * norm_lanes;
  add_squares_from<T>(lane, array, before, sums, conditioning);
  add_squares<T>(array + before, whole, sums, conditioning);
  add_squares_from<T>(0, array + before + whole, n - before - whole, sums, conditioning);
}

template <class T>
void add_piece(const void* piece, int64_t n, int64_t position, double rescale, double* sums) {
  const auto* const array = static_cast<const T*>(piece);
  if (rescale == 1.0) {
    add_at(position, array, n, sums, AsItIs<T>());
  } else {
    add_at(position, array, n, sums, Multiplied<T>{rescale});
  }
}

constexpr SquareLoops square_loops = {{add_piece<float>, add_piece<double>}};

}  // namespace
}  // namespace instep
