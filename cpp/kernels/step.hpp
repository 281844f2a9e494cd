// One step as all loops of a rule meet it: its coefficients, and where its arrays stand. Included
// like loops.hpp.
#pragma once

#include <string.h>

#include "kernels/table.hpp"
#include "kernels/traits.hpp"

namespace instep {
namespace {

// No array of a step that is written overlaps another (the bindings refuse such a call), so the
// compiler need not test for it. `__restrict` is lost on some of the inlined pointers.
#if defined(__clang__)
#define INSTEP_NO_OVERLAP _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define INSTEP_NO_OVERLAP _Pragma("GCC ivdep")
#elif defined(_MSC_VER)
#define INSTEP_NO_OVERLAP __pragma(loop(ivdep))
#else
#define INSTEP_NO_OVERLAP
#endif

// For loops that write to aligned blocks, or half as many bytes as they read: the widest vectors
// are slower where stores straddle cache lines (see CMakeLists.txt), and up to twice as fast else.
#if defined(__AVX512VL__) && defined(__GNUC__) && !defined(__clang__)
#define INSTEP_WIDEST __attribute__((target("prefer-vector-width=512")))
constexpr bool has_wider_vectors = true;
#else
#define INSTEP_WIDEST
constexpr bool has_wider_vectors = false;
#endif

// The coefficients of one step as a loop has them: the rule meets `grad_scale` times the gradient,
// which is negative to ascend.
template <class T, class Step>
struct Scaled {
  T grad_scale;
  Step step;
};

template <class Rule>
constexpr int state_place(unsigned variant, int state) {
  int place = first_state_place;
  for (int before = 0; before < state; ++before) place += Uses<Rule>::of(variant, before) ? 1 : 0;
  return place;
}

template <class T, class Rule, unsigned variant, int state>
inline T* state_array(void* const* written) {
  if constexpr (Uses<Rule>::of(variant, state)) {
    return static_cast<T*>(written[state_place<Rule>(variant, state)]);
  } else {
    return nullptr;
  }
}

template <class T, class Rule, unsigned variant>
inline Scaled<T, typename Rule::template Step<T, variant>> prepared(const double* options,
                                                                    int64_t step, double grad_scale,
                                                                    double* scalars) {
  const T scale = T(ascends<Rule>(options) ? -grad_scale : grad_scale);
  if constexpr (Scalars<Rule>::count > 0) {
    return {scale, {read<Rule>(options), step, scalars}};
  } else {
    return {scale, {read<Rule>(options), step}};
  }
}

template <class T, class Rule, unsigned variant>
inline Scaled<T, typename Rule::template Step<T, variant>> unpacked(
    const Coefficients& coefficients) {
  using Result = Scaled<T, typename Rule::template Step<T, variant>>;
  union Room {
    Room() {}  // NOLINT(modernize-use-equals-default): a Step has no constructor without arguments
    Result result;
  } room;
  memcpy(&room.result, coefficients.bytes, sizeof(room.result));
  return room.result;
}

}  // namespace
}  // namespace instep
