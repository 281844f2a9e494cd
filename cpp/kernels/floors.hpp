// Loops over the arrays of a step that do less than any step of those arrays: what the benchmark
// measures a step against. Included like loops.hpp.
#pragma once

#include "kernels/loops.hpp"

namespace instep {
namespace {

// Reads and writes what a rule with so many states does, with one addition for each array written.
template <class T, int states>
void traffic(void* const* arrays, int64_t n, const Coefficients&) {
  T* const param = static_cast<T*>(arrays[0]);
  const T* const grad = static_cast<const T*>(arrays[1]);
  T* const a = states > 0 ? static_cast<T*>(arrays[2]) : nullptr;
  T* const b = states > 1 ? static_cast<T*>(arrays[3]) : nullptr;
  T* const c = states > 2 ? static_cast<T*>(arrays[4]) : nullptr;
  INSTEP_NO_OVERLAP
  for (int64_t i = 0; i < n; ++i) {
    param[i] = param[i] + grad[i];
    if constexpr (states > 0) a[i] = a[i] + grad[i];
    if constexpr (states > 1) b[i] = b[i] + grad[i];
    if constexpr (states > 2) c[i] = c[i] + grad[i];
  }
}

// A division for each element, and one root or two; the arrays are param, m and v.
template <class T, int roots>
void divide_root(void* const* arrays, int64_t n, const Coefficients&) {
  T* const param = static_cast<T*>(arrays[0]);
  const T* const m = static_cast<const T*>(arrays[1]);
  const T* const v = static_cast<const T*>(arrays[2]);
  INSTEP_NO_OVERLAP
  for (int64_t i = 0; i < n; ++i) {
    if constexpr (roots == 1) {
      param[i] = m[i] / root(v[i]);
    } else {
      param[i] = root(m[i]) / root(v[i]);
    }
  }
}

constexpr Floors floors = {
    {{traffic<float, 0>, traffic<double, 0>},
     {traffic<float, 1>, traffic<double, 1>},
     {traffic<float, 2>, traffic<double, 2>},
     {traffic<float, 3>, traffic<double, 3>}},
    {{divide_root<float, 1>, divide_root<double, 1>},
     {divide_root<float, 2>, divide_root<double, 2>}},
};

}  // namespace
}  // namespace instep
