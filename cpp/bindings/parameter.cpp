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
      dtype_(check_array(param_.ptr(), label(), "parameter")) {
  check_writable(param_.ptr(), label(), "parameter");
  const auto& array = fields(param_.ptr());
  param_print_ = Fingerprint(param_.ptr());
  order_ = Order(array.nd, array.dimensions, array.strides);
  task_ = dense_task();
}

void Parameter::set_states(std::vector<py::object> states) {
  states_ = std::move(states);
  for (std::size_t k = 0; k < states_.size(); ++k) {
    const char* const role = rule_->states[k];
    if (states_[k].is_none() && (rule_->required_states >> k & 1) == 0) continue;
    see_as_ndarray(states_[k], label(), role);
    PyObject* const state = states_[k].ptr();
    check_array(state, label(), role);
    check_like(state, param_.ptr(), label(), role);
    check_writable(state, label(), role);
    present_ |= 1u << k;
  }
  task_ = dense_task();
}

Parameter Parameter::over(py::object param) const {
  Parameter other(*rule_, name_, position_, std::move(param));
  check_like(other.param_.ptr(), param_.ptr(), label(), "parameter", "the array before it");
  other.set_states(states_);
  return other;
}

void Parameter::add_to(WrittenMemory& written) const {
  written.add(param_.ptr(), label(), "parameter");
  for (std::size_t k = 0; k < states_.size(); ++k) {
    if (!states_[k].is_none()) written.add(states_[k].ptr(), label(), rule_->states[k]);
  }
}

void Parameter::bind(py::object& grad, const WrittenMemory& written) {
  if (!param_print_.matches(param_.ptr())) check_param();
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
  const DType dtype = check_gradient(array, param_.ptr(), label());
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
  if (!param_print_.matches(param_.ptr())) check_param();
  const auto add = [&](const py::object& from, const py::object& to, const char* role) {
    check_array(from.ptr(), label(), role);
    check_like(from.ptr(), param_.ptr(), label(), role);
    copies.add(stream(from.ptr()), stream(to.ptr()), element_count(to.ptr()));
  };
  for (std::size_t k = 0; k < states_.size(); ++k) {
    if (!states_[k].is_none()) add(states.at(k), states_[k], rule_->states[k]);
  }
  if (!param.is_none()) add(param, param_, "parameter");
}

// The rows are an array of their own to the engine, of as many rows as are touched.
void Parameter::bind_rows(const RowGradient& grad, const WrittenMemory& written) {
  DType dtype = dtype_;
  const py::object named = check_rows(grad, param_.ptr(), label(), dtype);
  written.check_read(grad.rows.ptr(), label(), "rows of the gradient");
  written.check_read(grad.values.ptr(), label(), "gradient");

  grad_print_ = Fingerprint();
  if (!touched_) touched_ = std::make_shared<TouchedRows>();
  const Order order = order_.rows_first();
  const auto& values = fields(grad.values.ptr());
  const std::int64_t count = values.dimensions[0], elements = element_count(grad.values.ptr());
  const std::int64_t row_size = count == 0 ? 0 : elements / count;
  std::optional<std::int64_t> bad;
  Stream sums;
  without_gil(elements * item_size(dtype) + count * std::int64_t(sizeof(std::int64_t)), [&] {
    bad = touched_->assign(fields(named.ptr()).data, count, fields(param_.ptr()).dimensions[0]);
    if (bad || row_size == 0) return;
    const Stream given(values.data, values.dimensions, values.strides, dtype, order);
    sums = touched_->sum(given, row_size, dtype_, chosen_table().gradients);
  });
  if (bad) throw_no_such_row(grad, *bad, param_.ptr(), label());
  if (row_size == 0) {
    task_ = Task(0, item_size(dtype_));
    return;
  }
  const std::vector<std::ptrdiff_t> shape = touched_shape();
  task_ = new_task(touched_->count() * row_size, sums, [&](PyObject* array) {
    const auto& a = fields(array);
    return Stream(a.data, shape.data(), a.strides, dtype_, order, touched_->rows());
  });
  widening_ = widening_of(sums.dtype());
}

template <class MakeStream>
Task Parameter::new_task(std::int64_t size, const Stream& grad, MakeStream stream) const {
  Task task(size, item_size(dtype_));
  task.add_written(stream(param_.ptr()));
  task.set_grad(grad);
  for (const py::object& state : states_) {
    if (!state.is_none()) task.add_written(stream(state.ptr()));
  }
  return task;
}

// Without its gradient.
Task Parameter::dense_task() const {
  return new_task(element_count(param_.ptr()), Stream(),
                  [this](PyObject* array) { return stream(array); });
}

void Parameter::check_param() const {
  check_writable(param_.ptr(), label(), "parameter");
  throw py::value_error(
      label().with("parameter") +
      ": expected the memory, shape and dtype that it had when it was given, " +
      "which have changed; make a new optimizer for it, or pass it to rebind() where " +
      "its memory alone is another");
}

Stream Parameter::in_c_order(PyObject* grad) const {
  if (task_.size() == 0) return Stream();
  if (!touched_) {
    const Fingerprint& p = grad_print_;
    return Stream(p.data(), p.shape(), p.strides(), grad_dtype(), Order::of_c(p.ndim(), p.shape()));
  }
  if (touched_->sums() == nullptr) {
    const auto& a = fields(as_row_gradient(grad)->values.ptr());
    return Stream(a.data, a.dimensions, a.strides, grad_dtype(), Order::of_c(a.nd, a.dimensions));
  }
  // The sums lie in the order in which they are stepped.
  const std::vector<std::ptrdiff_t> shape = touched_shape();
  const int ndim = int(shape.size());
  const Order::Layout layout =
      order_.rows_first().contiguous(ndim, shape.data(), item_size(dtype_));
  return Stream(touched_->sums() + layout.origin, shape.data(), layout.strides.data(), dtype_,
                Order::of_c(ndim, shape.data()));
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

Stream Parameter::stream(PyObject* array) const {
  const auto& a = fields(array);
  if (element_count(array) == 0) return Stream();
  return Stream(a.data, a.dimensions, a.strides, dtype_, order_);
}

}  // namespace instep
