#include "bindings/row_gradient.hpp"

#include <algorithm>
#include <utility>

#include "bindings/dlpack.hpp"
#include "bindings/fast_method.hpp"

namespace instep {
namespace {

PyTypeObject* row_gradient_type = nullptr;

constexpr const char* rows_role = "rows of the gradient";

using Integers = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;

}  // namespace

RowGradient::RowGradient(py::object named, py::object given)
    : rows(as_ndarray(std::move(named), {}, "rows")),
      values(as_ndarray(std::move(given), {}, "values")) {}

const RowGradient* as_row_gradient(PyObject* object) {
  return PyObject_TypeCheck(object, row_gradient_type) ? &held<RowGradient>(object) : nullptr;
}

void set_row_gradient_type(py::handle type) {
  row_gradient_type = reinterpret_cast<PyTypeObject*>(type.inc_ref().ptr());
}

py::object check_rows(const RowGradient& grad, PyObject* param, const Label& label, DType& dtype) {
  const auto& p = fields(param);
  if (p.nd == 0) {
    throw py::value_error(label.with("gradient") +
                          ": expected an array, as its parameter of shape () has no rows, got a "
                          "RowGradient");
  }
  check_integers(grad.rows.ptr(), label, rows_role);
  if (fields(grad.rows.ptr()).nd != 1) {
    throw py::value_error(label.with(rows_role) + ": expected one axis, got shape " +
                          shape_name(grad.rows.ptr()));
  }
  dtype = check_gradient(grad.values.ptr(), param, dtype, label);
  const auto count = fields(grad.rows.ptr()).dimensions[0];

  const auto& v = fields(grad.values.ptr());
  if (v.nd != p.nd || v.dimensions[0] != count ||
      !std::equal(v.dimensions + 1, v.dimensions + v.nd, p.dimensions + 1)) {
    py::list expected(py::reinterpret_borrow<py::object>(param).attr("shape"));
    expected[0] = count;
    throw py::value_error(label.with("gradient") + ": expected values of shape " +
                          std::string(py::str(py::tuple(expected))) + ", for " +
                          std::to_string(count) + " rows of its parameter, got " +
                          shape_name(grad.values.ptr()));
  }
  auto rows = Integers::ensure(grad.rows);
  if (!rows) throw py::error_already_set();
  return std::move(rows);
}

void throw_no_such_row(const RowGradient& grad, std::int64_t position, PyObject* param,
                       const Label& label) {
  throw py::value_error(label.with(rows_role) + ": expected rows from 0 up to, not including, " +
                        std::to_string(fields(param).dimensions[0]) + ", got " +
                        std::string(py::str(grad.rows[py::int_(position)])) + " at position " +
                        std::to_string(position));
}

}  // namespace instep
