// RAdam: Liu, Jiang, He, Chen, Liu, Gao, Han, "On the Variance of the Adaptive Learning Rate and
// Beyond", ICLR 2020, algorithm 2; eps and the length from which on it rectifies as in
// torch.optim.RAdam.
#pragma once

#include "rules/rule.hpp"

namespace instep {
namespace {

struct RAdam {
  static constexpr const char* name = "radam";

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

  static constexpr const char* states[] = {"exp_avg", "exp_avg_sq"};

  enum : unsigned { l2 = 1, variants = 2 };

  static unsigned variant(const Options& o, unsigned) { return when(has_coupled_decay(o), l2); }

  template <class T, unsigned variant>
  struct Step {
    T shrink, weight_decay, beta1, one_minus_beta1, beta2, one_minus_beta2, step_size, eps;
    bool rectified;

    Step(const Options& o, int64_t step)
        : shrink(T(shrinkage(o))),
          weight_decay(T(o.weight_decay)),
          beta1(T(o.beta1)),
          one_minus_beta1(T(1.0 - o.beta1)),
          beta2(T(o.beta2)),
          one_minus_beta2(T(1.0 - o.beta2)),
          eps(T(o.eps)) {
      const double kept = power(o.beta2, step), correction = 1.0 - kept;
      const double longest = (2.0 / (1.0 - o.beta2)) - 1.0;
      const double length = longest - (((2.0 * double(step)) * kept) / correction);
      rectified = length > 5.0;
      double rate = o.lr;
      if (rectified) {
        const double limit = ((longest - 4.0) * (longest - 2.0)) * length;
        rate = (o.lr * ::sqrt(correction)) *
               ::sqrt((((length - 4.0) * (length - 2.0)) * longest) / limit);
      }
      step_size = T(rate / (1.0 - power(o.beta1, step)));
    }

    void update(T& param, T g, T& exp_avg, T& exp_avg_sq) const {
      const T theta = shrink * param;
      if constexpr ((variant & l2) != 0) g = g + (weight_decay * param);
      const T first_moment = (beta1 * exp_avg) + (one_minus_beta1 * g);
      exp_avg = first_moment;
      const T second_moment = (beta2 * exp_avg_sq) + (one_minus_beta2 * (g * g));
      exp_avg_sq = second_moment;
      const T denominator = rectified ? root(second_moment) + eps : T(1);
      param = theta - (step_size * (first_moment / denominator));
    }
  };
};

}  // namespace
}  // namespace instep
