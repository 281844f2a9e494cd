// The coefficients of one call, computed once for each distinct (group, step count, dtype).
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/table.hpp"

namespace instep {

class CoefficientCache {
 public:
  // Makes room for so many groups, and one set of coefficients for each of so many parameters.
  void reset(std::size_t groups, std::size_t parameters) {
    latest_.assign(groups * working_count, Latest());
    coefficients_.clear();
    coefficients_.reserve(parameters);
  }

  // Stays valid until the next reset. One scale for all calls between resets. Needs no GIL;
  // allocates nothing.
  const Coefficients& get(const Kernel& kernel, const double* options, std::int64_t step,
                          double grad_scale, std::size_t group, DType dtype) {
    Latest& latest = latest_[group * working_count + dtype];
    if (latest.step != step || latest.prepare != kernel.prepare) {
      coefficients_.emplace_back();
      kernel.prepare(options, step, grad_scale, coefficients_.back());
      latest = {step, kernel.prepare, coefficients_.size() - 1};
    }
    return coefficients_[latest.index];
  }

 private:
  struct Latest {
    std::int64_t step = -1;
    Prepare prepare = nullptr;
    std::size_t index = 0;
  };

  std::vector<Latest> latest_;  // of each group and dtype
  std::vector<Coefficients> coefficients_;
};

}  // namespace instep
