// Lion: Chen et al., "Symbolic Discovery of Optimization Algorithms", NeurIPS 2023, program 1.
#pragma once

#include "rules/rule.hpp"

namespace instep {
namespace {

struct Lion {
  static constexpr const char* name = "lion";

  struct Options {
    double lr, beta1, beta2, weight_decay;
  };
  static constexpr Option<Options> options[] = {
      {"lr", &Options::lr},
      {"beta1", &Options::beta1},
      {"beta2", &Options::beta2},
      {"weight_decay", &Options::weight_decay},
  };

  static constexpr const char* states[] = {"exp_avg"};

  template <class T, unsigned>
  struct Step {
    T shrink, beta1, one_minus_beta1, beta2, one_minus_beta2, lr, none;

    Step(const Options& o, int64_t)
        : shrink(T(shrinkage(o.lr, o.weight_decay))),
          beta1(T(o.beta1)),
          one_minus_beta1(T(1.0 - o.beta1)),
          beta2(T(o.beta2)),
          one_minus_beta2(T(1.0 - o.beta2)),
          lr(T(o.lr)),
          none(lr * T(0)) {}

    void update(T& param, T g, T& exp_avg) const {
      const T direction = (beta1 * exp_avg) + (one_minus_beta1 * g);
      exp_avg = (beta2 * exp_avg) + (one_minus_beta2 * g);
      param = (shrink * param) - size_times_sign(lr, none, direction);
    }
  };
};

}  // namespace
}  // namespace instep
