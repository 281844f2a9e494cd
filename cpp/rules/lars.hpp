// LARS: You, Gitman, Ginsburg, "Large Batch Training of Convolutional Networks", arXiv:1708.03888,
// 2017, in the form of timm.optim.Lars, which is that of NVIDIA's LARC.
#pragma once

#include "rules/rule.hpp"

namespace instep {
namespace {

struct Lars {
  static constexpr const char* name = "lars";

  struct Options {
    double lr, momentum, dampening, weight_decay, nesterov, trust_coeff, eps, trust_clip,
        always_adapt;
  };
  static constexpr Option<Options> options[] = {
      {"lr", &Options::lr},
      {"momentum", &Options::momentum},
      {"dampening", &Options::dampening},
      {"weight_decay", &Options::weight_decay},
      {"nesterov", &Options::nesterov},
      {"trust_coeff", &Options::trust_coeff},
      {"eps", &Options::eps},
      {"trust_clip", &Options::trust_clip},
      {"always_adapt", &Options::always_adapt},
  };

  static constexpr const char* states[] = {"momentum_buffer"};
  enum : int { momentum_buffer };

  // Nesterov's look-ahead has momentum.
  enum : unsigned { adapted = 1, momentum = 2, nesterov = 4, variants = 6 };

  static unsigned variant(const Options& o, unsigned present) {
    return when(o.weight_decay != 0 || o.always_adapt != 0, adapted) |
           (o.nesterov != 0 ? nesterov : when(has(present, momentum_buffer), momentum));
  }
  static constexpr bool uses(unsigned variant, int) {
    return (variant & (momentum | nesterov)) != 0;
  }
  static constexpr bool measures(unsigned variant) { return (variant & adapted) != 0; }

  template <class T, unsigned variant>
  struct Step {
    T weight_decay, trust, keep, take, look_ahead, lr;

    // At step 1 the buffer becomes the gradient, undampened.
    Step(const Options& o, int64_t step)
        : weight_decay(T(o.weight_decay)),
          trust(T(1)),
          keep(T(step == 1 ? 0.0 : o.momentum)),
          take(T(step == 1 ? 1.0 : 1.0 - o.dampening)),
          look_ahead(T(o.momentum)),
          lr(T(o.lr)) {}

    T measured(T, T g, T) const { return g; }

    void adapt(const Options& o, double size, double slope, int64_t) {
      double ratio = 1.0;
      if (size > 0 && slope > 0) {
        ratio = (o.trust_coeff * size) / ((slope + (size * o.weight_decay)) + o.eps);
      }
      if (o.trust_clip != 0) {
        const double relative = ratio / o.lr;
        ratio = relative < 1.0 ? relative : 1.0;
      }
      trust = T(ratio);
    }

    void update(T& param, T g, T& momentum_buffer) const {
      if constexpr ((variant & adapted) != 0) g = (g + (weight_decay * param)) * trust;
      if constexpr (uses(variant, Lars::momentum_buffer)) {
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
