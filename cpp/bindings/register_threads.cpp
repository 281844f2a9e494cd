#include <pybind11/pybind11.h>

#include "bindings/register.hpp"
#include "engine/threads.hpp"

namespace instep {

namespace py = pybind11;

void register_threads(py::module_& module) {
  module.def("max_threads", &max_threads);
  module.def("set_thread_cap", &set_thread_cap, py::arg("cap"), "0: no cap.");
  module.def("set_grain", &set_grain, py::arg("n_bytes"),
             "Set the least work of a thread, in bytes; returns the former value.");
}

}  // namespace instep
