// Python objects of bound classes, where memory may run out.
#pragma once

#include <pybind11/pybind11.h>

#include <new>

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

// To be passed to pybind11::class_.
inline pybind11::custom_type_setup safe_new() {
  return pybind11::custom_type_setup(
      [](PyHeapTypeObject* type) { type->ht_type.tp_new = new_instance; });
}

}  // namespace instep
