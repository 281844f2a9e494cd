// MemoryError where memory was what failed.
#pragma once

#include <pybind11/pybind11.h>

namespace instep {

// pybind11 throws std::runtime_error when Python could not allocate a list, and Python has set
// MemoryError by then: the reason, which that exception would hide.
inline bool memory_error_is_set() {
  return PyErr_Occurred() != nullptr && PyErr_ExceptionMatches(PyExc_MemoryError) != 0;
}

void register_memory_errors();

}  // namespace instep
