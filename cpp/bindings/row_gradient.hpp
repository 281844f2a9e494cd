// A gradient that is zero outside some rows, as Python objects.
#pragma once

#include <cstdint>
#include <vector>

#include "bindings/array.hpp"

namespace instep {

// Does not change, so that whoever holds it holds the arrays; what they contain may change.
struct RowGradient {
  py::object rows, values;
};

// Null where `object` is something else.
const RowGradient* as_row_gradient(PyObject* object);

// To be called once, with the Python class.
void set_row_gradient_type(py::handle type);

// Raise unless `grad` may be the gradient of `param`; returns a copy of its rows, which nobody
// else can change once they have been checked.
std::vector<std::int64_t> check_rows(const RowGradient& grad, PyObject* param, const Label& label);

}  // namespace instep
