// RMSprop: Tieleman, Hinton, lecture 6.5 of "Neural Networks for Machine Learning", 2012; centered
// after Graves, "Generating Sequences With Recurrent Neural Networks", arXiv:1308.0850, 2013,
// equations 38-45.
#pragma once

#include "rules/rule.hpp"

namespace instep {
namespace {

struct RMSprop {
  static constexpr const char* name = "rmsprop";

  struct Options {
    double lr, alpha, eps, weight_decay, momentum, eps_inside_sqrt;
  };
  static constexpr Option<Options> options[] = {
      {"lr", &Options::lr},
      {"alpha", &Options::alpha},
      {"eps", &Options::eps},
      {"weight_decay", &Options::weight_decay},
      {"momentum", &Options::momentum},
      {"eps_inside_sqrt", &Options::eps_inside_sqrt},
  };

  static constexpr const char* states[] = {"square_avg", "grad_avg", "momentum_buffer"};
  enum : int { square_avg, grad_avg, momentum_buffer };

  enum : unsigned { l2 = 1, centered = 2, momentum = 4, variants = 8 };

  static unsigned variant(const Options& o, unsigned present) {
    return when(o.weight_decay != 0, l2) | when(has(present, grad_avg), centered) |
           when(has(present, momentum_buffer), momentum);
  }
  static constexpr bool uses(unsigned variant, int state) {
    return state == square_avg || (variant & (state == grad_avg ? centered : momentum)) != 0;
  }

  template <class T, unsigned variant>
  struct Step {
    T weight_decay, alpha, one_minus_alpha, eps_in, eps_out, mu, lr;

    Step(const Options& o, int64_t)
        : weight_decay(T(o.weight_decay)),
          alpha(T(o.alpha)),
          one_minus_alpha(T(1.0 - o.alpha)),
          eps_in(T(o.eps_inside_sqrt != 0 ? o.eps : 0.0)),
          eps_out(T(o.eps_inside_sqrt != 0 ? 0.0 : o.eps)),
          mu(T(o.momentum)),
          lr(T(o.lr)) {}

    void update(T& param, T g, T& square_avg, T& grad_avg, T& momentum_buffer) const {
      if constexpr ((variant & l2) != 0) g = g + (weight_decay * param);
      T variance = (alpha * square_avg) + (one_minus_alpha * (g * g));
      square_avg = variance;
      if constexpr ((variant & centered) != 0) {
        const T mean = (alpha * grad_avg) + (one_minus_alpha * g);
        grad_avg = mean;
        // Unlike torch's, clamped: rounding can make the difference negative, its root NaN.
        variance = not_negative(variance - (mean * mean));
      }
      T quotient = g / (root(variance + eps_in) + eps_out);
      if constexpr ((variant & momentum) != 0) {
        momentum_buffer = (mu * momentum_buffer) + quotient;
        quotient = momentum_buffer;
      }
      param = param - (lr * quotient);
    }
  };
};

}  // namespace
}  // namespace instep
