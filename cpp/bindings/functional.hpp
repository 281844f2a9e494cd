// The step of arrays whose states the caller keeps.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <vector>

namespace instep {

// `arrays` holds params, grads and each state of the rule: all ndarrays, or all sequences of equal
// length; None for a state that does not exist.
void functional_step(const std::string& rule, const std::vector<pybind11::object>& arrays,
                     const std::vector<double>& options, std::int64_t step, double grad_scale,
                     const pybind11::object& gradient_options);

}  // namespace instep
