// Averaged stochastic gradient descent: Polyak, Juditsky, "Acceleration of Stochastic Approximation
// by Averaging", SIAM Journal on Control and Optimization 30, 1992, with the rates of Bottou's code
// and in the form of torch.optim.ASGD.
#pragma once

#include "rules/elementary.hpp"
#include "rules/rule.hpp"

namespace instep {
namespace {

struct Asgd {
  static constexpr const char* name = "asgd";

  struct Options {
    double lr, lambd, alpha, t0, weight_decay;
  };
  static constexpr Option<Options> options[] = {
      {"lr", &Options::lr},
      {"lambd", &Options::lambd},
      {"alpha", &Options::alpha},
      {"t0", &Options::t0},
      {"weight_decay", &Options::weight_decay},
  };

  static constexpr const char* states[] = {"ax"};
  static constexpr const char* scalars[] = {"eta", "mu"};
  enum : int { eta, mu };

  enum : unsigned { l2 = 1, variants = 2 };

  static unsigned variant(const Options& o, unsigned) { return when(o.weight_decay != 0, l2); }

  template <class T, unsigned variant>
  struct Step {
    T weight_decay, shrink, rate, weight, averages;

    // Both scalars are for the next step. At step 1 nothing was before it.
    Step(const Options& o, int64_t step, double* scalars)
        : weight_decay(T(o.weight_decay)),
          shrink(T(1.0 - (o.lambd * (step == 1 ? o.lr : scalars[eta])))),
          rate(T(step == 1 ? o.lr : scalars[eta])),
          weight(T(step == 1 ? 1.0 : scalars[mu])),
          averages(T(step == 1 || scalars[mu] == 1.0 ? 0.0 : 1.0)) {
      const auto t = double(step);
      scalars[eta] = o.lr / portable_pow(1.0 + ((o.lambd * o.lr) * t), o.alpha);
      scalars[mu] = 1.0 / (t - o.t0 > 1.0 ? t - o.t0 : 1.0);
    }

    void update(T& param, T g, T& ax) const {
      T theta = shrink * param;
      if constexpr ((variant & l2) != 0) g = g + (weight_decay * param);
      theta = theta - (rate * g);
      param = theta;
      const T average = ax + (weight * (theta - ax));
      ax = averages != T(0) ? average : theta;
    }
  };
};

}  // namespace
}  // namespace instep
