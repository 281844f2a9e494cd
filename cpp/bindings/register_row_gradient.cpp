#include <utility>

#include "bindings/new_instance.hpp"
#include "bindings/register.hpp"
#include "bindings/row_gradient.hpp"

namespace instep {

void register_row_gradient(py::module_& module) {
  py::class_<RowGradient> type(module, "RowGradient", safe_new());
  define_init<py::object, py::object>(type, "rows", "values");
  type.def_property_readonly("rows", [](const RowGradient& self) { return self.rows; })
      .def_property_readonly("values", [](const RowGradient& self) { return self.values; });
  set_row_gradient_type(type);
}

}  // namespace instep
