// Adafactor: Shazeer, Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", ICML
// 2018, in the form of torch.optim.Adafactor.
#pragma once

#include <float.h>

#include "rules/elementary.hpp"
#include "rules/rule.hpp"

namespace instep {
namespace {

inline double machine_epsilon(float) { return FLT_EPSILON; }
inline double machine_epsilon(double) { return DBL_EPSILON; }

struct Adafactor {
  static constexpr const char* name = "adafactor";

  // An eps1 that is NaN is the machine epsilon.
  struct Options {
    double lr, beta2_decay, eps1, eps2, d, weight_decay;
  };
  static constexpr Option<Options> options[] = {
      {"lr", &Options::lr},     {"beta2_decay", &Options::beta2_decay},
      {"eps1", &Options::eps1}, {"eps2", &Options::eps2},
      {"d", &Options::d},       {"weight_decay", &Options::weight_decay},
  };

  static constexpr const char* states[] = {"row_var", "col_var", "variance"};
  static constexpr StateShape shapes[] = {StateShape::rows, StateShape::columns,
                                          StateShape::vector};
  enum : int { row_var, col_var, variance };

  enum : unsigned { factored, whole, variants };

  static unsigned variant(const Options&, unsigned present) {
    return has(present, variance) ? whole : factored;
  }
  static constexpr bool uses(unsigned variant, int state) {
    return (variant == whole) == (state == variance);
  }
  static constexpr bool measures(unsigned) { return true; }

  template <class T, unsigned variant>
  struct Step {
    double rho;
    T keep, fresh, eps1, most, shrink, rate;

    Step(const Options& o, int64_t step)
        : rho(smaller(o.lr, 1.0 / root(double(step)))),
          shrink(T(shrinkage(o.lr, o.weight_decay))),
          rate(T(0)) {
      const double share = portable_pow(double(step), o.beta2_decay);
      keep = T(1.0 - share);
      fresh = T(share);
      const double least = o.eps1 >= 0 ? o.eps1 : machine_epsilon(T());
      eps1 = T(least);
      most = T(1.0 / least);
    }

    T reduced(T, T g) const { return g; }

    T mixed(T mean_square, T square) const { return (keep * mean_square) + (fresh * square); }

    void take(T& mean_square, double mean) const { mean_square = mixed(mean_square, T(mean)); }

    // The variance is the product of these two, and what divides g its root: roots and quotients
    // are taken of rows and columns alone.
    T row_factor(T row_var, double mean) const {
      const T size = T(mean);
      return T(1) / root(row_var / (size < eps1 ? eps1 : size));
    }
    T column_factor(T col_var) const { return T(1) / root(col_var); }

    T normalized(T g, T factor) const { return g * (factor > most ? most : factor); }

    T measured(T, T g, T row, T column, T variance) const {
      if constexpr (variant == whole) {
        return normalized(g, T(1) / root(mixed(variance, g * g)));
      } else {
        return normalized(g, row * column);
      }
    }

    void adapt(const Options& o, double size, double slope, int64_t count) {
      const double mean = size / root(double(count));
      const double excess = (slope / root(double(count))) / o.d;
      rate = T((larger(mean, o.eps2) * rho) / larger(excess, 1.0));
    }

    void update(T& param, T g, T row, T column, T& variance) const {
      T factor;
      if constexpr (variant == whole) {
        const T square = mixed(variance, g * g);
        variance = square;
        factor = T(1) / root(square);
      } else {
        factor = row * column;
      }
      param = (shrink * param) - (rate * normalized(g, factor));
    }
  };
};

}  // namespace
}  // namespace instep
