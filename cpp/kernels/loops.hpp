// The one loop of all rules, and all its instances. Compiled once for each instruction set, with
// that set's flags; hence the anonymous namespace (see rules/rule.hpp).
#pragma once

#include <float.h>
#include <string.h>

#include <utility>

#include "kernels/table.hpp"
#include "rules/all.hpp"

namespace instep {
namespace {

static_assert(FLT_EVAL_METHOD == 0, "float and double must be evaluated in their own precision");

template <bool used, class T>
inline T& element(T* state, int64_t i, T& none) {
  if constexpr (used) {
    return state[i];
  } else {
    return none;
  }
}

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

// The vectorized body and its scalar remainder give the same bits: no contraction (a compiler
// flag), and IEEE square root and division in both.
template <class Rule, unsigned variant, int... state, class Step, class T, class... State>
inline void each(std::integer_sequence<int, state...>, const Step step, int64_t n, T* param,
                 const T* grad, State*... states) {
  INSTEP_NO_OVERLAP
  for (int64_t i = 0; i < n; ++i) {
    T none = T(0);
    step.update(param[i], grad[i], element<Rule::uses(variant, state)>(states, i, none)...);
  }
}

template <class Rule>
constexpr int state_count = sizeof(Rule::states) / sizeof(Rule::states[0]);

template <class Rule>
constexpr int option_count = sizeof(Rule::options) / sizeof(Rule::options[0]);

// Where a state stands among the arrays, which hold only those that the variant uses.
template <class Rule>
constexpr int place(unsigned variant, int state) {
  int index = 2;
  for (int before = 0; before < state; ++before) index += Rule::uses(variant, before) ? 1 : 0;
  return index;
}

template <class T, class Rule, unsigned variant, int state>
inline T* state_array(void* const* arrays) {
  if constexpr (Rule::uses(variant, state)) {
    return static_cast<T*>(arrays[place<Rule>(variant, state)]);
  } else {
    return nullptr;
  }
}

template <class T, class Rule, unsigned variant, int... state>
inline void run(std::integer_sequence<int, state...> states, void* const* arrays, int64_t n,
                const Coefficients& coefficients) {
  using Step = typename Rule::template Step<T, variant>;
  Step step = *reinterpret_cast<const Step*>(coefficients.bytes);
  each<Rule, variant>(states, step, n, static_cast<T*>(arrays[0]), static_cast<const T*>(arrays[1]),
                      state_array<T, Rule, variant, state>(arrays)...);
}

template <class T, class Rule, unsigned variant>
void loop(void* const* arrays, int64_t n, const Coefficients& coefficients) {
  run<T, Rule, variant>(std::make_integer_sequence<int, state_count<Rule>>(), arrays, n,
                        coefficients);
}

template <class Rule>
inline typename Rule::Options read(const double* options) {
  static_assert(sizeof(typename Rule::Options) == option_count<Rule> * sizeof(double),
                "every option has a name");
  typename Rule::Options result;
  memcpy(&result, options, sizeof(result));
  return result;
}

template <class T, class Rule, unsigned variant>
void prepare(const double* options, int64_t step, double grad_scale, Coefficients& coefficients) {
  using Step = typename Rule::template Step<T, variant>;
  static_assert(sizeof(Step) <= sizeof(Coefficients) && alignof(Step) <= alignof(Coefficients));
  const Step result(read<Rule>(options), step, grad_scale);
  memcpy(coefficients.bytes, &result, sizeof(result));
}

template <class Rule>
unsigned variant_of(const double* options, unsigned present) {
  return Rule::variant(read<Rule>(options), present);
}

template <class T, class Rule, unsigned variant>
constexpr Kernel kernel = {loop<T, Rule, variant>, prepare<T, Rule, variant>};

template <class Rule, class Variants>
struct Kernels;

template <class Rule, unsigned... variant>
struct Kernels<Rule, std::integer_sequence<unsigned, variant...>> {
  static constexpr Kernel table[][dtype_count] = {
      {kernel<float, Rule, variant>, kernel<double, Rule, variant>}...};
};

template <class R>
constexpr unsigned required_states() {
  unsigned required = 0;
  for (int state = 0; state < state_count<R>; ++state) {
    bool always = true;
    for (unsigned variant = 0; variant < R::variants; ++variant) {
      always = always && R::uses(variant, state);
    }
    if (always) required |= 1u << state;
  }
  return required;
}

template <class R>
constexpr Rule describe() {
  static_assert(state_count<R> <= max_states && option_count<R> <= max_options);
  static_assert(R::options[0][0] == 'l' && R::options[0][1] == 'r' && R::options[0][2] == '\0',
                "the learning rate comes first");
  return {R::name,         R::options,
          option_count<R>, R::states,
          state_count<R>,  required_states<R>(),
          variant_of<R>,   Kernels<R, std::make_integer_sequence<unsigned, R::variants>>::table};
}

template <class List>
struct Registry;

template <class... R>
struct Registry<RuleList<R...>> {
  static constexpr Rule rules[] = {describe<R>()...};
};

}  // namespace
}  // namespace instep
