// One parameter of a call with its gradient and states: checked, and made into the engine's task.
#pragma once

#include <memory>
#include <vector>

#include "bindings/array.hpp"
#include "bindings/overlap.hpp"
#include "bindings/pending_copies.hpp"
#include "bindings/rounding.hpp"
#include "bindings/row_gradient.hpp"
#include "engine/reduction.hpp"
#include "engine/task.hpp"
#include "engine/touched_rows.hpp"

namespace instep {

class Parameter {
 public:
  // `name` is None for one that is known by its position, which is -1 for one that is alone. Raises
  // unless the parameter may be stepped.
  Parameter(const Rule& rule, py::object name, Py_ssize_t position, py::object param);

  // In the rule's order, None for one that does not exist, and at the end what is cut off where the
  // parameter stores the upper half of float32. `copy` gets the parameter, None: nothing does.
  // Raises unless they may be its states.
  void set_states(std::vector<py::object> states, py::object copy, const Rounding& rounding);

  // The same parameter, with its states and copy, over another array. Raises unless that may take
  // the place of the former.
  Parameter over(py::object param) const;

  // Rounds as if the elements were those from an index on, in C order, of a larger array.
  void set_first_index(std::int64_t index);

  // Adds what a step of this parameter writes.
  void add_to(WrittenMemory& written) const;

  // Makes `grad`, an array or a RowGradient, the task's. In the place of another library's array
  // that is not shown to C, `grad` then refers to the ndarray that sees it. What was checked at the
  // last call is not checked again. Raises unless `grad` may be the gradient, and the parameter is
  // still what it was.
  void bind(py::object& grad, const WrittenMemory& written);

  // Adds what is to be copied to the states (in the rule's order, None for one that does not exist)
  // and to the parameter (None: nothing). Raises unless it may be copied there.
  void add_copies(const std::vector<py::object>& states, const py::object& param,
                  PendingCopies& copies) const;

  // The next gradient is checked in any case: what is written has changed.
  void forget_gradient() { grad_print_ = Fingerprint(); }

  // The step with these options: its kernel, and the task without coefficients.
  const Kernel& kernel(const double* options) const {
    return rule_->kernels[rule_->variant(options, present_)][dtype_];
  }
  Task& task() { return task_; }
  const Task& task() const { return task_; }
  // What comes before the task; null where all states have the parameter's shape, or there is
  // nothing to step.
  Reduction* reduction() const { return size() > 0 ? reduction_.get() : nullptr; }

  // One of all elements, without a gradient.
  Task dense_task() const;

  // Of the states that begin as the parameter: where this is its first step, begin_states() makes
  // them so. It needs no GIL, and allocates nothing.
  void plan_beginning(bool is_first);
  void begin_states() const noexcept;

  // Its way to its other point, of rules that have one, without a kernel: what is read in the place
  // of the gradient is the state. Raises unless the parameter is still what it was.
  Task exchange_task(bool back) const;
  // The task with its elements in C order, null where they come so. Raises for a gradient of rows.
  std::unique_ptr<Task> task_in_c_order() const;

  // The gradient, which was bound, in C order; of rows, what each of them is stepped by.
  Stream in_c_order(PyObject* grad) const;

  // The index in the parameter of an element of that stream.
  py::tuple index_of(std::int64_t element) const;

  Label label() const { return {name_.is_none() ? nullptr : name_.ptr(), position_}; }
  PyObject* name() const { return name_.ptr(); }
  PyObject* param() const { return param_.ptr(); }
  const py::object& copy() const { return copy_; }
  std::int64_t number() const { return rounding_.number; }
  std::int64_t size() const { return task_.size(); }
  // In which it is stepped.
  DType dtype() const { return dtype_; }
  // Of the gradient, which was bound.
  DType grad_dtype() const { return task_.grad_dtype(); }
  // What makes its elements such of the parameter's type; null where they are.
  ConditionGradient widening() const { return widening_; }
  const std::vector<py::object>& states() const { return states_; }

 private:
  // Raises unless parameter and copy are what they were.
  void check_written() const;
  [[noreturn]] void throw_changed(const char* role, const char* way_on) const;
  void check_has_rest() const;
  // Raises where the parameter has none of the state, or needs it and it is None.
  void check_exists(std::size_t state) const;
  // Of those that were passed to set_states.
  const char* state_name(std::size_t k) const;
  const py::object& rest() const { return states_.back(); }
  void bind_rows(const RowGradient& grad, const WrittenMemory& written);
  // False where `grad` is no tensor that is shown to C, or none that needs no further look.
  bool bind_tensor(PyObject* grad, const WrittenMemory& written);
  // What has been checked.
  void bind_dense(Fingerprint print, DType dtype);
  ConditionGradient widening_of(DType dtype) const;
  // The elements that are stepped, all of them or those of the touched rows.
  struct Part {
    std::vector<std::ptrdiff_t> shape;
    Order order;
    const std::int64_t* rows;

    std::int64_t size() const;
  };
  Part all() const;
  Part touched() const;
  Stream see(const py::object& array, DType dtype, const Part& part) const;
  // Without a gradient; its reduction is there. In another slot than its own, the parameter is
  // written without its states.
  Task new_task(const Part& part, int slot = param_slot) const;
  Stream see_factors(StateShape shape, const Part& part) const;
  // Null where there is none.
  std::shared_ptr<Reduction> new_reduction(const Part& part) const;
  std::shared_ptr<Reduction> new_reduction_to(StateShape shape, const Part& part) const;
  StateShape shape(std::size_t state) const {
    return state < std::size_t(rule_->state_count) ? rule_->shapes[state] : StateShape::whole;
  }
  bool has_columns() const;
  [[noreturn]] void refuse_rows() const;
  std::vector<std::ptrdiff_t> touched_shape() const;
  static Stream stream(PyObject* array, DType dtype, const Order& order);

  // To copy elements, all types of 16 bits are one.
  static constexpr DType rest_dtype = bfloat16;

  const Rule* rule_;
  py::object name_;
  Py_ssize_t position_;
  py::object param_;
  std::vector<py::object> states_ = {py::none()};
  py::object copy_ = py::none();
  DType stored_, dtype_;  // as it lies in memory, and in which it is stepped
  std::vector<DType> state_dtypes_ = {rest_dtype};
  DType copy_dtype_ = float32;
  unsigned present_ = 0;  // a bit for each state that exists
  Rounding rounding_;
  Order order_;
  // Of the parameter alone; one with a copy has none here, and is looked at closely each time.
  Fingerprint print_;
  Fingerprint param_print_, copy_print_, grad_print_;
  ConditionGradient widening_ = nullptr;
  std::shared_ptr<Reduction> reduction_;
  Task task_;
  std::vector<Task> beginning_;
  std::shared_ptr<TouchedRows> touched_;  // what the task steps; null: all of the parameter
};

}  // namespace instep
