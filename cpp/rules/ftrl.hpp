// FTRL-Proximal: McMahan et al., "Ad Click Prediction: a View from the Trenches", KDD 2013,
// algorithm 1; l2 is the factor of the square, as in Keras and TensorFlow: half of the paper's.
#pragma once

#include "rules/rule.hpp"

namespace instep {
namespace {

struct Ftrl {
  static constexpr const char* name = "ftrl";

  struct Options {
    double lr, beta, l1, l2;
  };
  static constexpr Option<Options> options[] = {
      {"lr", &Options::lr},
      {"beta", &Options::beta},
      {"l1", &Options::l1},
      {"l2", &Options::l2},
  };

  static constexpr const char* states[] = {"accumulator", "linear"};

  template <class T, unsigned variant>
  struct Step {
    T inverse_lr, l1, regularization;

    Step(const Options& o, int64_t)
        : inverse_lr(T(1.0 / o.lr)),
          l1(T(o.l1)),
          regularization(T((o.beta / o.lr) + (2.0 * o.l2))) {}

    void update(T& param, T g, T& accumulator, T& linear) const {
      const T squares = accumulator + (g * g);
      const T size = root(squares);
      const T z = linear + (g - (((size - root(accumulator)) * inverse_lr) * param));
      const T curvature = (size * inverse_lr) + regularization;
      accumulator = squares;
      linear = z;
      const T minimum = ((z < T(0) ? -l1 : l1) - z) / curvature;
      param = magnitude(z) <= l1 ? T(0) : minimum;
    }
  };
};

}  // namespace
}  // namespace instep
