// Row-wise Adagrad: the EXACT_ROWWISE_ADAGRAD of FBGEMM (Khudia et al., arXiv:2101.05615, 2021),
// which steps embedding tables in TorchRec; after Duchi, Hazan, Singer, JMLR 12, 2011.
#pragma once

#include "rules/rule.hpp"

namespace instep {
namespace {

struct RowwiseAdagrad {
  static constexpr const char* name = "rowwise_adagrad";

  struct Options {
    double lr, eps, weight_decay, decoupled_weight_decay;
  };
  static constexpr Option<Options> options[] = {
      {"lr", &Options::lr},
      {"eps", &Options::eps},
      {"weight_decay", &Options::weight_decay},
      {"decoupled_weight_decay", &Options::decoupled_weight_decay},
  };

  static constexpr const char* states[] = {"sum"};
  static constexpr StateShape shapes[] = {StateShape::row};

  enum : unsigned { l2 = 1, variants = 2 };

  static unsigned variant(const Options& o, unsigned) { return when(has_coupled_decay(o), l2); }

  template <class T, unsigned variant>
  struct Step {
    T weight_decay, shrink, eps, lr;

    Step(const Options& o, int64_t)
        : weight_decay(T(o.weight_decay)), shrink(T(shrinkage(o))), eps(T(o.eps)), lr(T(o.lr)) {}

    T reduced(T param, T g) const {
      if constexpr ((variant & l2) != 0) g = g + (weight_decay * param);
      return g;
    }

    void take(T& sum, double mean) const { sum = sum + T(mean); }

    T row_factor(T sum) const { return lr / (root(sum) + eps); }

    void update(T& param, T g, T rate) const {
      param = (shrink * param) - (rate * reduced(param, g));
    }
  };
};

}  // namespace
}  // namespace instep
