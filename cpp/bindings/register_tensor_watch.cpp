#include <pybind11/stl.h>

#include "bindings/new_instance.hpp"
#include "bindings/register.hpp"
#include "bindings/tensor_watch.hpp"

namespace instep {
namespace {

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  const auto* const watch = held_by<TensorWatch>(self);
  return watch == nullptr ? 0 : watch->traverse(visit, arg);
}

int clear(PyObject* self) {
  auto* const watch = held_by<TensorWatch>(self);
  if (watch != nullptr) watch->clear();
  return 0;
}

py::custom_type_setup collected_new() {
  return py::custom_type_setup([](PyHeapTypeObject* type) {
    type->ht_type.tp_new = new_instance;
    type->ht_type.tp_flags |= Py_TPFLAGS_HAVE_GC;
    type->ht_type.tp_traverse = traverse;
    type->ht_type.tp_clear = clear;
  });
}

}  // namespace

void register_tensor_watch(py::module_& module) {
  py::class_<TensorWatch> type(module, "TensorWatch", collected_new());
  define_init<py::object, py::object>(type, "optimizer", "place_of");
  type.def("add", &TensorWatch::add)
      .def("holds", &TensorWatch::holds)
      .def("watch_options", &TensorWatch::watch_options)
      .def("has_options", &TensorWatch::has_options)
      .def("gradients", &TensorWatch::gradients)
      .def("see_by_python", &TensorWatch::see_by_python)
      .def("stepped", &TensorWatch::stepped)
      .def("show_steps", &TensorWatch::show_steps);
}

}  // namespace instep
