// Rprop, without backtracking of weights: Igel, Huesken, "Improving the Rprop Learning Algorithm",
// NC 2000 (iRprop-), in the form of torch.optim.Rprop.
#pragma once

#include "rules/rule.hpp"

namespace instep {
namespace {

struct Rprop {
  static constexpr const char* name = "rprop";

  struct Options {
    double lr, etaminus, etaplus, step_size_min, step_size_max;
  };
  static constexpr Option<Options> options[] = {
      {"lr", &Options::lr},
      {"etaminus", &Options::etaminus},
      {"etaplus", &Options::etaplus},
      {"step_size_min", &Options::step_size_min},
      {"step_size_max", &Options::step_size_max},
  };

  static constexpr const char* states[] = {"prev", "step_size"};

  template <class T, unsigned variant>
  struct Step {
    T lr, etaminus, etaplus, step_size_min, step_size_max;

    Step(const Options& o, int64_t)
        : lr(T(o.lr)),
          etaminus(T(o.etaminus)),
          etaplus(T(o.etaplus)),
          step_size_min(T(o.step_size_min)),
          step_size_max(T(o.step_size_max)) {}

    // A negative step size is one that has not begun.
    void update(T& param, T g, T& prev, T& step_size) const {
      const T change = g * prev;
      const T factor = by_sign(change, etaplus, etaminus, T(1));
      const T old_size = step_size < T(0) ? lr : step_size;
      const T size = smaller(step_size_max, larger(step_size_min, old_size * factor));
      const T kept = change < T(0) ? T(0) : g;
      step_size = size;
      prev = kept;
      param = param - (sign(kept) * size);
    }
  };
};

}  // namespace
}  // namespace instep
