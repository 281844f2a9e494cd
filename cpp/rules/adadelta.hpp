// Adadelta: Zeiler, "ADADELTA: An Adaptive Learning Rate Method", arXiv:1212.5701, 2012, algorithm
// 1; the learning rate is torch.optim.Adadelta's (the paper's is 1).
#pragma once

#include "rules/rule.hpp"

namespace instep {
namespace {

struct Adadelta {
  static constexpr const char* name = "adadelta";

  struct Options {
    double lr, rho, eps, weight_decay;
  };
  static constexpr Option<Options> options[] = {
      {"lr", &Options::lr},
      {"rho", &Options::rho},
      {"eps", &Options::eps},
      {"weight_decay", &Options::weight_decay},
  };

  static constexpr const char* states[] = {"square_avg", "acc_delta"};

  enum : unsigned { l2 = 1, variants = 2 };

  static unsigned variant(const Options& o, unsigned) { return when(o.weight_decay != 0, l2); }

  template <class T, unsigned variant>
  struct Step {
    T weight_decay, rho, one_minus_rho, eps, lr;

    Step(const Options& o, int64_t)
        : weight_decay(T(o.weight_decay)),
          rho(T(o.rho)),
          one_minus_rho(T(1.0 - o.rho)),
          eps(T(o.eps)),
          lr(T(o.lr)) {}

    void update(T& param, T g, T& square_avg, T& acc_delta) const {
      if constexpr ((variant & l2) != 0) g = g + (weight_decay * param);
      square_avg = (rho * square_avg) + (one_minus_rho * (g * g));
      const T delta = (root(acc_delta + eps) / root(square_avg + eps)) * g;
      acc_delta = (rho * acc_delta) + (one_minus_rho * (delta * delta));
      param = param - (lr * delta);
    }
  };
};

}  // namespace
}  // namespace instep
