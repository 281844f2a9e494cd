// NAdam: Dozat, "Incorporating Nesterov Momentum into Adam", ICLR 2016 workshop, in the form of
// torch.optim.NAdam.
#pragma once

#include "rules/elementary.hpp"
#include "rules/rule.hpp"

namespace instep {
namespace {

struct NAdam {
  static constexpr const char* name = "nadam";

  struct Options {
    double lr, beta1, beta2, eps, weight_decay, momentum_decay, decoupled_weight_decay;
  };
  static constexpr Option<Options> options[] = {
      {"lr", &Options::lr},
      {"beta1", &Options::beta1},
      {"beta2", &Options::beta2},
      {"eps", &Options::eps},
      {"weight_decay", &Options::weight_decay},
      {"momentum_decay", &Options::momentum_decay},
      {"decoupled_weight_decay", &Options::decoupled_weight_decay},
  };

  static constexpr const char* states[] = {"exp_avg", "exp_avg_sq"};
  static constexpr const char* scalars[] = {"mu_product"};

  enum : unsigned { l2 = 1, variants = 2 };

  static bool decoupled(const Options& o) {
    return o.weight_decay != 0 && o.decoupled_weight_decay != 0;
  }
  static unsigned variant(const Options& o, unsigned) {
    return when(o.weight_decay != 0 && !decoupled(o), l2);
  }

  static double momentum(const Options& o, double step) {
    return o.beta1 * (1.0 - (0.5 * portable_pow(0.96, step * o.momentum_decay)));
  }

  template <class T, unsigned variant>
  struct Step {
    T shrink, weight_decay, beta1, one_minus_beta1, beta2, one_minus_beta2, grad_size, moment_size,
        eps;

    Step(const Options& o, int64_t step, double* mu_product)
        : shrink(T(decoupled(o) ? 1.0 - (o.lr * o.weight_decay) : 1.0)),
          weight_decay(T(o.weight_decay)),
          beta1(T(o.beta1)),
          one_minus_beta1(T(1.0 - o.beta1)),
          beta2(T(o.beta2)),
          one_minus_beta2(T(1.0 - o.beta2)) {
      const double mu = momentum(o, double(step)), next = momentum(o, double(step) + 1.0);
      *mu_product = *mu_product * mu;
      const double rate = o.lr * ::sqrt(1.0 - power(o.beta2, step));
      grad_size = T((rate * (1.0 - mu)) / (1.0 - *mu_product));
      moment_size = T((rate * next) / (1.0 - (*mu_product * next)));
      eps = T(o.eps * ::sqrt(1.0 - power(o.beta2, step)));
    }

    void update(T& param, T g, T& exp_avg, T& exp_avg_sq) const {
      T theta = shrink * param;
      if constexpr ((variant & l2) != 0) g = g + (weight_decay * param);
      const T first_moment = (beta1 * exp_avg) + (one_minus_beta1 * g);
      exp_avg = first_moment;
      const T second_moment = (beta2 * exp_avg_sq) + (one_minus_beta2 * (g * g));
      exp_avg_sq = second_moment;
      const T ahead = (grad_size * g) + (moment_size * first_moment);
      param = theta - (ahead / (root(second_moment) + eps));
    }
  };
};

}  // namespace
}  // namespace instep
