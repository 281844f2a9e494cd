// Arrays of other libraries: what exports DLPack becomes the ndarray that sees its memory.
#pragma once

#include "bindings/array.hpp"

namespace instep {

// Whether `object` is an array of any library, and so no sequence of arrays: one whose memory
// nobody sees, such as a dataset in a file, is one all the same.
bool is_array(PyObject* object);

// The ndarray that sees the memory of `object`, where that is another library's array, and keeps it
// alive; anything else as it is. Raises TypeError where NumPy cannot see the memory without a copy.
py::object as_ndarray(py::object object, const Label& label, const char* role);

// The same in the place of `object`; whether it was another library's array.
bool see_as_ndarray(py::object& object, const Label& label, const char* role);

}  // namespace instep
