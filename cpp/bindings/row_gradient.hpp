// A gradient that is zero outside some rows, as Python objects.
#pragma once

#include <cstdint>

#include "bindings/array.hpp"

namespace instep {

// Does not change, so that whoever holds it holds the arrays; what they contain may change.
struct RowGradient {
  // Raises for another library's array that NumPy cannot see; all else is checked by the step.
  RowGradient(py::object named, py::object given);

  py::object rows, values;
};

// Null where `object` is something else.
const RowGradient* as_row_gradient(PyObject* object);

// To be called once, with the Python class.
void set_row_gradient_type(py::handle type);

// Returns the rows as an array of int64 in C order, which may be misaligned and may be its own.
// Raises unless `grad` may be the gradient of `param`, but for what its rows are.
// `dtype`, in which the parameter is stepped, becomes that of the values.
py::object check_rows(const RowGradient& grad, PyObject* param, const Label& label, DType& dtype);

// Raises for the row at that position, which `param` does not have.
[[noreturn]] void throw_no_such_row(const RowGradient& grad, std::int64_t position, PyObject* param,
                                    const Label& label);

}  // namespace instep
