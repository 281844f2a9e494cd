#include "bindings/parameter.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "bindings/dlpack.hpp"
#include "bindings/exchange.hpp"
#include "bindings/gil.hpp"
#include "kernels/select.hpp"

namespace instep {

Parameter::Parameter(const Rule& rule, py::object name, Py_ssize_t position, py::object param)
    : rule_(&rule),
      name_(std::move(name)),
      position_(position),
      param_(as_ndarray(std::move(param), label(), "parameter")),
      stored_(check_array(param_.ptr(), label(), "parameter")),
      dtype_(working_type(stored_)) {
  check_writable(param_.ptr(), label(), "parameter");
  const auto& array = fields(param_.ptr());
  print_ = param_print_ = Fingerprint(param_.ptr());
  order_ = Order(array.nd, array.dimensions, array.strides);
  task_ = dense_task();
}

const char* Parameter::state_name(std::size_t k) const {
  return k + 1 < states_.size() ? rule_->states[k] : "param_rest";
}

void Parameter::set_states(std::vector<py::object> states, py::object copy,
                           const Rounding& rounding) {
  states_ = std::move(states);
  state_dtypes_.assign(states_.size(), rest_dtype);
  rounding_ = rounding;
  for (std::size_t k = 0; k < states_.size(); ++k) {
    const bool is_rest = k + 1 == states_.size();
    if (!is_rest) check_exists(k);
    if (states_[k].is_none() && (is_rest || (rule_->required_states >> k & 1) == 0)) continue;
    const char* const role = state_name(k);
    see_as_ndarray(states_[k], label(), role);
    PyObject* const state = states_[k].ptr();
    if (is_rest) {
      check_int16(state, label(), role);
      check_has_rest();
      check_same_shape(state, param_.ptr(), label(), role);
    } else {
      state_dtypes_[k] = check_state(state, param_.ptr(), dtype_, rule_->shapes[k], label(), role);
      present_ |= 1u << k;
    }
    check_writable(state, label(), role);
  }
  if (!copy.is_none()) {
    see_as_ndarray(copy, label(), "copy");
    copy_dtype_ = check_copy(copy.ptr(), label());
    check_same_shape(copy.ptr(), param_.ptr(), label(), "copy");
    check_writable(copy.ptr(), label(), "copy");
    copy_print_ = Fingerprint(copy.ptr());
    copy_ = std::move(copy);
    print_ = Fingerprint();
  }
  reduction_ = new_reduction(all());
  task_ = dense_task();
}

void Parameter::set_first_index(std::int64_t index) {
  rounding_.first_index = index;
  task_ = dense_task();
  forget_gradient();
}

void Parameter::check_exists(std::size_t state) const {
  const StateShape shape = rule_->shapes[state];
  const int axes = fields(param_.ptr()).nd;
  if (shape == StateShape::whole || shape == StateShape::row) return;
  if (states_[state].is_none() != exists(shape, axes)) return;
  throw py::type_error(label().with(state_name(state)) + ": expected " +
                       (exists(shape, axes) ? "a numpy.ndarray" : "None") + " for a parameter of " +
                       (axes < 2 ? "less than two axes" : "two axes or more") + ", shape " +
                       shape_name(param_.ptr()) + ", got " +
                       (exists(shape, axes) ? "None" : "an array"));
}

bool Parameter::has_columns() const {
  const StateShape* const end = rule_->shapes + rule_->state_count;
  return std::find(rule_->shapes, end, StateShape::columns) != end;
}

Parameter Parameter::over(py::object param) const {
  Parameter other(*rule_, name_, position_, std::move(param));
  check_like(other.param_.ptr(), param_.ptr(), label(), "parameter", "the array before it");
  other.set_states(states_, copy_, rounding_);
  return other;
}

void Parameter::add_to(WrittenMemory& written) const {
  written.add(param_.ptr(), label(), "parameter");
  for (std::size_t k = 0; k < states_.size(); ++k) {
    if (!states_[k].is_none()) written.add(states_[k].ptr(), label(), state_name(k));
  }
  if (!copy_.is_none()) written.add(copy_.ptr(), label(), "copy");
}

void Parameter::bind(py::object& grad, const WrittenMemory& written) {
  if (!print_.matches(param_.ptr())) check_written();
  if (grad_print_.matches(grad.ptr())) return;
  if (const RowGradient* const rows = as_row_gradient(grad.ptr())) {
    bind_rows(*rows, written);
    return;
  }
  // The usual new gradient has its parameter's type, and is an ndarray as that is.
  if (Py_TYPE(grad.ptr()) != Py_TYPE(param_.ptr())) {
    if (bind_tensor(grad.ptr(), written)) return;
    if (see_as_ndarray(grad, label(), "gradient") && grad_print_.matches(grad.ptr())) return;
    make_scalar_an_array(grad);
  }
  PyObject* const array = grad.ptr();
  const DType dtype = check_gradient(array, param_.ptr(), dtype_, label());
  check_same_shape(array, param_.ptr(), label(), "gradient");
  written.check_read(array, label(), "gradient");
  bind_dense(Fingerprint(array), dtype);
}

bool Parameter::bind_tensor(PyObject* grad, const WrittenMemory& written) {
  const std::optional<dlpack_abi::Tensor> tensor = borrow_plain(grad);
  if (!tensor) return false;
  if (grad_print_.matches(grad, *tensor)) return true;
  const auto& param = fields(param_.ptr());
  const std::optional<DType> dtype = dtype_of(*tensor);
  if (!dtype || !widens(*dtype, dtype_) || tensor->ndim != param.nd ||
      !std::equal(tensor->shape, tensor->shape + tensor->ndim, param.dimensions)) {
    return false;
  }
  Fingerprint print(grad, *tensor);
  if (!written.is_apart(
          bounds(print.data(), print.ndim(), print.shape(), print.strides(), item_size(*dtype)))) {
    return false;
  }
  bind_dense(std::move(print), *dtype);
  return true;
}

ConditionGradient Parameter::widening_of(DType dtype) const {
  return dtype == dtype_ ? nullptr : chosen_table().gradients.condition[dtype][dtype_];
}

void Parameter::bind_dense(Fingerprint print, DType dtype) {
  Stream bound = element_count(param_.ptr()) == 0
                     ? Stream()
                     : Stream(print.data(), print.shape(), print.strides(), dtype, order_);
  if (touched_) {
    reduction_ = new_reduction(all());
    task_ = dense_task();
    touched_.reset();
  }
  // Nothing fails between the two: a task must not keep the address of another gradient than the
  // one that is not checked again.
  task_.set_grad(std::move(bound));
  widening_ = widening_of(dtype);
  grad_print_ = std::move(print);
}

void Parameter::add_copies(const std::vector<py::object>& states, const py::object& param,
                           PendingCopies& copies) const {
  check_written();
  const auto add = [&](const py::object& from, const py::object& to, DType dtype,
                       const Order& order, const char* role) {
    const DType given = check_array(from.ptr(), label(), role);
    if (!widens(given, dtype))
      check_same_dtype(from.ptr(), to.ptr(), label(), role, "the optimizer");
    check_same_shape(from.ptr(), to.ptr(), label(), role, "the optimizer's");
    copies.add(stream(from.ptr(), given, order), stream(to.ptr(), dtype, order),
               element_count(to.ptr()));
  };
  for (std::size_t k = 0; k + 1 < states_.size(); ++k) {
    if (states_[k].is_none()) continue;
    const auto& state = fields(states_[k].ptr());
    add(states.at(k), states_[k], state_dtypes_[k],
        is_reduced(shape(k)) ? Order::of_c(state.nd, state.dimensions) : order_, state_name(k));
  }
  if (!rest().is_none()) {
    PyObject* const from = states.back().ptr();
    check_int16(from, label(), state_name(states_.size() - 1));
    check_same_shape(from, param_.ptr(), label(), state_name(states_.size() - 1));
    copies.add(stream(from, rest_dtype, order_), stream(rest().ptr(), rest_dtype, order_),
               element_count(from));
  }
  if (!param.is_none()) add(param, param_, stored_, order_, "parameter");
}

// The rows are an array of their own to the engine, of as many rows as are touched.
void Parameter::bind_rows(const RowGradient& grad, const WrittenMemory& written) {
  if (has_columns()) refuse_rows();
  DType dtype = dtype_;
  const py::object named = check_rows(grad, param_.ptr(), label(), dtype);
  written.check_read(grad.rows.ptr(), label(), "rows of the gradient");
  written.check_read(grad.values.ptr(), label(), "gradient");

  grad_print_ = Fingerprint();
  if (!touched_) touched_ = std::make_shared<TouchedRows>();
  const auto& values = fields(grad.values.ptr());
  const std::int64_t count = values.dimensions[0], elements = element_count(grad.values.ptr());
  const std::int64_t row_size = count == 0 ? 0 : elements / count;
  std::optional<std::int64_t> bad;
  Stream sums;
  without_gil(elements * item_size(dtype) + count * std::int64_t(sizeof(std::int64_t)), [&] {
    bad = touched_->assign(fields(named.ptr()).data, count, fields(param_.ptr()).dimensions[0]);
    if (bad || row_size == 0) return;
    const Stream given(values.data, values.dimensions, values.strides, dtype, order_.rows_first());
    sums = touched_->sum(given, row_size, dtype_, chosen_table().gradients);
  });
  if (bad) throw_no_such_row(grad, *bad, param_.ptr(), label());
  if (row_size == 0) {
    task_ = Task(0, dtype_);
    return;
  }
  const Part part = touched();
  reduction_ = new_reduction(part);
  task_ = new_task(part);
  widening_ = widening_of(sums.dtype());
  task_.set_grad(std::move(sums));
}

void Parameter::refuse_rows() const {
  throw py::type_error(
      label().with("gradient") + ": expected an array, as a step of " + rule_->name +
      " depends on all its elements, got a RowGradient; pass an array with zeros " +
      "in the other rows");
}

void Parameter::check_written() const {
  if (!param_print_.matches(param_.ptr())) {
    check_writable(param_.ptr(), label(), "parameter");
    throw_changed("parameter", ", or pass it to rebind() where its memory alone is another");
  }
  if (!copy_.is_none() && !copy_print_.matches(copy_.ptr())) {
    check_writable(copy_.ptr(), label(), "copy");
    throw_changed("copy", "");
  }
}

void Parameter::throw_changed(const char* role, const char* way_on) const {
  throw py::value_error(label().with(role) +
                        ": expected the memory, shape and dtype that it had when it was given, " +
                        "which have changed; make a new optimizer for it" + way_on);
}

void Parameter::check_has_rest() const {
  if (stored_ == bfloat16) return;
  throw py::type_error(label().with("param_rest") +
                       ": expected a parameter of bfloat16, whose master it completes, got " +
                       std::string(py::str(py::handle(fields(param_.ptr()).descr))));
}

py::tuple Parameter::index_of(std::int64_t element) const {
  const auto& param = fields(param_.ptr());
  std::vector<std::ptrdiff_t> shape(param.dimensions, param.dimensions + param.nd);
  if (touched_) shape = touched_shape();
  py::tuple index(shape.size());
  for (std::size_t axis = shape.size(); axis-- > 0; element /= shape[axis]) {
    const std::int64_t at = element % shape[axis];
    index[axis] = touched_ && axis == 0 ? touched_->rows()[at] : at;
  }
  return index;
}

std::vector<std::ptrdiff_t> Parameter::touched_shape() const {
  const auto& param = fields(param_.ptr());
  std::vector<std::ptrdiff_t> shape(param.dimensions, param.dimensions + param.nd);
  shape[0] = std::ptrdiff_t(touched_->count());
  return shape;
}

}  // namespace instep
