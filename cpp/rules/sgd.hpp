// Stochastic gradient descent with momentum, in the form of torch.optim.SGD; Nesterov's look-ahead
// after Sutskever, Martens, Dahl, Hinton, "On the importance of initialization and momentum in deep
// learning", ICML 2013.
#pragma once

#include "rules/rule.hpp"

namespace instep {
namespace {

struct Sgd {
  static constexpr const char* name = "sgd";

  struct Options {
    double lr, momentum, dampening, nesterov, weight_decay;
  };
  static constexpr Option<Options> options[] = {
      {"lr", &Options::lr},
      {"momentum", &Options::momentum},
      {"dampening", &Options::dampening},
      {"nesterov", &Options::nesterov},
      {"weight_decay", &Options::weight_decay},
  };

  static constexpr const char* states[] = {"momentum_buffer"};
  enum : int { momentum_buffer };

  enum : unsigned { l2 = 1, momentum = 2, nesterov = 4, variants = 8 };

  static unsigned variant(const Options& o, unsigned present) {
    return when(o.weight_decay != 0, l2) | when(has(present, momentum_buffer), momentum) |
           when(o.nesterov != 0, nesterov);
  }
  static constexpr bool uses(unsigned variant, int) { return (variant & momentum) != 0; }

  template <class T, unsigned variant>
  struct Step {
    T weight_decay, keep, take, look_ahead, lr;

    // At step 1 the buffer becomes the gradient, undampened.
    Step(const Options& o, int64_t step)
        : weight_decay(T(o.weight_decay)),
          keep(T(step == 1 ? 0.0 : o.momentum)),
          take(T(step == 1 ? 1.0 : 1.0 - o.dampening)),
          look_ahead(T(o.momentum)),
          lr(T(o.lr)) {}

    void update(T& param, T g, T& momentum_buffer) const {
      if constexpr ((variant & l2) != 0) g = g + (weight_decay * param);
      if constexpr ((variant & momentum) != 0) {
        momentum_buffer = (keep * momentum_buffer) + (take * g);
        if constexpr ((variant & nesterov) != 0) {
          g = g + (look_ahead * momentum_buffer);
        } else {
          g = momentum_buffer;
        }
      }
      param = param - (lr * g);
    }
  };
};

}  // namespace
}  // namespace instep
