// ScheduleFreeSGD: Defazio et al., "The Road Less Scheduled", NeurIPS 2024, equations 1 to 3;
// warm-up and weights as in the authors' schedulefree.SGDScheduleFree.
#pragma once

#include "rules/rule.hpp"
#include "rules/schedule_free.hpp"

namespace instep {
namespace {

struct ScheduleFreeSgd {
  static constexpr const char* name = "schedule_free_sgd";

  struct Options {
    double lr, momentum, weight_decay, warmup_steps, r, weight_lr_power;
  };
  static constexpr Option<Options> options[] = {
      {"lr", &Options::lr},
      {"momentum", &Options::momentum},
      {"weight_decay", &Options::weight_decay},
      {"warmup_steps", &Options::warmup_steps},
      {"r", &Options::r},
      {"weight_lr_power", &Options::weight_lr_power},
  };

  static constexpr const char* states[] = {"z"};
  static constexpr const char* scalars[] = {"weight_sum", "lr_max"};
  enum : int { z };
  static constexpr unsigned begin_as_param = 1u << z;

  static constexpr int exchanged = z;
  static double kept(const Options& o, bool back) { return kept_of_param(o.momentum, back); }

  enum : unsigned { l2 = 1, variants = 2 };

  static unsigned variant(const Options& o, unsigned) { return when(o.weight_decay != 0, l2); }

  template <class T, unsigned variant>
  struct Step {
    T weight_decay, old_part, new_part, y_rate, z_rate;

    Step(const Options& o, int64_t step, double* scalars) : Step(o, averaging(o, step, scalars)) {}
    Step(const Options& o, const Averaging& averaging)
        : weight_decay(T(o.weight_decay)),
          old_part(T(1.0 - averaging.part)),
          new_part(T(averaging.part)),
          y_rate(T(rate_of_y(averaging, o.momentum))),
          z_rate(T(averaging.lr)) {}

    void update(T& param, T g, T& z) const {
      const T base = z;
      if constexpr ((variant & l2) != 0) g = g + (weight_decay * param);
      param = ((old_part * param) + (new_part * base)) - (y_rate * g);
      z = base - (z_rate * g);
    }
  };
};

}  // namespace
}  // namespace instep
