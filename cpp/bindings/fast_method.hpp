// Methods that cost less than pybind11's, where that shows: a plain descriptor on a bound class.
#pragma once

#include <pybind11/pybind11.h>

#include <new>
#include <string>

#include "bindings/out_of_memory.hpp"
#include "bindings/pybind11_detail.hpp"

namespace instep {

namespace py = pybind11;

// The C++ object of a Python object of its class.
template <class T>
T& held(PyObject* self) {
  auto* const object = held_by<T>(self);
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
