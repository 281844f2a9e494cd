// AdEMAMix: Pagliardini, Ablin, Grangier, "The AdEMAMix Optimizer: Better, Faster, Older",
// arXiv:2409.03137, 2024, algorithm 1.
#pragma once

#include "rules/elementary.hpp"
#include "rules/rule.hpp"

namespace instep {
namespace {

struct AdEMAMix {
  static constexpr const char* name = "ademamix";

  // A warm-up that is NaN is none.
  struct Options {
    double lr, beta1, beta2, beta3, alpha, beta3_warmup, alpha_warmup, eps, weight_decay;
  };
  static constexpr Option<Options> options[] = {
      {"lr", &Options::lr},
      {"beta1", &Options::beta1},
      {"beta2", &Options::beta2},
      {"beta3", &Options::beta3},
      {"alpha", &Options::alpha},
      {"beta3_warmup", &Options::beta3_warmup},
      {"alpha_warmup", &Options::alpha_warmup},
      {"eps", &Options::eps},
      {"weight_decay", &Options::weight_decay},
  };

  static constexpr const char* states[] = {"exp_avg_fast", "exp_avg_slow", "exp_avg_sq"};

  // From beta1 to beta3, so that the time over which the mean remembers grows linearly.
  static double slow_beta(const Options& o, double step) {
    const bool warms_up = step < o.beta3_warmup && o.beta1 < o.beta3;
    if (!warms_up) return o.beta3;
    const double part = step / o.beta3_warmup;
    return portable_exp(1.0 /
                        (((1.0 - part) / portable_log(o.beta1)) + (part / portable_log(o.beta3))));
  }

  static double slow_weight(const Options& o, double step) {
    return step < o.alpha_warmup ? (step / o.alpha_warmup) * o.alpha : o.alpha;
  }

  template <class T, unsigned variant>
  struct Step {
    T shrink, beta1, one_minus_beta1, beta2, one_minus_beta2, beta3, one_minus_beta3, fast_size,
        slow_size, eps;

    Step(const Options& o, int64_t step)
        : shrink(T(o.weight_decay != 0 ? 1.0 - (o.lr * o.weight_decay) : 1.0)),
          beta1(T(o.beta1)),
          one_minus_beta1(T(1.0 - o.beta1)),
          beta2(T(o.beta2)),
          one_minus_beta2(T(1.0 - o.beta2)) {
      const double slow = slow_beta(o, double(step));
      beta3 = T(slow);
      one_minus_beta3 = T(1.0 - slow);
      const double correction = ::sqrt(1.0 - power(o.beta2, step));
      fast_size = T((o.lr * correction) / (1.0 - power(o.beta1, step)));
      slow_size = T((o.lr * correction) * slow_weight(o, double(step)));
      eps = T(o.eps * correction);
    }

    void update(T& param, T g, T& exp_avg_fast, T& exp_avg_slow, T& exp_avg_sq) const {
      const T fast = (beta1 * exp_avg_fast) + (one_minus_beta1 * g);
      const T slow = (beta3 * exp_avg_slow) + (one_minus_beta3 * g);
      const T square = (beta2 * exp_avg_sq) + (one_minus_beta2 * (g * g));
      exp_avg_fast = fast;
      exp_avg_slow = slow;
      exp_avg_sq = square;
      param = (shrink * param) - (((fast_size * fast) + (slow_size * slow)) / (root(square) + eps));
    }
  };
};

}  // namespace
}  // namespace instep
