#include "bindings/row_gradient.hpp"

#include <algorithm>
#include <cstring>

#include "bindings/descriptor.hpp"

namespace instep {
namespace {

PyTypeObject* row_gradient_type = nullptr;

constexpr const char* rows_role = "rows of the gradient";

using Integers = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;

std::vector<std::int64_t> copy_of(const py::object& rows) {
  const auto converted = Integers::ensure(rows);
  if (!converted) throw py::error_already_set();
  std::vector<std::int64_t> copy(std::size_t(converted.size()));
  // It may still be misaligned.
  if (!copy.empty()) {
    std::memcpy(copy.data(), static_cast<const void*>(fields(converted.ptr()).data),
                copy.size() * sizeof(copy[0]));
  }
  return copy;
}

}  // namespace

const RowGradient* as_row_gradient(PyObject* object) {
  return PyObject_TypeCheck(object, row_gradient_type) ? &held<RowGradient>(object) : nullptr;
}

void set_row_gradient_type(py::handle type) {
  row_gradient_type = reinterpret_cast<PyTypeObject*>(type.inc_ref().ptr());
}

std::vector<std::int64_t> check_rows(const RowGradient& grad, PyObject* param, const Label& label) {
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
  check_array(grad.values.ptr(), label, "gradient");
  check_same_dtype(grad.values.ptr(), param, label, "gradient");
  std::vector<std::int64_t> rows = copy_of(grad.rows);

  const auto& v = fields(grad.values.ptr());
  if (v.nd != p.nd || v.dimensions[0] != py::ssize_t(rows.size()) ||
      !std::equal(v.dimensions + 1, v.dimensions + v.nd, p.dimensions + 1)) {
    py::list expected(py::reinterpret_borrow<py::object>(param).attr("shape"));
    expected[0] = rows.size();
    throw py::value_error(label.with("gradient") + ": expected values of shape " +
                          std::string(py::str(py::tuple(expected))) + ", for " +
                          std::to_string(rows.size()) + " rows of its parameter, got " +
                          shape_name(grad.values.ptr()));
  }
  const auto bad = std::find_if(rows.begin(), rows.end(), [&p](std::int64_t row) {
    return row < 0 || row >= p.dimensions[0];
  });
  if (bad != rows.end()) {
    const auto position = bad - rows.begin();
    throw py::value_error(label.with(rows_role) + ": expected rows from 0 up to, not including, " +
                          std::to_string(p.dimensions[0]) + ", got " +
                          std::string(py::str(grad.rows[py::int_(position)])) + " at position " +
                          std::to_string(position));
  }
  return rows;
}

}  // namespace instep
