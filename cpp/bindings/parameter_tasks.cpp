// How a parameter, its gradient and its states become the engine's tasks and streams.
#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "bindings/parameter.hpp"
#include "engine/matrix_reduction.hpp"
#include "engine/row_reduction.hpp"

namespace instep {

std::int64_t Parameter::Part::size() const {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t(1), std::multiplies<>());
}

Parameter::Part Parameter::all() const {
  const auto& param = fields(param_.ptr());
  return {{param.dimensions, param.dimensions + param.nd}, order_, nullptr};
}

Parameter::Part Parameter::touched() const {
  return {touched_shape(), order_.rows_first(), touched_->rows()};
}

Stream Parameter::see(const py::object& array, DType dtype, const Part& part) const {
  const auto& a = fields(array.ptr());
  if (part.size() == 0) return Stream();
  return Stream(a.data, part.shape.data(), a.strides, dtype, part.order, part.rows);
}

Task Parameter::new_task(const Part& part, int slot) const {
  const auto by_chance = [this](int slot) { return (rounding_.by_chance >> slot & 1u) != 0; };
  Task task(part.size(), dtype_);
  task.add_written(see(param_, stored_, part), slot, by_chance(param_slot));
  for (std::size_t k = 0; k + 1 < states_.size(); ++k) {
    if (states_[k].is_none() || slot != param_slot) continue;
    if (is_reduced(shape(k))) {
      task.add_read(see_factors(shape(k), part), int(k));
    } else {
      task.add_written(see(states_[k], state_dtypes_[k], part), int(k), by_chance(int(k)));
    }
  }
  if (!rest().is_none()) task.set_rest(see(rest(), rest_dtype, part));
  if (!copy_.is_none()) task.set_copy(see(copy_, copy_dtype_, part));
  if (task.rounds_by_chance()) {
    const auto& param = fields(param_.ptr());
    std::vector<py::ssize_t> strides(std::size_t(param.nd), 1);
    for (std::size_t axis = strides.size(); axis-- > 1;) {
      strides[axis - 1] = strides[axis] * param.dimensions[axis];
    }
    task.set_indices(
        {Stream(param.data, part.shape.data(), strides.data(), stored_, part.order, part.rows),
         param.data, rounding_.first_index});
  }
  return task;
}

Task Parameter::dense_task() const { return new_task(all()); }

Task Parameter::exchange_task(bool back) const {
  check_written();
  const auto place = std::size_t(rule_->exchanged_state);
  const DType dtype = state_dtypes_.at(place);
  Task task = new_task(all(), exchange_slots[back ? 1 : 0]);
  task.set_grad(see(states_.at(place), dtype, all()));
  task.condition_grad = widening_of(dtype);
  task.condition = unconditioned;
  return task;
}

// One for each of the state's numbers, as if each element had its own.
Stream Parameter::see_factors(StateShape shape, const Part& part) const {
  if (part.size() == 0) return Stream();
  const std::size_t axes = part.shape.size();
  const auto has = [shape, axes](std::size_t axis) {
    return shape == StateShape::row ? axis == 0
                                    : axis != axes - (shape == StateShape::rows ? 1 : 2);
  };
  std::vector<std::ptrdiff_t> strides(axes, 0);
  auto stride = std::ptrdiff_t(item_size(dtype_));
  for (std::size_t axis = axes; axis-- > 0;) {
    if (!has(axis)) continue;
    strides[axis] = stride;
    stride *= part.shape[axis];
  }
  return Stream(reduction_->factors(shape), part.shape.data(), strides.data(), dtype_, part.order);
}

std::shared_ptr<Reduction> Parameter::new_reduction(const Part& part) const {
  const std::int64_t size = part.size();
  if (size == 0) return nullptr;
  const auto in_c_order = [&part](std::size_t axes, const std::ptrdiff_t* shape) {
    const Order order = Order::of_c(int(axes), shape);
    return part.rows == nullptr ? order : order.rows_first();
  };
  std::shared_ptr<Reduction> reduction;
  for (std::size_t k = 0; k + 1 < states_.size(); ++k) {
    if (states_[k].is_none() || !is_reduced(shape(k))) continue;
    if (!reduction) reduction = new_reduction_to(shape(k), part);
    const auto& state = fields(states_[k].ptr());
    std::vector<std::ptrdiff_t> numbers(state.dimensions, state.dimensions + state.nd);
    if (part.rows != nullptr) numbers[0] = part.shape[0];
    reduction->set_state(shape(k), Stream(state.data, numbers.data(), state.strides, dtype_,
                                          in_c_order(numbers.size(), numbers.data()), part.rows));
  }
  if (!reduction) return nullptr;
  const Part elements = {part.shape, in_c_order(part.shape.size(), part.shape.data()), part.rows};
  Task source(size, dtype_);
  source.add_written(see(param_, stored_, elements), param_slot, false);
  if (!rest().is_none()) source.set_rest(see(rest(), rest_dtype, elements));
  reduction->set_source(std::move(source));
  return reduction;
}

std::shared_ptr<Reduction> Parameter::new_reduction_to(StateShape shape, const Part& part) const {
  const std::int64_t size = part.size();
  if (shape == StateShape::row) {
    const std::int64_t rows = part.shape.empty() ? 1 : part.shape[0];
    const bool row_by_row = rows == 1 || part.order.has_rows_first();
    return std::make_shared<RowReduction>(rows, size / rows, row_by_row, dtype_);
  }
  const std::int64_t rows = part.shape.end()[-2], columns = part.shape.end()[-1];
  return std::make_shared<MatrixReduction>(size / (rows * columns), rows, columns, dtype_);
}

std::unique_ptr<Task> Parameter::task_in_c_order() const {
  if (touched_) refuse_rows();
  if (order_.is_c()) return nullptr;
  const auto& param = fields(param_.ptr());
  Part part = all();
  part.order = Order::of_c(param.nd, param.dimensions);
  auto task = std::make_unique<Task>(new_task(part));
  task->set_grad(in_c_order(nullptr));
  return task;
}

void Parameter::plan_beginning(bool is_first) {
  beginning_.clear();
  if (!is_first || element_count(param_.ptr()) == 0) return;
  for (std::size_t k = 0; k + 1 < states_.size(); ++k) {
    if ((rule_->begin_as_param >> k & 1u) == 0) continue;
    Task task(element_count(param_.ptr()), dtype_);
    task.add_written(stream(param_.ptr(), stored_, order_), param_slot, false);
    if (!rest().is_none()) task.set_rest(stream(rest().ptr(), rest_dtype, order_));
    task.set_copy(stream(states_[k].ptr(), state_dtypes_[k], order_));
    beginning_.push_back(std::move(task));
  }
}

void Parameter::begin_states() const noexcept {
  for (const Task& task : beginning_) task.write_copy();
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

Stream Parameter::stream(PyObject* array, DType dtype, const Order& order) {
  const auto& a = fields(array);
  if (element_count(array) == 0) return Stream();
  return Stream(a.data, a.dimensions, a.strides, dtype, order);
}

}  // namespace instep
