#include "bindings/slot.hpp"

#include <utility>

namespace instep {

Slot::Slot(const Rule& rule, py::object name, Py_ssize_t position, py::object param)
    : rule_(&rule),
      name_(std::move(name)),
      position_(position),
      param_(std::move(param)),
      dtype_(check_array(param_.ptr(), label(), "parameter")) {
  check_writable(param_.ptr(), label(), "parameter");
  const auto& array = fields(param_.ptr());
  param_print_ = Fingerprint(param_.ptr());
  order_ = Order(array.nd, array.dimensions, array.strides);
  task_ = Task(element_count(param_.ptr()), item_size(dtype_));
  task_.add_stream(stream(param_.ptr()));
  task_.add_stream(Stream());  // the gradient's, once there is one
}

void Slot::set_states(std::vector<py::object> states) {
  states_ = std::move(states);
  for (std::size_t k = 0; k < states_.size(); ++k) {
    PyObject* state = states_[k].ptr();
    if (state == Py_None && (rule_->required_states >> k & 1) == 0) continue;
    check_array(state, label(), rule_->states[k]);
    check_like(state, param_.ptr(), label(), rule_->states[k]);
    check_writable(state, label(), rule_->states[k]);
    present_ |= 1u << k;
    task_.add_stream(stream(state));
  }
}

void Slot::add_to(WrittenMemory& written) const {
  written.add(param_.ptr(), label(), "parameter");
  for (std::size_t k = 0; k < states_.size(); ++k) {
    if (!states_[k].is_none()) written.add(states_[k].ptr(), label(), rule_->states[k]);
  }
}

void Slot::bind(PyObject* grad, const WrittenMemory& written) {
  if (!param_print_.matches(param_.ptr())) check_param();
  if (grad_print_.matches(grad)) return;
  check_array(grad, label(), "gradient");
  check_like(grad, param_.ptr(), label(), "gradient");
  written.check_read(grad, label(), "gradient");
  task_.set_stream(1, stream(grad));
  grad_print_ = Fingerprint(grad);
}

void Slot::check_param() const {
  check_writable(param_.ptr(), label(), "parameter");
  throw py::value_error(label().with("parameter") +
                        ": expected the memory, shape and dtype that it had when it was given, " +
                        "which have changed; make a new optimizer for it");
}

Stream Slot::in_c_order(PyObject* grad) const {
  const auto& a = fields(grad);
  if (task_.size() == 0) return Stream();
  return Stream(a.data, a.dimensions, a.strides, task_.item_size(),
                Order::of_c(a.nd, a.dimensions));
}

Stream Slot::stream(PyObject* array) const {
  const auto& a = fields(array);
  if (task_.size() == 0) return Stream();
  return Stream(a.data, a.dimensions, a.strides, task_.item_size(), order_);
}

}  // namespace instep
