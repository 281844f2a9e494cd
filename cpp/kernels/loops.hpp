// The one loop of all rules, and all its instances. Compiled once for each instruction set, with
// that set's flags; hence the anonymous namespace (see rules/rule.hpp).
#pragma once

#include <float.h>
#include <string.h>

#include <type_traits>
#include <utility>

#include "kernels/measure.hpp"
#include "kernels/reduce.hpp"
#include "kernels/step.hpp"
#include "kernels/table.hpp"
#include "kernels/traits.hpp"
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

// The vectorized body and its scalar remainder give the same bits: no contraction (a compiler
// flag), and IEEE square root and division in both.
template <class Rule, unsigned variant, int... state, class Step, class T, class... State>
inline void each(std::integer_sequence<int, state...>, const Scaled<T, Step> scaled, int64_t n,
                 T* param, const T* grad, State*... states) {
  INSTEP_NO_OVERLAP
  for (int64_t i = 0; i < n; ++i) {
    T none = T(0);
    scaled.step.update(param[i], scaled.grad_scale * grad[i],
                       element<Uses<Rule>::of(variant, state)>(states, i, none)...);
  }
}

template <class T, class Rule, unsigned variant, int... state>
inline void run(std::integer_sequence<int, state...> states, void* const* written, const void* grad,
                int64_t n, const Coefficients& coefficients) {
  each<Rule, variant>(states, unpacked<T, Rule, variant>(coefficients), n,
                      static_cast<T*>(written[param_place]), static_cast<const T*>(grad),
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

template <class T, class Rule, unsigned variant>
void prepare(const double* options, int64_t step, double grad_scale, double* scalars,
             Coefficients& coefficients) {
  const auto result = prepared<T, Rule, variant>(options, step, grad_scale, scalars);
  static_assert(std::is_trivially_copyable_v<decltype(result)> &&
                sizeof(result) <= sizeof(Coefficients));
  memcpy(coefficients.bytes, &result, sizeof(result));
}

template <class Rule>
unsigned variant_of(const double* options, unsigned present) {
  return Variants<Rule>::of(read<Rule>(options), present);
}

template <class T, class Rule, unsigned variant>
constexpr Kernel make_kernel() {
  Kernel kernel = {loop<T, Rule, variant>,
                   has_wider_vectors ? wide_loop<T, Rule, variant> : loop<T, Rule, variant>,
                   prepare<T, Rule, variant>,
                   nullptr,
                   nullptr,
                   nullptr};
  if constexpr (reduces<Rule>(variant)) kernel.reducing = &reducing<T, Rule, variant>;
  if constexpr (Measures<Rule>::of(variant)) {
    kernel.measure = measure<T, Rule, variant>;
    kernel.adapt = adapt<T, Rule, variant>;
  }
  return kernel;
}

template <class Rule, class Each>
struct Kernels;

template <class Rule, unsigned... variant>
struct Kernels<Rule, std::integer_sequence<unsigned, variant...>> {
  static constexpr Kernel table[][working_count] = {
      {make_kernel<float, Rule, variant>(), make_kernel<double, Rule, variant>()}...};
};

template <class R>
constexpr Rule describe() {
  static_assert(state_count<R> <= max_states && option_count<R> <= max_options &&
                Scalars<R>::count <= max_scalars);
  static_assert(R::options[0].member == &R::Options::lr, "the learning rate comes first");
  constexpr bool several_passes = reduces<R>() || measures_sometimes<R>();
  return {R::name,
          option_names<R>,
          R::states,
          Shapes<R>::of,
          Scalars<R>::names,
          Exchange<R>::kept,
          variant_of<R>,
          Kernels<R, std::make_integer_sequence<unsigned, Variants<R>::count>>::table,
          option_count<R>,
          state_count<R>,
          Scalars<R>::count,
          required_states<R>(),
          begin_as_param<R>,
          Exchange<R>::state,
          several_passes,
          several_passes || Scalars<R>::count > 0 || begin_as_param<R> != 0};
}

template <class List>
struct Registry;

template <class... R>
struct Registry<RuleList<R...>> {
  static constexpr Rule rules[] = {describe<R>()...};
};

}  // namespace
}  // namespace instep
