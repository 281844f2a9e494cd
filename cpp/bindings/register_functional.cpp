#include "bindings/register.hpp"
#include "bindings/step_function.hpp"

namespace instep {

void register_functional(pybind11::module_& module) {
  module.attr("StepFunction") = step_function_type();
}

}  // namespace instep
