// The step of arrays whose states the caller keeps.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <vector>

#include "bindings/gradient_pass.hpp"
#include "kernels/table.hpp"

namespace instep {

// `arrays` holds params, grads and each state of the rule: all ndarrays, or all sequences of equal
// length; None for a state that does not exist.
void functional_step(const Rule& rule, const std::vector<pybind11::object>& arrays,
                     const double* options, std::int64_t step, double grad_scale,
                     const GradientOptions& gradient_options);

}  // namespace instep
