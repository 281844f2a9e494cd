// ScheduleFreeAdamW: Defazio et al., "The Road Less Scheduled", NeurIPS 2024, algorithm 1, with the
// second moment corrected in the denominator, warm-up and weights as in the authors'
// schedulefree.AdamWScheduleFree.
#pragma once

#include "rules/rule.hpp"
#include "rules/schedule_free.hpp"

namespace instep {
namespace {

struct ScheduleFreeAdamW {
  static constexpr const char* name = "schedule_free_adamw";

  struct Options {
    double lr, beta1, beta2, eps, weight_decay, warmup_steps, r, weight_lr_power;
  };
  static constexpr Option<Options> options[] = {
      {"lr", &Options::lr},
      {"beta1", &Options::beta1},
      {"beta2", &Options::beta2},
      {"eps", &Options::eps},
      {"weight_decay", &Options::weight_decay},
      {"warmup_steps", &Options::warmup_steps},
      {"r", &Options::r},
      {"weight_lr_power", &Options::weight_lr_power},
  };

  static constexpr const char* states[] = {"z", "exp_avg_sq"};
  static constexpr const char* scalars[] = {"weight_sum", "lr_max"};
  enum : int { z };
  static constexpr unsigned begin_as_param = 1u << z;

  static constexpr int exchanged = z;
  static double kept(const Options& o, bool back) { return kept_of_param(o.beta1, back); }

  // Decay is part of what both points step by, so that no coefficient switches it off exactly.
  enum : unsigned { decay = 1, variants = 2 };

  static unsigned variant(const Options& o, unsigned) { return when(o.weight_decay != 0, decay); }

  template <class T, unsigned variant>
  struct Step {
    T beta2, one_minus_beta2, eps, weight_decay, old_part, new_part, y_rate, z_rate;

    Step(const Options& o, int64_t step, double* scalars)
        : Step(o, ::sqrt(1.0 - power(o.beta2, step)), averaging(o, step, scalars)) {}
    // The root of the correction is in the rates instead of the direction, decay's part of it too.
    Step(const Options& o, double correction, const Averaging& averaging)
        : beta2(T(o.beta2)),
          one_minus_beta2(T(1.0 - o.beta2)),
          eps(T(o.eps * correction)),
          weight_decay(T(o.weight_decay / correction)),
          old_part(T(1.0 - averaging.part)),
          new_part(T(averaging.part)),
          y_rate(T(rate_of_y(averaging, o.beta1) * correction)),
          z_rate(T(averaging.lr * correction)) {}

    void update(T& param, T g, T& z, T& exp_avg_sq) const {
      const T theta = param, base = z;
      const T second_moment = (beta2 * exp_avg_sq) + (one_minus_beta2 * (g * g));
      T direction = g / (root(second_moment) + eps);
      if constexpr ((variant & decay) != 0) direction = direction + (weight_decay * theta);
      exp_avg_sq = second_moment;
      param = ((old_part * theta) + (new_part * base)) - (y_rate * direction);
      z = base - (z_rate * direction);
    }
  };
};

}  // namespace
}  // namespace instep
