// The coefficients of one call, computed once for each distinct (group, step count, dtype).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "kernels/table.hpp"

namespace instep {

class CoefficientCache {
 public:
  explicit CoefficientCache(const Rule& rule)
      : more_(rule.more_than_elements), scalar_count_(rule.scalar_count) {}

  // Makes room for so many groups, and one set of coefficients for each of so many parameters.
  void reset(std::size_t groups, std::size_t parameters) {
    latest_.resize(groups * working_count);
    for (Latest& each : latest_) each.step = -1;
    if (more_) latest_scalars_.resize(latest_.size());
    if (coefficients_.size() < parameters) coefficients_.resize(parameters);
    used_ = 0;
  }

  // Stays valid until the next reset. One scale for all calls between resets. Needs no GIL;
  // allocates nothing.
  const Coefficients& get(const Kernel& kernel, const double* options, std::int64_t step,
                          double grad_scale, std::size_t group, DType dtype) {
    Latest& latest = latest_[group * working_count + dtype];
    if (latest.step != step || latest.prepare != kernel.prepare) {
      latest = {step, kernel.prepare, used_};
      own(kernel, options, step, grad_scale, nullptr);
    }
    return coefficients_[latest.index];
  }

  // The same of a parameter with these scalars, which become those after the step.
  const Coefficients& get(const Kernel& kernel, const double* options, std::int64_t step,
                          double grad_scale, std::size_t group, DType dtype, double* scalars) {
    Latest& latest = latest_[group * working_count + dtype];
    Scalars& known = latest_scalars_[group * working_count + dtype];
    if (latest.step != step || latest.prepare != kernel.prepare ||
        !std::equal(scalars, scalars + scalar_count_, known.before.begin())) {
      latest = {step, kernel.prepare, used_};
      std::copy_n(scalars, scalar_count_, known.before.begin());
      own(kernel, options, step, grad_scale, scalars);
      std::copy_n(scalars, scalar_count_, known.after.begin());
    }
    std::copy_n(known.after.begin(), scalar_count_, scalars);
    return coefficients_[latest.index];
  }

  // Coefficients of one parameter alone.
  Coefficients& own(const Kernel& kernel, const double* options, std::int64_t step,
                    double grad_scale, double* scalars) {
    Coefficients& result = coefficients_[used_++];
    kernel.prepare(options, step, grad_scale, scalars, result);
    return result;
  }

 private:
  struct Latest {
    std::int64_t step = -1;
    Prepare prepare = nullptr;
    std::size_t index = 0;
  };
  struct Scalars {
    std::array<double, max_scalars> before = {}, after = {};
  };

  bool more_;
  int scalar_count_;
  std::vector<Latest> latest_;           // of each group and dtype
  std::vector<Scalars> latest_scalars_;  // the same, where a rule has some
  // Kept from one call to the next: to make them anew took a twentieth of a small step.
  std::vector<Coefficients> coefficients_;
  std::size_t used_ = 0;
};

}  // namespace instep
