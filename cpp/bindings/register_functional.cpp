#include <pybind11/stl.h>

#include "bindings/functional.hpp"
#include "bindings/register.hpp"

namespace instep {

void register_functional(pybind11::module_& module) {
  module.def("step", &functional_step, pybind11::arg("rule"), pybind11::arg("arrays"),
             pybind11::arg("options"), pybind11::arg("step"), pybind11::arg("grad_scale"),
             pybind11::arg("gradient_options"));
}

}  // namespace instep
