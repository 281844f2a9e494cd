// Methods that cost less than pybind11's, where that shows: a plain descriptor on a bound class.
#pragma once

#include <pybind11/pybind11.h>

#include <new>

#include "bindings/out_of_memory.hpp"

namespace instep {

namespace py = pybind11;

// The C++ object of a Python object of its class. The cast of pybind11 looks the type up in a hash
// table, which would be a tenth of a small step.
template <class T>
T& held(PyObject* self) {
  auto* const instance = reinterpret_cast<py::detail::instance*>(self);
  auto* const object = static_cast<T*>(instance->get_value_and_holder().value_ptr());
  if (object == nullptr) {
    throw py::type_error(std::string(Py_TYPE(self)->tp_name) + ": __init__() was not called");
  }
  return *object;
}

// Calls `body` and returns None, or raises what it throws.
template <class Body>
// NOLINTNEXTLINE(bugprone-exception-escape): a handler calls Python alone, which throws nothing
PyObject* none_or_raise(Body body) noexcept {
  try {
    body();
    Py_RETURN_NONE;
  } catch (py::error_already_set& error) {
    error.restore();
  } catch (const py::builtin_exception& error) {
    error.set_error();
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    if (!memory_error_is_set()) PyErr_SetString(PyExc_RuntimeError, error.what());
  }
  return nullptr;
}

inline void add_method(py::object& type, PyMethodDef& method) {
  auto* const descriptor = PyDescr_NewMethod(reinterpret_cast<PyTypeObject*>(type.ptr()), &method);
  type.attr(method.ml_name) = py::reinterpret_steal<py::object>(descriptor);
}

}  // namespace instep
