// What the schedule-free rules share: Defazio et al., "The Road Less Scheduled", NeurIPS 2024.
// Steps are taken at z, gradients at y = (1 - beta) z + beta x, and x, the weighted mean of all z,
// is what is learned. The parameter holds y while steps are taken, and x in between; the other is
// not stored.
#pragma once

#include "rules/elementary.hpp"
#include "rules/rule.hpp"

namespace instep {
namespace {

// Of a step: its rate, and the part of x that is the new z.
struct Averaging {
  double lr, part;
};

// The default power without what portable_pow takes, as long as a thousand elements of a step.
inline double weight_of_rate(double lr, double power) {
  return power == 2.0 ? lr * lr : portable_pow(lr, power);
}

// The scalars are the sum of all weights so far, and the largest rate, -1 at first.
template <class Options>
inline Averaging averaging(const Options& o, int64_t step, double* scalars) {
  const auto t = double(step);
  const double lr = t <= o.warmup_steps ? o.lr * (t / o.warmup_steps) : o.lr;
  const double lr_max = larger(scalars[1], lr);
  const double weight = portable_pow(t, o.r) * weight_of_rate(lr_max, o.weight_lr_power);
  const double weight_sum = scalars[0] + weight;
  scalars[0] = weight_sum;
  scalars[1] = lr_max;
  return {lr, weight_sum == 0.0 ? 0.0 : weight / weight_sum};
}

// Of y, by how much it moves for each unit that z does.
inline double rate_of_y(const Averaging& averaging, double beta) {
  return averaging.lr * (1.0 - (beta * (1.0 - averaging.part)));
}

// x = y / beta + (1 - 1 / beta) z, and back.
inline double kept_of_param(double beta, bool back) { return back ? beta : 1.0 / beta; }

}  // namespace
}  // namespace instep
