#include "bindings/functional.hpp"

#include "bindings/dlpack.hpp"
#include "bindings/gil.hpp"
#include "bindings/gradient_pass.hpp"
#include "bindings/prepared.hpp"
#include "bindings/slot.hpp"
#include "engine/fp_mode.hpp"
#include "kernels/select.hpp"

namespace instep {
namespace {

std::string argument_name(const Rule& rule, std::size_t k) {
  return k == 0 ? "param" : k == 1 ? "grad" : rule.states[k - 2];
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
    if (argument == Py_None && k >= 2) {
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

Slot make_slot(const Rule& rule, Py_ssize_t position, const std::vector<py::object>& arrays) {
  Slot slot(rule, py::none(), position, arrays[0]);
  slot.set_states({arrays.begin() + 2, arrays.end()});
  return slot;
}

}  // namespace

void functional_step(const std::string& rule_name, const std::vector<py::object>& arrays,
                     const std::vector<double>& options, std::int64_t step, double grad_scale,
                     const py::object& gradient_options) {
  const Rule& rule = find_rule(chosen_table(), rule_name);
  std::vector<Slot> slots;
  std::vector<py::object> grads;
  if (is_sequence(arrays[0].ptr())) {
    const std::vector<py::list> lists = as_lists(rule, arrays);
    for (std::size_t i = 0; i < lists[0].size(); ++i) {
      std::vector<py::object> each;
      each.reserve(lists.size());
      for (const py::list& list : lists) each.emplace_back(list[i]);
      slots.push_back(make_slot(rule, Py_ssize_t(i), each));
      grads.push_back(each[1]);
    }
  } else {
    slots.push_back(make_slot(rule, -1, arrays));
    grads.push_back(arrays[1]);
  }

  WrittenMemory written;
  for (const Slot& slot : slots) slot.add_to(written);
  written.settle();
  const GradientOptions conditions = read_gradient_options(gradient_options);
  GradientPass pass;
  pass.begin(conditions, grad_scale);
  Work work;
  Prepared prepared;
  prepared.reset(1, slots.size());
  for (std::size_t k = 0; k < slots.size(); ++k) {
    slots[k].bind(grads[k].ptr(), written);
    pass.add(slots[k], grads[k].ptr());
    if (slots[k].size() > 0) work.add(slots[k].task());
  }
  bool admitted = false;
  without_gil(work.bytes(), [&] {
    admitted = pass.run();
    if (!admitted) return;
    {
      const StepMode mode;
      for (Slot& slot : slots) {
        const Kernel& kernel = slot.kernel(options.data());
        Task& task = slot.task();
        task.loop = kernel.loop;
        task.coefficients =
            &prepared.get(kernel, options.data(), step, pass.factor(), 0, slot.dtype());
        task.condition = pass.condition();
        if (conditions.clamps()) {
          task.condition_grad = chosen_table().gradients.condition[slot.dtype()];
        }
      }
    }
    work.run(conditions.flush_subnormals);
  });
  if (!admitted) pass.throw_not_finite();
}

}  // namespace instep
