// The one loop of all rules, and all its instances. Compiled once for each instruction set, with
// that set's flags; hence the anonymous namespace (see rules/rule.hpp).
#pragma once

#include <float.h>
#include <string.h>

#include <type_traits>
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

// For loops that write to aligned blocks, or half as many bytes as they read: the widest vectors
// are slower where stores straddle cache lines (see CMakeLists.txt), and up to twice as fast else.
#if defined(__AVX512VL__) && defined(__GNUC__) && !defined(__clang__)
#define INSTEP_WIDEST __attribute__((target("prefer-vector-width=512")))
constexpr bool has_wider_vectors = true;
#else
#define INSTEP_WIDEST
constexpr bool has_wider_vectors = false;
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

template <class Rule>
constexpr int state_place(unsigned variant, int state) {
  int place = first_state_place;
  for (int before = 0; before < state; ++before) place += Rule::uses(variant, before) ? 1 : 0;
  return place;
}

template <class T, class Rule, unsigned variant, int state>
inline T* state_array(void* const* written) {
  if constexpr (Rule::uses(variant, state)) {
    return static_cast<T*>(written[state_place<Rule>(variant, state)]);
  } else {
    return nullptr;
  }
}

template <class T, class Rule, unsigned variant, int... state>
inline void run(std::integer_sequence<int, state...> states, void* const* written, const void* grad,
                int64_t n, const Coefficients& coefficients) {
  using Step = typename Rule::template Step<T, variant>;
  Step step(typename Rule::Options{}, 1, 1.0);  // any, to copy into
  memcpy(&step, coefficients.bytes, sizeof(step));
  each<Rule, variant>(states, step, n, static_cast<T*>(written[param_place]),
                      static_cast<const T*>(grad),
                      state_array<T, Rule, variant, state>(written)...);
}

template <class T, class Rule, unsigned variant>
void loop(void* const* written, const void* grad, int64_t n, const Coefficients& coefficients) {
  run<T, Rule, variant>(std::make_integer_sequence<int, state_count<Rule>>(), written, grad, n,
                        coefficients);
}

template <class T, class Rule, unsigned variant>
INSTEP_WIDEST void wide_loop(void* const* written, const void* grad, int64_t n,
                             const Coefficients& coefficients) {
  run<T, Rule, variant>(std::make_integer_sequence<int, state_count<Rule>>(), written, grad, n,
                        coefficients);
}

template <class Rule>
constexpr bool every_option_has_a_name() {
  for (int k = 0; k < option_count<Rule>; ++k) {
    for (int other = 0; other < k; ++other) {
      if (Rule::options[k].member == Rule::options[other].member) return false;
    }
  }
  return sizeof(typename Rule::Options) == option_count<Rule> * sizeof(double);
}

template <class Rule>
inline typename Rule::Options read(const double* values) {
  static_assert(every_option_has_a_name<Rule>());
  typename Rule::Options result = {};
  for (int k = 0; k < option_count<Rule>; ++k) result.*Rule::options[k].member = values[k];
  return result;
}

template <class T, class Rule, unsigned variant>
void prepare(const double* options, int64_t step, double grad_scale, Coefficients& coefficients) {
  using Step = typename Rule::template Step<T, variant>;
  static_assert(std::is_trivially_copyable_v<Step> && sizeof(Step) <= sizeof(Coefficients));
  const Step result(read<Rule>(options), step, grad_scale);
  memcpy(coefficients.bytes, &result, sizeof(result));
}

template <class Rule>
unsigned variant_of(const double* options, unsigned present) {
  return Rule::variant(read<Rule>(options), present);
}

template <class T, class Rule, unsigned variant>
constexpr Kernel kernel = {loop<T, Rule, variant>,
                           has_wider_vectors ? wide_loop<T, Rule, variant> : loop<T, Rule, variant>,
                           prepare<T, Rule, variant>};

template <class Rule, class Variants>
struct Kernels;

template <class Rule, unsigned... variant>
struct Kernels<Rule, std::integer_sequence<unsigned, variant...>> {
  static constexpr Kernel table[][working_count] = {
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

template <class R, class Indices>
struct OptionNames;

template <class R, int... k>
struct OptionNames<R, std::integer_sequence<int, k...>> {
  static constexpr const char* names[] = {R::options[k].name...};
};

template <class R>
constexpr Rule describe() {
  static_assert(state_count<R> <= max_states && option_count<R> <= max_options);
  static_assert(R::options[0].member == &R::Options::lr, "the learning rate comes first");
  return {R::name,         OptionNames<R, std::make_integer_sequence<int, option_count<R>>>::names,
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
