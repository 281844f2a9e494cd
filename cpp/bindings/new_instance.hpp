// Python objects of bound classes, where memory may run out.
#pragma once

#include <pybind11/pybind11.h>

#include <exception>
#include <memory>
#include <utility>

namespace instep {

// In the place of pybind11's own, which reads the object without looking whether there is one
// (make_new_instance in pybind11 3.0), and throws through C code.
inline PyObject* new_instance(PyTypeObject* type, PyObject*, PyObject*) noexcept {
  PyObject* const self = type->tp_alloc(type, 0);
  if (self == nullptr) return nullptr;
  try {
    reinterpret_cast<pybind11::detail::instance*>(self)->allocate_layout();
    return self;
  } catch (const std::exception&) {
    if (PyErr_Occurred() == nullptr) PyErr_NoMemory();
  }
  // Not yet an object that could be destroyed.
  if (PyType_IS_GC(type)) PyObject_GC_UnTrack(self);
  type->tp_free(self);
  Py_DECREF(type);
  return nullptr;
}

// Defines __init__ as pybind11::init does, but registers the new object where exceptions are
// caught: pybind11 does so after that, and would end the process where memory runs out.
template <class T, class... Arguments, class... Names>
void define_init(pybind11::class_<T>& type, const Names&... names) {
  type.def(
      "__init__",
      // NOLINTNEXTLINE(performance-unnecessary-value-param): they are pybind11's to give away
      [](pybind11::detail::value_and_holder& self, Arguments... arguments) {
        std::unique_ptr<T> object(new T{std::move(arguments)...});
        self.value_ptr() = object.get();
        try {
          self.type->init_instance(self.inst, nullptr);
        } catch (...) {
          self.value_ptr() = nullptr;
          throw;
        }
        object.release();  // pybind11 has it
      },
      pybind11::detail::is_new_style_constructor(), names...);
}

// To be passed to pybind11::class_.
inline pybind11::custom_type_setup safe_new() {
  return pybind11::custom_type_setup(
      [](PyHeapTypeObject* type) { type->ht_type.tp_new = new_instance; });
}

}  // namespace instep
