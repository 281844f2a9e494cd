// Values of Python's mappings, and names.
#pragma once

#include <pybind11/pybind11.h>

namespace instep {

namespace py = pybind11;

// Null where the dictionary has no such key.
inline py::object find(PyObject* dict, PyObject* key) {
#if PY_VERSION_HEX >= 0x030d0000
  PyObject* value = nullptr;
  if (PyDict_GetItemRef(dict, key, &value) < 0) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(value);
#else
  PyObject* const value = PyDict_GetItemWithError(dict, key);
  if (value == nullptr && PyErr_Occurred()) throw py::error_already_set();
  return py::reinterpret_borrow<py::object>(value);
#endif
}

// None where the mapping has no such key.
inline py::object get(PyObject* mapping, PyObject* key) {
  if (PyDict_Check(mapping) == 0) return py::handle(mapping).attr("get")(py::handle(key));
  py::object value = find(mapping, key);
  return value ? value : py::none();
}

// The name as Python keeps it, which is found without a comparison of letters.
inline py::object interned(const char* name) {
  auto text = py::reinterpret_steal<py::object>(PyUnicode_InternFromString(name));
  if (!text) throw py::error_already_set();
  return text;
}

}  // namespace instep
