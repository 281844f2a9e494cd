// Adan: Xie, Zhou, Li, Lin, Yan, "Adan: Adaptive Nesterov Momentum Algorithm for Faster Optimizing
// Deep Models", arXiv:2208.06677, 2022, algorithm 1, in the form of the authors' code.
#pragma once

#include "rules/rule.hpp"

namespace instep {
namespace {

struct Adan {
  static constexpr const char* name = "adan";

  struct Options {
    double lr, beta1, beta2, beta3, eps, weight_decay, no_prox;
  };
  static constexpr Option<Options> options[] = {
      {"lr", &Options::lr},           {"beta1", &Options::beta1},
      {"beta2", &Options::beta2},     {"beta3", &Options::beta3},
      {"eps", &Options::eps},         {"weight_decay", &Options::weight_decay},
      {"no_prox", &Options::no_prox},
  };

  static constexpr const char* states[] = {"exp_avg", "exp_avg_sq", "exp_avg_diff", "neg_pre_grad"};

  template <class T, unsigned variant>
  struct Step {
    T beta1, one_minus_beta1, beta2, one_minus_beta2, beta3, one_minus_beta3, mean_size, diff_size,
        eps, shrink_before, shrink_after;
    bool first;

    Step(const Options& o, int64_t step)
        : beta1(T(o.beta1)),
          one_minus_beta1(T(1.0 - o.beta1)),
          beta2(T(o.beta2)),
          one_minus_beta2(T(1.0 - o.beta2)),
          beta3(T(o.beta3)),
          one_minus_beta3(T(1.0 - o.beta3)),
          shrink_before(T(1.0)),
          shrink_after(T(1.0)),
          first(step == 1) {
      const double correction = ::sqrt(1.0 - power(o.beta3, step));
      mean_size = T((o.lr * correction) / (1.0 - power(o.beta1, step)));
      diff_size = T(((o.lr * o.beta2) * correction) / (1.0 - power(o.beta2, step)));
      eps = T(o.eps * correction);
      if (o.weight_decay != 0 && o.no_prox != 0) {
        shrink_before = T(1.0 - (o.lr * o.weight_decay));
      } else if (o.weight_decay != 0) {
        shrink_after = T(1.0 / (1.0 + (o.lr * o.weight_decay)));
      }
    }

    void update(T& param, T g, T& exp_avg, T& exp_avg_sq, T& exp_avg_diff, T& neg_pre_grad) const {
      const T difference = first ? T(0) : neg_pre_grad + g;
      const T mean = (beta1 * exp_avg) + (one_minus_beta1 * g);
      const T change = (beta2 * exp_avg_diff) + (one_minus_beta2 * difference);
      const T ahead = g + (beta2 * difference);
      const T square = (beta3 * exp_avg_sq) + (one_minus_beta3 * (ahead * ahead));
      exp_avg = mean;
      exp_avg_diff = change;
      exp_avg_sq = square;
      neg_pre_grad = -g;
      const T update = ((mean_size * mean) + (diff_size * change)) / (root(square) + eps);
      param = ((shrink_before * param) - update) * shrink_after;
    }
  };
};

}  // namespace
}  // namespace instep
