// Adagrad, diagonal: Duchi, Hazan, Singer, "Adaptive Subgradient Methods for Online Learning and
// Stochastic Optimization", JMLR 12, 2011; lr_decay as in torch.optim.Adagrad.
#pragma once

#include "rules/rule.hpp"

namespace instep {
namespace {

struct Adagrad {
  static constexpr const char* name = "adagrad";

  struct Options {
    double lr, lr_decay, weight_decay, eps, eps_inside_sqrt;
  };
  static constexpr Option<Options> options[] = {
      {"lr", &Options::lr},
      {"lr_decay", &Options::lr_decay},
      {"weight_decay", &Options::weight_decay},
      {"eps", &Options::eps},
      {"eps_inside_sqrt", &Options::eps_inside_sqrt},
  };

  static constexpr const char* states[] = {"sum"};

  enum : unsigned { l2 = 1, variants = 2 };

  static unsigned variant(const Options& o, unsigned) { return when(o.weight_decay != 0, l2); }

  template <class T, unsigned variant>
  struct Step {
    T weight_decay, eps_in, eps_out, step_size;

    Step(const Options& o, int64_t step)
        : weight_decay(T(o.weight_decay)),
          eps_in(T(o.eps_inside_sqrt != 0 ? o.eps : 0.0)),
          eps_out(T(o.eps_inside_sqrt != 0 ? 0.0 : o.eps)),
          step_size(T(o.lr / (1.0 + (double(step - 1) * o.lr_decay)))) {}

    void update(T& param, T g, T& sum) const {
      if constexpr ((variant & l2) != 0) g = g + (weight_decay * param);
      sum = sum + (g * g);
      param = param - (step_size * (g / (root(sum + eps_in) + eps_out)));
    }
  };
};

}  // namespace
}  // namespace instep
