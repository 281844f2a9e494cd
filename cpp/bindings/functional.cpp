#include "bindings/functional.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "bindings/array_arguments.hpp"
#include "bindings/call.hpp"
#include "bindings/dlpack.hpp"
#include "bindings/gil.hpp"
#include "kernels/select.hpp"

namespace instep {
namespace {

std::string argument_name(const Rule& rule, std::size_t k) {
  if (k < first_state_argument) return k == param_argument ? "param" : "grad";
  k -= first_state_argument;
  if (k < std::size_t(rule.state_count)) return rule.states[k];
  k -= std::size_t(rule.state_count);
  if (k < std::size_t(rule.scalar_count)) return rule.scalars[k];
  return k == std::size_t(rule.scalar_count) ? "param_rest" : "copies";
}

bool is_sequence(PyObject* argument) {
  return PySequence_Check(argument) != 0 && !is_array(argument) && !PyUnicode_Check(argument);
}

// For each argument its arrays, one for each parameter.
std::vector<py::list> as_lists(const Rule& rule, const std::vector<py::object>& arrays) {
  std::vector<py::list> lists;
  for (std::size_t k = 0; k < arrays.size(); ++k) {
    PyObject* argument = arrays[k].ptr();
    PyObject* list = nullptr;
    if (argument == Py_None && k >= first_state_argument) {
      py::list none;
      for (std::size_t i = 0; i < lists[0].size(); ++i) none.append(py::none());
      list = none.release().ptr();
    } else if (is_sequence(argument)) {
      list = PySequence_List(argument);
    } else {
      throw py::type_error(argument_name(rule, k) +
                           ": expected a sequence of arrays as param is, got " +
                           Py_TYPE(argument)->tp_name);
    }
    if (list == nullptr) throw py::error_already_set();
    lists.push_back(py::reinterpret_steal<py::list>(list));
    if (lists[k].size() != lists[0].size()) {
      throw py::value_error(argument_name(rule, k) + ": expected " +
                            std::to_string(lists[0].size()) + " arrays, as many as param, got " +
                            std::to_string(lists[k].size()));
    }
  }
  return lists;
}

Parameter make_parameter(const Rule& rule, Py_ssize_t position,
                         const std::vector<py::object>& arrays, const StorageArguments& storage) {
  Parameter parameter(rule, py::none(), position, arrays[param_argument]);
  const auto first_state = arrays.begin() + first_state_argument;
  std::vector<py::object> states(first_state, first_state + rule.state_count);
  states.push_back(*(arrays.end() - 2));
  parameter.set_states(
      std::move(states), arrays.back(),
      {storage.by_chance, storage.first_parameter + std::max<Py_ssize_t>(position, 0)});
  return parameter;
}

// The counts of all parameters, whose scalars are arrays of one double, which a step changes.
class ArrayCounts {
 public:
  // Before step number `step`.
  ArrayCounts(const Rule& rule, std::int64_t step) : rule_(rule), step_(step) {}

  // Adds those of a parameter. Raises unless its arrays may be such.
  void add(const std::vector<py::object>& arrays, const Label& label, WrittenMemory& written) {
    counts_.emplace_back().steps = step_ - 1;
    const std::size_t first_scalar =
        std::size_t(first_state_argument) + std::size_t(rule_.state_count);
    for (int k = 0; k < rule_.scalar_count; ++k) {
      py::object array = arrays[first_scalar + std::size_t(k)];
      const char* const role = rule_.scalars[k];
      see_as_ndarray(array, label, role);
      const bool is_double = check_array(array.ptr(), label, role) == float64;
      if (!is_double || fields(array.ptr()).nd != 0) {
        throw py::type_error(
            label.with(role) + ": expected an array of float64 without axes, as numpy.array(1.0) " +
            "is, got dtype " + std::string(py::str(py::handle(fields(array.ptr()).descr))) +
            ", shape " + shape_name(array.ptr()));
      }
      check_writable(array.ptr(), label, role);
      written.add(array.ptr(), label, role);
      double value;
      std::memcpy(&value, fields(array.ptr()).data, sizeof value);
      counts_.back().scalars[k] = value;
      arrays_.push_back(std::move(array));
    }
  }

  Counts& operator[](std::size_t parameter) { return counts_[parameter]; }

  void show() const {
    auto array = arrays_.begin();
    for (const Counts& counts : counts_) {
      for (int k = 0; k < rule_.scalar_count; ++k, ++array) {
        const double value = counts.scalars[k];
        std::memcpy(fields(array->ptr()).data, &value, sizeof value);
      }
    }
  }

 private:
  const Rule& rule_;
  std::int64_t step_;
  std::vector<Counts> counts_;
  std::vector<py::object> arrays_;  // those of one parameter after another
};

bool rounds_by_chance(const Parameter& parameter) { return parameter.task().rounds_by_chance(); }

}  // namespace

void functional_step(const Rule& rule, std::vector<py::object> arrays, const double* options,
                     std::int64_t step, double grad_scale, const GradientOptions& gradient_options,
                     const StorageArguments& storage) {
  arrays.push_back(storage.rests);
  arrays.push_back(storage.copies);
  std::vector<Parameter> parameters;
  std::vector<py::object> grads;
  ArrayCounts counts(rule, step == 0 ? 1 : step);
  WrittenMemory written;
  if (is_sequence(arrays[param_argument].ptr())) {
    const std::vector<py::list> lists = as_lists(rule, arrays);
    for (std::size_t i = 0; i < lists[0].size(); ++i) {
      std::vector<py::object> each;
      each.reserve(lists.size());
      for (const py::list& list : lists) each.emplace_back(list[i]);
      parameters.push_back(make_parameter(rule, Py_ssize_t(i), each, storage));
      counts.add(each, parameters.back().label(), written);
      grads.push_back(each[grad_argument]);
    }
  } else {
    parameters.push_back(make_parameter(rule, -1, arrays, storage));
    counts.add(arrays, parameters.back().label(), written);
    grads.push_back(arrays[grad_argument]);
  }

  for (const Parameter& parameter : parameters) parameter.add_to(written);
  written.settle();
  Call call(rule, false, chosen_table());
  call.begin(parameters.size(), 1, gradient_options, grad_scale);
  call.set_seed(storage.seed);
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    call.bind(parameters[k], grads[k], written, {options, 0, &counts[k]});
  }
  if (step == 0 && std::any_of(parameters.begin(), parameters.end(), rounds_by_chance)) {
    throw py::type_error(
        "step: expected the number of this step, from 1, from which what is stored "
        "stochastically takes its random bits, got None");
  }
  bool admitted = false;
  without_gil(call.bytes(), [&] { admitted = call.run(); });
  if (!admitted) call.throw_not_finite();
  counts.show();
}

}  // namespace instep
