// The exchange of two points. Included like loops.hpp.
#pragma once

#include <math.h>
#include <string.h>

#include "kernels/loops.hpp"

namespace instep {
namespace {

// From the first array the part of the way to the second.
template <class T>
inline T part_of_way(T from, T to, T part) {
  return from + (part * (to - from));
}

// kept * param + (1 - kept) * state, from whichever of the two is nearer: what is rounded is the
// shorter way.
template <class T>
inline void exchange_points(void* const* written, const void* read, int64_t n,
                            const Coefficients& coefficients) {
  T* const param = static_cast<T*>(written[param_place]);
  const T* const state = static_cast<const T*>(read);
  double kept;
  memcpy(&kept, coefficients.bytes, sizeof(kept));
  const double left = 1.0 - kept;
  if (::fabs(left) <= ::fabs(kept)) {
    INSTEP_NO_OVERLAP
    for (int64_t i = 0; i < n; ++i) param[i] = part_of_way(param[i], state[i], T(left));
  } else {
    INSTEP_NO_OVERLAP
    for (int64_t i = 0; i < n; ++i) param[i] = part_of_way(state[i], param[i], T(kept));
  }
}

template <class T>
void exchange(void* const* written, const void* read, int64_t n, const Coefficients& coefficients) {
  exchange_points<T>(written, read, n, coefficients);
}

template <class T>
INSTEP_WIDEST void wide_exchange(void* const* written, const void* read, int64_t n,
                                 const Coefficients& coefficients) {
  exchange_points<T>(written, read, n, coefficients);
}

template <class T>
constexpr Kernel exchange_kernel = {exchange<T>, has_wider_vectors ? wide_exchange<T> : exchange<T>,
                                    nullptr,     nullptr,
                                    nullptr,     nullptr};

}  // namespace
}  // namespace instep
