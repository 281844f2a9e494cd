// LAMB: You, Li, Reddi, Hseu, Kumar, Bhojanapalli, Song, Demmel, Keutzer, Hsieh, "Large Batch
// Optimization for Deep Learning: Training BERT in 76 minutes", ICLR 2020, algorithm 2, in the form
// of timm.optim.Lamb, which is that of NVIDIA's FusedLAMB.
#pragma once

#include "rules/rule.hpp"

namespace instep {
namespace {

struct Lamb {
  static constexpr const char* name = "lamb";

  struct Options {
    double lr, bias_correction, beta1, beta2, eps, weight_decay, grad_averaging, trust_clip,
        always_adapt, decoupled_weight_decay;
  };
  static constexpr Option<Options> options[] = {
      {"lr", &Options::lr},
      {"bias_correction", &Options::bias_correction},
      {"beta1", &Options::beta1},
      {"beta2", &Options::beta2},
      {"eps", &Options::eps},
      {"weight_decay", &Options::weight_decay},
      {"grad_averaging", &Options::grad_averaging},
      {"trust_clip", &Options::trust_clip},
      {"always_adapt", &Options::always_adapt},
      {"decoupled_weight_decay", &Options::decoupled_weight_decay},
  };

  static constexpr const char* states[] = {"exp_avg", "exp_avg_sq"};

  // Decay, of either kind, is adapted.
  enum : unsigned { plain, adapted, adapted_l2, variants };

  static unsigned variant(const Options& o, unsigned) {
    if (has_coupled_decay(o)) return adapted_l2;
    return has_decoupled_decay(o) || o.always_adapt != 0 ? adapted : plain;
  }
  static constexpr bool measures(unsigned variant) { return variant != plain; }

  template <class T, unsigned variant>
  struct Step {
    T shrink, weight_decay, beta1, take, beta2, one_minus_beta2, correction, eps, step_size;

    Step(const Options& o, int64_t step)
        : shrink(T(shrinkage(o))),
          weight_decay(T(o.weight_decay)),
          beta1(T(o.beta1)),
          take(T(o.grad_averaging != 0 ? 1.0 - o.beta1 : 1.0)),
          beta2(T(o.beta2)),
          one_minus_beta2(T(1.0 - o.beta2)),
          correction(T(1)),
          eps(T(o.eps)),
          step_size(T(o.lr)) {
      if (o.bias_correction != 0) {
        const double of_root = ::sqrt(1.0 - power(o.beta2, step));
        correction = T(of_root / (1.0 - power(o.beta1, step)));
        eps = T(o.eps * of_root);
      }
    }

    T first_moment(T g, T exp_avg) const { return (beta1 * exp_avg) + (take * g); }

    T second_moment(T g, T exp_avg_sq) const {
      return (beta2 * exp_avg_sq) + (one_minus_beta2 * (g * g));
    }

    T direction(T param, T mean, T square) const {
      const T quotient = correction * (mean / (root(square) + eps));
      if constexpr (variant == adapted_l2) return quotient + (weight_decay * param);
      return quotient;
    }

    T measured(T param, T g, T exp_avg, T exp_avg_sq) const {
      return direction(param, first_moment(g, exp_avg), second_moment(g, exp_avg_sq));
    }

    void adapt(const Options& o, double size, double length, int64_t) {
      size = size * magnitude(shrinkage(o));
      double trust = size > 0 && length > 0 ? size / length : 1.0;
      if (o.trust_clip != 0) trust = smaller(trust, 1.0);
      step_size = T(o.lr * trust);
    }

    void update(T& param, T g, T& exp_avg, T& exp_avg_sq) const {
      const T theta = shrink * param;
      const T mean = first_moment(g, exp_avg);
      exp_avg = mean;
      const T square = second_moment(g, exp_avg_sq);
      exp_avg_sq = square;
      param = theta - (step_size * direction(param, mean, square));
    }
  };
};

}  // namespace
}  // namespace instep
