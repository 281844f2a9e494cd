// What a rule is made of, and what it is taken to say where it leaves something out.
#pragma once

#include <type_traits>

#include "kernels/table.hpp"
#include "rules/rule.hpp"

namespace instep {
namespace {

// One loop, with all states.
template <class R, class = void>
struct Variants {
  static constexpr unsigned count = 1;
  static constexpr unsigned of(const typename R::Options&, unsigned) { return 0; }
};

template <class R>
struct Variants<R, std::void_t<decltype(R::variants)>> {
  static constexpr unsigned count = R::variants;
  static unsigned of(const typename R::Options& options, unsigned present) {
    return R::variant(options, present);
  }
};

template <class R, class = void>
struct Uses {
  static constexpr bool of(unsigned, int) { return true; }
};

template <class R>
struct Uses<R, std::void_t<decltype(R::uses(0u, 0))>> {
  static constexpr bool of(unsigned variant, int state) { return R::uses(variant, state); }
};

template <class R, class = void>
struct Scalars {
  static constexpr int count = 0;
  static constexpr const char* const* names = nullptr;
};

template <class R>
struct Scalars<R, std::void_t<decltype(R::scalars)>> {
  static constexpr int count = sizeof(R::scalars) / sizeof(R::scalars[0]);
  static constexpr const char* const* names = R::scalars;
};

template <class R>
constexpr int state_count = sizeof(R::states) / sizeof(R::states[0]);

template <class R, class = void>
struct Shapes {
  static constexpr StateShape of[state_count<R>] = {};
};

template <class R>
struct Shapes<R, std::void_t<decltype(R::shapes)>> {
  static constexpr const auto& of = R::shapes;
};

// Whether a variant has a state with other numbers than its parameter.
template <class R>
constexpr bool reduces(unsigned variant) {
  for (int state = 0; state < state_count<R>; ++state) {
    if (is_reduced(Shapes<R>::of[state]) && Uses<R>::of(variant, state)) return true;
  }
  return false;
}

template <class R>
constexpr bool reduces() {
  for (unsigned variant = 0; variant < Variants<R>::count; ++variant) {
    if (reduces<R>(variant)) return true;
  }
  return false;
}

template <class R>
constexpr bool has_columns() {
  for (const StateShape shape : Shapes<R>::of) {
    if (shape == StateShape::columns) return true;
  }
  return false;
}

template <class R, class = void>
constexpr unsigned begin_as_param = 0;

template <class R>
constexpr unsigned begin_as_param<R, std::void_t<decltype(R::begin_as_param)>> = R::begin_as_param;

// One point.
template <class R, class = void>
struct Exchange {
  static constexpr int state = -1;
  static constexpr auto kept = nullptr;
};

template <class R, class = void>
struct Measures {
  static constexpr bool of(unsigned) { return false; }
};

template <class R>
struct Measures<R, std::void_t<decltype(R::measures(0u))>> {
  static constexpr bool of(unsigned variant) { return R::measures(variant); }
};

template <class R>
constexpr bool measures_sometimes() {
  for (unsigned variant = 0; variant < Variants<R>::count; ++variant) {
    if (Measures<R>::of(variant)) return true;
  }
  return false;
}

// Every rule has one more, the last: whether it ascends.
template <class R>
constexpr int own_option_count = sizeof(R::options) / sizeof(R::options[0]);

template <class R>
constexpr int option_count = own_option_count<R> + 1;

template <class R>
constexpr bool every_option_has_a_name() {
  for (int k = 0; k < own_option_count<R>; ++k) {
    for (int other = 0; other < k; ++other) {
      if (R::options[k].member == R::options[other].member) return false;
    }
  }
  return sizeof(typename R::Options) == own_option_count<R> * sizeof(double);
}

template <class R>
inline typename R::Options read(const double* values) {
  static_assert(every_option_has_a_name<R>());
  typename R::Options result = {};
  for (int k = 0; k < own_option_count<R>; ++k) result.*R::options[k].member = values[k];
  return result;
}

template <class R>
struct Exchange<R, std::void_t<decltype(R::exchanged)>> {
  static constexpr int state = R::exchanged;
  static double kept(const double* options, bool back) { return R::kept(read<R>(options), back); }
};

template <class R>
inline bool ascends(const double* values) {
  return values[own_option_count<R>] != 0;
}

template <class R>
constexpr unsigned required_states() {
  unsigned required = 0;
  for (int state = 0; state < state_count<R>; ++state) {
    bool always = true;
    for (unsigned variant = 0; variant < Variants<R>::count; ++variant) {
      always = always && Uses<R>::of(variant, state);
    }
    if (always) required |= 1u << state;
  }
  return required;
}

template <class R, class Indices>
struct OptionNames;

template <class R, int... k>
struct OptionNames<R, std::integer_sequence<int, k...>> {
  static constexpr const char* names[] = {R::options[k].name..., "maximize"};
};

template <class R>
constexpr const char* const* option_names =
    OptionNames<R, std::make_integer_sequence<int, own_option_count<R>>>::names;

}  // namespace
}  // namespace instep
