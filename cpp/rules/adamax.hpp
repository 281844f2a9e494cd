// Adamax: Kingma, Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 2; eps as
// in torch.optim.Adamax.
#pragma once

#include "rules/rule.hpp"

namespace instep {
namespace {

struct Adamax {
  static constexpr const char* name = "adamax";

  struct Options {
    double lr, beta1, beta2, eps, weight_decay;
  };
  static constexpr Option<Options> options[] = {
      {"lr", &Options::lr},
      {"beta1", &Options::beta1},
      {"beta2", &Options::beta2},
      {"eps", &Options::eps},
      {"weight_decay", &Options::weight_decay},
  };

  static constexpr const char* states[] = {"exp_avg", "exp_inf"};

  enum : unsigned { l2 = 1, variants = 2 };

  static unsigned variant(const Options& o, unsigned) { return when(o.weight_decay != 0, l2); }

  template <class T, unsigned variant>
  struct Step {
    T weight_decay, beta1, one_minus_beta1, beta2, eps, step_size;

    Step(const Options& o, int64_t step)
        : weight_decay(T(o.weight_decay)),
          beta1(T(o.beta1)),
          one_minus_beta1(T(1.0 - o.beta1)),
          beta2(T(o.beta2)),
          eps(T(o.eps)),
          step_size(T(o.lr / (1.0 - power(o.beta1, step)))) {}

    void update(T& param, T g, T& exp_avg, T& exp_inf) const {
      if constexpr ((variant & l2) != 0) g = g + (weight_decay * param);
      const T mean = (beta1 * exp_avg) + (one_minus_beta1 * g);
      const T largest = larger(beta2 * exp_inf, magnitude(g) + eps);
      exp_avg = mean;
      exp_inf = largest;
      param = param - (step_size * (mean / largest));
    }
  };
};

}  // namespace
}  // namespace instep
