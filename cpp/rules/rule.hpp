// What every rule is made of.
//
// A rule is a struct that knows no arrays, threads or Python:
//
//   name                    what it is called
//   Options                 hyperparameters as doubles, a flag as 0 or 1
//   options                 what each of them is called, lr first
//   states                  what its states are called, in the order of update's arguments; an enum
//                           of their places where some may not exist
//   Step<T, variant>        the coefficients of one step, computed in double and rounded once to T,
//                           from Options and the number of the step, and update(param, g, state...)
//                           on scalars; g is the gradient as it was scaled, negative to maximize
//
// and, where there is something to say,
//
//   variants                how many loops it has; a variant is a set of flags
//   variant(options, present)  the variant for these options when the states in the set exist
//   uses(variant, state)    whether a variant has this state, by its place among `states`
//   scalars                 what the numbers are called that each parameter has beside its count of
//                           steps; Step then takes them as well, and leaves those after the step
//   begin_as_param          the set of states that before the first step are the parameter
//   exchanged               the place of the state by which the parameter has another point, from
//                           which it is not stepped; kept(options, back) is how much of it is left
//                           when it goes there, or back, and the rest is of the state
//   shapes                  the shapes of the states, where one of them is not its parameter's;
//                           Step then has reduced(param, g), whose mean of squares over a row is
//                           given to take(state, mean), and row_factor(state), which update meets
//                           in the place of that state
//   measures(variant)       whether a variant's step depends on norms: that of the parameter, and
//                           that of what Step's measured(param, g, state...) is for all elements,
//                           by which adapt(options, norm, norm) completes the coefficients
//
// A flag exists only where an option adds a state or cannot be switched off exactly by a
// coefficient. A state that a variant does not use must not be touched under `if constexpr`. What
// is written to a state and used again is a value of its own as well: to the compiler, writing
// another state may change the first, which it would read back, in the middle of the chain to the
// root.
//
// Every header of this folder lives in an anonymous namespace and uses no function template of the
// standard library: a kernel file that is compiled for AVX2 must not export a weak symbol which the
// linker could keep for everyone (https://github.com/numpy/numpy/issues/25274).
#pragma once

#include <math.h>
#include <stdint.h>

#include "rules/state_shape.hpp"

namespace instep {
namespace {

// What a member of a rule's `Options` is called.
template <class Options>
struct Option {
  const char* name;
  double Options::* member;
};

// Whether a state, by its place among `states`, is in the set of those that exist.
inline bool has(unsigned present, int state) { return (present >> state & 1u) != 0; }

inline unsigned when(bool condition, unsigned flag) { return condition ? flag : 0u; }

inline float root(float x) { return ::sqrtf(x); }
inline double root(double x) { return ::sqrt(x); }

// where(a > b, a, b): the new value b where they are equal or where one of them is NaN.
template <class T>
inline T larger(T a, T b) {
  return a > b ? a : b;
}

// where(a < b, a, b), likewise.
template <class T>
inline T smaller(T a, T b) {
  return a < b ? a : b;
}

// where(x < 0, 0, x): a NaN stays one.
template <class T>
inline T not_negative(T x) {
  return x < T(0) ? T(0) : x;
}

inline float with_sign_of(float x, float size) { return ::copysignf(size, x); }
inline double with_sign_of(double x, double size) { return ::copysign(size, x); }

inline float magnitude(float x) { return ::fabsf(x); }
inline double magnitude(double x) { return ::fabs(x); }

// What belongs to the sign of x. One choice after the other: where one stands in another, GCC makes
// branches of them, and then no vectors.
template <class T>
inline T by_sign(T x, T above_0, T below_0, T otherwise) {
  const T not_below = x > T(0) ? above_0 : otherwise;
  return x < T(0) ? below_0 : not_below;
}

// As np.sign: a NaN stays one, and adding 0 makes one zero of two.
template <class T>
inline T sign(T x) {
  return by_sign(x, T(1), T(-1), x) + T(0);
}

// size * sign(x), for a size of at least 0 and `none` = size * 0, without a product: a third faster
// where a loop has many.
template <class T>
inline T size_times_sign(T size, T none, T x) {
  return x > T(0) || x < T(0) ? with_sign_of(x, size) : x + none;
}

// Of rules that take either kind of decay: whether it shrinks the parameter, or else is part of the
// gradient, and by how much it shrinks.
template <class Options>
inline bool has_decoupled_decay(const Options& o) {
  return o.weight_decay != 0 && o.decoupled_weight_decay != 0;
}

template <class Options>
inline bool has_coupled_decay(const Options& o) {
  return o.weight_decay != 0 && o.decoupled_weight_decay == 0;
}

// By how much decoupled decay shrinks the parameter.
inline double shrinkage(double lr, double weight_decay) {
  return weight_decay != 0 ? 1.0 - (lr * weight_decay) : 1.0;
}

template <class Options>
inline double shrinkage(const Options& o) {
  return has_decoupled_decay(o) ? shrinkage(o.lr, o.weight_decay) : 1.0;
}

// Repeated squaring, multiplications alone: the pow of C libraries differs in the last place.
// Without a branch on the bits of the exponent, which count up with the steps and are not
// predicted.
inline double power(double base, int64_t exponent) {
  double result = 1.0;
  for (; exponent > 0; exponent >>= 1) {
    const double factors[] = {1.0, base};
    result = result * factors[exponent & 1];
    base = base * base;
  }
  return result;
}

}  // namespace
}  // namespace instep
