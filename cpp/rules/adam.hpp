// Adam: Kingma, Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1 in the
// order of its section 2: theta_t = theta_{t-1} - alpha_t m_t / (sqrt(v_t) + eps_t).
// AdamW: Loshchilov, Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
// AMSGrad: Reddi, Kale, Kumar, "On the Convergence of Adam and Beyond", ICLR 2018, algorithm 2.
#pragma once

#include "rules/rule.hpp"

namespace instep {
namespace {

struct Adam {
  static constexpr const char* name = "adam";

  struct Options {
    double lr, beta1, beta2, eps, weight_decay, decoupled_weight_decay, bias_correction, eps_hat;
  };
  static constexpr Option<Options> options[] = {
      {"lr", &Options::lr},
      {"beta1", &Options::beta1},
      {"beta2", &Options::beta2},
      {"eps", &Options::eps},
      {"weight_decay", &Options::weight_decay},
      {"decoupled_weight_decay", &Options::decoupled_weight_decay},
      {"bias_correction", &Options::bias_correction},
      {"eps_hat", &Options::eps_hat},
  };

  static constexpr const char* states[] = {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"};
  enum : int { exp_avg, exp_avg_sq, max_exp_avg_sq };

  enum : unsigned { l2 = 1, amsgrad = 2, variants = 4 };

  static unsigned variant(const Options& o, unsigned present) {
    return when(has_coupled_decay(o), l2) | when(has(present, max_exp_avg_sq), amsgrad);
  }
  static constexpr bool uses(unsigned variant, int state) {
    return state != max_exp_avg_sq || (variant & amsgrad) != 0;
  }

  template <class T, unsigned variant>
  struct Step {
    T shrink, weight_decay, beta1, one_minus_beta1, beta2, one_minus_beta2, alpha, eps;

    Step(const Options& o, int64_t step)
        : shrink(T(shrinkage(o))),
          weight_decay(T(o.weight_decay)),
          beta1(T(o.beta1)),
          one_minus_beta1(T(1.0 - o.beta1)),
          beta2(T(o.beta2)),
          one_minus_beta2(T(1.0 - o.beta2)),
          alpha(T(o.lr)),
          eps(T(o.eps)) {
      if (o.bias_correction != 0) {
        const double correction = ::sqrt(1.0 - power(o.beta2, step));
        alpha = T((o.lr * correction) / (1.0 - power(o.beta1, step)));
        if (o.eps_hat == 0) eps = T(o.eps * correction);
      }
    }

    void update(T& param, T g, T& exp_avg, T& exp_avg_sq, T& max_exp_avg_sq) const {
      T theta = shrink * param;
      if constexpr ((variant & l2) != 0) g = g + (weight_decay * param);
      const T first_moment = (beta1 * exp_avg) + (one_minus_beta1 * g);
      exp_avg = first_moment;
      T second_moment = (beta2 * exp_avg_sq) + (one_minus_beta2 * (g * g));
      exp_avg_sq = second_moment;
      if constexpr ((variant & amsgrad) != 0) {
        second_moment = larger(max_exp_avg_sq, second_moment);
        max_exp_avg_sq = second_moment;
      }
      param = theta - (alpha * (first_moment / (root(second_moment) + eps)));
    }
  };
};

}  // namespace
}  // namespace instep
