// What to do about an array that is refused: how its message ends.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

namespace instep {

// Of what is no ndarray.
const char* advice_on_object(PyObject* object, const char* role);

// Of an ndarray that is neither of float32 nor of float64 in the machine's byte order.
std::string advice_on_dtype(PyObject* array, const char* role);

// Of an ndarray that is to be written and is read-only.
const char* advice_on_read_only(PyObject* array);

}  // namespace instep
