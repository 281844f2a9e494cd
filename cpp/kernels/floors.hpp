// Loops over the arrays of a step that do less than any step of those arrays: what the benchmark
// measures a step against. Included like loops.hpp.
#pragma once

#include "kernels/loops.hpp"

namespace instep {
namespace {

// Reads and writes what a rule with so many states does, with one addition for each array written.
template <class T, int... state>
inline void pass(std::integer_sequence<int, state...>, void* const* written, const void* read,
                 int64_t n) {
  T* const param = static_cast<T*>(written[param_place]);
  const T* const grad = static_cast<const T*>(read);
  [[maybe_unused]] T* const states[] = {static_cast<T*>(written[first_state_place + state])...,
                                        nullptr};
  INSTEP_NO_OVERLAP
  for (int64_t i = 0; i < n; ++i) {
    param[i] = param[i] + grad[i];
    ((states[state][i] = states[state][i] + grad[i]), ...);
  }
}

template <class T, int states>
void traffic(void* const* written, const void* read, int64_t n, const Coefficients&) {
  pass<T>(std::make_integer_sequence<int, states>(), written, read, n);
}

// A division for each element, and one root or two, of what is read and of a state, which is not
// written either.
template <class T, int roots>
void divide_root(void* const* written, const void* read, int64_t n, const Coefficients&) {
  T* const param = static_cast<T*>(written[param_place]);
  const T* const m = static_cast<const T*>(read);
  const T* const v = static_cast<const T*>(written[first_state_place]);
  INSTEP_NO_OVERLAP
  for (int64_t i = 0; i < n; ++i) {
    if constexpr (roots == 1) {
      param[i] = m[i] / root(v[i]);
    } else {
      param[i] = root(m[i]) / root(v[i]);
    }
  }
}

// The exclusive or of all bytes.
template <int... k>
inline unsigned char read(std::integer_sequence<int, k...>, const void* const* arrays,
                          int64_t bytes) {
  const unsigned char* const each[] = {static_cast<const unsigned char*>(arrays[k])...};
  unsigned char all = 0;
  for (int64_t i = 0; i < bytes; ++i) {
    all = static_cast<unsigned char>(all ^ (each[k][i] ^ ...));
  }
  return all;
}

template <int count>
unsigned char read_arrays(const void* const* arrays, int64_t bytes) {
  return read(std::make_integer_sequence<int, count>(), arrays, bytes);
}

constexpr Floors floors = {
    {{traffic<float, 0>, traffic<double, 0>},
     {traffic<float, 1>, traffic<double, 1>},
     {traffic<float, 2>, traffic<double, 2>},
     {traffic<float, 3>, traffic<double, 3>},
     {traffic<float, 4>, traffic<double, 4>}},
    {{divide_root<float, 1>, divide_root<double, 1>},
     {divide_root<float, 2>, divide_root<double, 2>}},
    {read_arrays<1>, read_arrays<2>, read_arrays<3>, read_arrays<4>, read_arrays<5>,
     read_arrays<6>},
};

}  // namespace
}  // namespace instep
