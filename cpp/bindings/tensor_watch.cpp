#include "bindings/tensor_watch.hpp"

#include <cstring>
#include <optional>

#include "bindings/exchange.hpp"
#include "bindings/fast_method.hpp"

namespace instep {
namespace {

template <class T>
bool shows(const char* data, std::int64_t count) {
  T shown;
  std::memcpy(&shown, data, sizeof shown);
  // Where T does not hold the count, that is the number nearest to it.
  return shown == static_cast<T>(count);
}

template <class T>
void show(char* data, std::int64_t count) {
  const T shown = static_cast<T>(count);
  std::memcpy(data, &shown, sizeof shown);
}

bool is_float32(PyObject* array) {
  return py::reinterpret_borrow<py::dtype>(fields(array).descr).itemsize() == 4;
}

}  // namespace

Place::Place(const py::object& tensor, const py::object& place_of) {
  if (const std::optional<dlpack_abi::Tensor> borrowed = borrow(tensor.ptr())) {
    print_ = Fingerprint(tensor.ptr(), *borrowed);
  } else {
    said_ = place_of(tensor);
  }
}

bool Place::is_of(PyObject* tensor, const py::object& place_of) const {
  if (said_) return said_.equal(place_of(py::handle(tensor)));
  const std::optional<dlpack_abi::Tensor> borrowed = borrow(tensor);
  return borrowed && print_.matches(tensor, *borrowed);
}

TensorWatch::TensorWatch(py::object optimizer, py::object place_of)
    : optimizer_(std::move(optimizer)), place_of_(std::move(place_of)) {}

void TensorWatch::add(const py::object& param, std::size_t group, const py::dict& tensors,
                      const py::object& step, bool counts, std::int64_t count,
                      const py::dict& fresh) {
  Member member{param, group, Place(param, place_of_), {}, {}, counts, count, fresh, false};
  for (const auto& [name, tensor] : tensors) {
    const auto held = py::reinterpret_borrow<py::object>(tensor);
    member.states.push_back(
        {py::reinterpret_borrow<py::object>(name), held, Place(held, place_of_)});
  }
  if (!step.is_none()) {
    if (check_array(step.ptr(), {}, "step") >= working_count) {
      throw py::type_error("step: expected dtype float32 or float64");
    }
    member.step = step;
  }
  members_.push_back(std::move(member));
}

bool TensorWatch::holds(const py::object& groups, const py::object& states) const {
  auto awaited = members_.begin();
  std::size_t position = 0;
  for (const py::handle group : groups) {
    for (const py::handle param : group[params_]) {
      if (awaited != members_.end() && param.is(awaited->param)) {
        if (awaited->group != position ||
            !holds_member(std::size_t(awaited - members_.begin()), states))
          return false;
        ++awaited;
      } else if (!param.attr(grad_).is_none()) {
        return false;
      }
    }
    ++position;
  }
  return awaited == members_.end();
}

bool TensorWatch::holds_member(std::size_t k, const py::object& states) const {
  const Member& member = members_[k];
  if (param_steps()[k] != member.count) return false;
  if (!member.place.is_of(member.param.ptr(), place_of_)) return false;
  const py::object state = get(states.ptr(), member.param.ptr());
  if (state.is_none()) return member.states.empty() && !member.counts;
  for (const auto& [name, tensor, place] : member.states) {
    if (!get(state.ptr(), name.ptr()).is(tensor) || !place.is_of(tensor.ptr(), place_of_)) {
      return false;
    }
  }
  if (!member.step) {
    return !member.counts || get(state.ptr(), step_.ptr()).equal(py::int_(member.count));
  }
  const char* const data = fields(member.step.ptr()).data;
  return is_float32(member.step.ptr()) ? shows<float>(data, member.count)
                                       : shows<double>(data, member.count);
}

bool TensorWatch::has_options(const py::object& groups) const {
  for (const auto& [position, options] : options_) {
    const py::object group = groups[position];
    for (const auto& [name, option] : py::reinterpret_borrow<py::dict>(options)) {
      if (!get(group.ptr(), name.ptr()).is(option)) return false;
    }
  }
  return true;
}

std::pair<py::list, py::list> TensorWatch::gradients() const {
  py::list gradients(members_.size()), others;
  for (std::size_t k = 0; k < members_.size(); ++k) {
    py::object grad = members_[k].param.attr(grad_);
    if (!grad.is_none() && (members_[k].by_python || !is_shown_to_c(grad.ptr()))) others.append(k);
    gradients[k] = std::move(grad);
  }
  return {std::move(gradients), std::move(others)};
}

const Optimizer::ParamSteps& TensorWatch::param_steps() const {
  return held<Optimizer>(optimizer_.ptr()).param_steps();
}

py::list TensorWatch::stepped() const {
  py::list params;
  for (std::size_t k = 0; k < members_.size(); ++k) {
    if (param_steps()[k] != members_[k].count) params.append(members_[k].param);
  }
  return params;
}

void TensorWatch::show_steps(const py::object& states) {
  for (std::size_t k = 0; k < members_.size(); ++k) {
    Member& member = members_[k];
    const std::int64_t count = param_steps()[k];
    if (count == member.count) continue;
    if (!member.fresh.empty()) {
      states.attr("setdefault")(member.param, py::dict()).attr("update")(member.fresh);
      member.fresh = py::dict();
    }
    if (member.step) {
      char* const data = fields(member.step.ptr()).data;
      is_float32(member.step.ptr()) ? show<float>(data, count) : show<double>(data, count);
    } else if (member.counts) {
      const py::object state = states[member.param];
      state[step_] = py::int_(count);
    }
    member.count = count;
  }
}

int TensorWatch::traverse(visitproc visit, void* arg) const {
  Py_VISIT(optimizer_.ptr());
  Py_VISIT(options_.ptr());
  for (const Member& member : members_) {
    Py_VISIT(member.param.ptr());
    Py_VISIT(member.fresh.ptr());
    for (const State& state : member.states) Py_VISIT(state.tensor.ptr());
  }
  return 0;
}

void TensorWatch::clear() {
  const std::vector<Member> members = std::move(members_);
  members_.clear();
  const py::object optimizer = std::move(optimizer_);
}

}  // namespace instep
