// AdaBelief: Zhuang, Tang, Ding, Tatikonda, Dvornek, Papademetris, Duncan, "AdaBelief Optimizer:
// Adapting Stepsizes by the Belief in Observed Gradients", NeurIPS 2020, algorithm 2.
#pragma once

#include "rules/rule.hpp"

namespace instep {
namespace {

struct AdaBelief {
  static constexpr const char* name = "adabelief";

  struct Options {
    double lr, beta1, beta2, eps, weight_decay, decoupled_weight_decay;
  };
  static constexpr Option<Options> options[] = {
      {"lr", &Options::lr},
      {"beta1", &Options::beta1},
      {"beta2", &Options::beta2},
      {"eps", &Options::eps},
      {"weight_decay", &Options::weight_decay},
      {"decoupled_weight_decay", &Options::decoupled_weight_decay},
  };

  static constexpr const char* states[] = {"exp_avg", "exp_avg_var"};

  enum : unsigned { l2 = 1, variants = 2 };

  static unsigned variant(const Options& o, unsigned) { return when(has_coupled_decay(o), l2); }

  template <class T, unsigned variant>
  struct Step {
    T shrink, weight_decay, beta1, one_minus_beta1, beta2, one_minus_beta2, eps, step_size, eps_out;

    Step(const Options& o, int64_t step)
        : shrink(T(shrinkage(o))),
          weight_decay(T(o.weight_decay)),
          beta1(T(o.beta1)),
          one_minus_beta1(T(1.0 - o.beta1)),
          beta2(T(o.beta2)),
          one_minus_beta2(T(1.0 - o.beta2)),
          eps(T(o.eps)) {
      const double correction = ::sqrt(1.0 - power(o.beta2, step));
      step_size = T((o.lr * correction) / (1.0 - power(o.beta1, step)));
      eps_out = T(o.eps * correction);
    }

    void update(T& param, T g, T& exp_avg, T& exp_avg_var) const {
      const T theta = shrink * param;
      if constexpr ((variant & l2) != 0) g = g + (weight_decay * param);
      const T mean = (beta1 * exp_avg) + (one_minus_beta1 * g);
      const T surprise = g - mean;
      const T variance = ((beta2 * exp_avg_var) + (one_minus_beta2 * (surprise * surprise))) + eps;
      exp_avg = mean;
      exp_avg_var = variance;
      param = theta - (step_size * (mean / (root(variance) + eps_out)));
    }
  };
};

}  // namespace
}  // namespace instep
