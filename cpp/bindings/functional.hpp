// The step of arrays whose states the caller keeps.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <vector>

#include "bindings/gradient_pass.hpp"
#include "kernels/table.hpp"

namespace instep {

// What is stored in 16 bits.
struct StorageArguments {
  unsigned by_chance = 0;  // a bit for each slot whose 16 bits are rounded so
  std::uint64_t seed = 0;
  std::int64_t first_parameter = 0;  // the number of the call's first
  pybind11::object rests = pybind11::none(), copies = pybind11::none();
};

// `arrays` holds params, grads, each state and each scalar of the rule: all ndarrays, or all
// sequences of equal length; None for a state that does not exist. The same is true of what
// `storage` holds, and a sequence of copies may hold None. `step` is 0 where nobody told it.
void functional_step(const Rule& rule, std::vector<pybind11::object> arrays, const double* options,
                     std::int64_t step, double grad_scale, const GradientOptions& gradient_options,
                     const StorageArguments& storage);

}  // namespace instep
