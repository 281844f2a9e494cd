#include "bindings/tensor_watch.hpp"

#include <cstring>
#include <optional>

#include "bindings/exchange.hpp"
#include "bindings/fast_method.hpp"

namespace instep {
namespace {

bool is_float32(PyObject* array) {
  return py::reinterpret_borrow<py::dtype>(fields(array).descr).itemsize() == 4;
}

template <class T>
T element_of(PyObject* array) {
  T element;
  std::memcpy(&element, fields(array).data, sizeof element);
  return element;
}

// Where an array of one float does not hold the number, it shows the nearest to it.
template <class Number>
bool shows(PyObject* array, Number number) {
  return is_float32(array) ? element_of<float>(array) == static_cast<float>(number)
                           : element_of<double>(array) == static_cast<double>(number);
}

template <class T>
void set_element(PyObject* array, T element) {
  std::memcpy(fields(array).data, &element, sizeof element);
}

template <class Number>
void show(PyObject* array, Number number) {
  is_float32(array) ? set_element(array, static_cast<float>(number))
                    : set_element(array, static_cast<double>(number));
}

void check_shows_number(PyObject* array, const char* role) {
  if (check_array(array, {}, role) >= working_count) {
    throw py::type_error(std::string(role) + ": expected dtype float32 or float64");
  }
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
                      const py::list& scalars, const py::dict& fresh) {
  Member member{param, group, Place(param, place_of_), {}, {}, counts, count, {}, fresh, false};
  for (const auto& [name, tensor] : tensors) {
    const auto held = py::reinterpret_borrow<py::object>(tensor);
    member.states.push_back(
        {py::reinterpret_borrow<py::object>(name), held, Place(held, place_of_)});
  }
  if (!step.is_none()) {
    check_shows_number(step.ptr(), "step");
    member.step = step;
  }
  for (const py::handle scalar : scalars) {
    check_shows_number(scalar.ptr(), "scalar");
    member.scalars.push_back(py::reinterpret_borrow<py::object>(scalar));
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
  if (counts()[k].steps != member.count) return false;
  if (!member.place.is_of(member.param.ptr(), place_of_)) return false;
  const py::object state = get(states.ptr(), member.param.ptr());
  if (state.is_none()) return member.states.empty() && !member.counts;
  for (const auto& [name, tensor, place] : member.states) {
    if (!get(state.ptr(), name.ptr()).is(tensor) || !place.is_of(tensor.ptr(), place_of_)) {
      return false;
    }
  }
  for (std::size_t i = 0; i < member.scalars.size(); ++i) {
    if (!shows(member.scalars[i].ptr(), double(counts()[k].scalars[i]))) return false;
  }
  if (!member.step) {
    return !member.counts || get(state.ptr(), step_.ptr()).equal(py::int_(member.count));
  }
  return shows(member.step.ptr(), member.count);
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

const Optimizer::AllCounts& TensorWatch::counts() const {
  return held<Optimizer>(optimizer_.ptr()).counts();
}

py::list TensorWatch::stepped() const {
  py::list params;
  for (std::size_t k = 0; k < members_.size(); ++k) {
    if (counts()[k].steps != members_[k].count) params.append(members_[k].param);
  }
  return params;
}

void TensorWatch::show_steps(const py::object& states) {
  for (std::size_t k = 0; k < members_.size(); ++k) {
    Member& member = members_[k];
    const std::int64_t count = counts()[k].steps;
    if (count == member.count) continue;
    if (!member.fresh.empty()) {
      states.attr("setdefault")(member.param, py::dict()).attr("update")(member.fresh);
      member.fresh = py::dict();
    }
    if (member.step) {
      show(member.step.ptr(), count);
    } else if (member.counts) {
      const py::object state = states[member.param];
      state[step_] = py::int_(count);
    }
    // What a tensor does not hold, the next step does not know: it resumes to the same bits.
    for (std::size_t i = 0; i < member.scalars.size(); ++i) {
      PyObject* const shown = member.scalars[i].ptr();
      Watched<double>& scalar = held<Optimizer>(optimizer_.ptr()).counts()[k].scalars[i];
      show(shown, double(scalar));
      scalar = is_float32(shown) ? double(element_of<float>(shown)) : element_of<double>(shown);
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
