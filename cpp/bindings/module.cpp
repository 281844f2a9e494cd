#include "bindings/register.hpp"

#include "bindings/out_of_memory.hpp"
#include "engine/gate.hpp"
#include "kernels/select.hpp"

namespace py = pybind11;

// Sub-interpreters are refused by a name that says so: NumPy, which all of this needs, has none.
PYBIND11_MODULE(_core, module, py::mod_gil_not_used(), py::multiple_interpreters::not_supported()) {
  module.doc() = "The compiled part of instep. Private: use instep's own names.";
  try {
    instep::chosen_table();
    instep::guard_forks();
  } catch (const std::exception& error) {
    throw py::import_error(error.what());
  }
  module.attr("__version__") = INSTEP_VERSION;
  instep::register_memory_errors();
  instep::register_block_sums(module);
  instep::register_build_config(module);
  instep::register_dlpack(module);
  instep::register_floor(module);
  instep::register_functional(module);
  instep::register_new_state(module);
  instep::register_optimizer_arguments(module);
  instep::register_optimizer(module);
  instep::register_row_gradient(module);
  instep::register_rules(module);
  instep::register_tensor_watch(module);
  instep::register_threads(module);
}
