#include <utility>

#include "bindings/dlpack.hpp"
#include "bindings/register.hpp"

namespace instep {

void register_dlpack(py::module_& module) {
  module.def(
      "as_ndarray",
      [](py::object object, const char* role, const py::object& name, Py_ssize_t position) {
        return as_ndarray(std::move(object), {name.is_none() ? nullptr : name.ptr(), position},
                          role);
      },
      py::arg("value"), py::arg("role"), py::arg("name") = py::none(), py::arg("position") = -1);
}

}  // namespace instep
