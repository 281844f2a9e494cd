#include <pybind11/stl.h>

#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "bindings/fast_method.hpp"
#include "bindings/held_turn.hpp"
#include "bindings/new_instance.hpp"
#include "bindings/optimizer.hpp"
#include "bindings/register.hpp"

namespace instep {
namespace {

struct StepArguments {
  PyObject* grads = nullptr;
  double grad_scale = 1.0;
};

double read_grad_scale(PyObject* value) {
  const double scale = PyBool_Check(value) ? -1.0 : PyFloat_AsDouble(value);
  if (PyBool_Check(value) || (scale == -1.0 && PyErr_Occurred() != nullptr)) {
    PyErr_Clear();
    throw py::type_error("grad_scale: expected a number, got " +
                         std::string(py::repr(py::handle(value))));
  }
  if (!(scale > 0.0) || !std::isfinite(scale)) {
    throw py::value_error("grad_scale: expected a finite number above 0, got " +
                          std::string(py::repr(py::handle(value))));
  }
  return scale;
}

StepArguments read(PyObject* const* args, Py_ssize_t count, PyObject* names) {
  if (count == 1 && names == nullptr) return {args[0], 1.0};
  const Py_ssize_t named = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
  StepArguments result{count == 1 ? args[0] : nullptr, 1.0};
  bool known = count <= 1;
  for (Py_ssize_t k = 0; k < named; ++k) {
    PyObject* const name = PyTuple_GET_ITEM(names, k);
    if (PyUnicode_CompareWithASCIIString(name, "grad_scale") == 0) {
      result.grad_scale = read_grad_scale(args[count + k]);
    } else if (count == 0 && PyUnicode_CompareWithASCIIString(name, "grads") == 0) {
      result.grads = args[k];
    } else {
      known = false;
    }
  }
  if (!known || result.grads == nullptr) {
    throw py::type_error("step() takes one argument, grads, and grad_scale by its name");
  }
  return result;
}

PyObject* step(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) noexcept {
  return none_or_raise([=] {
    const StepArguments arguments = read(args, count, names);
    held<Optimizer>(self).step(self, arguments.grads, arguments.grad_scale);
  });
}

void set_gradient_options(const py::object& self, const py::object& gradient_options) {
  self.cast<Optimizer&>().set_gradient_options(self, gradient_options);
}

void add_group(const py::object& self, const NewGroup& group) {
  self.cast<Optimizer&>().add_group(self, group);
}

// What pybind11 makes of a vector. Where memory runs out, that is a TypeError.
template <class T, class Convert>
py::list list_of(const std::vector<T>& items, Convert convert) {
  py::list list(items.size());
  for (std::size_t k = 0; k < items.size(); ++k) {
    PyList_SET_ITEM(list.ptr(), Py_ssize_t(k), py::object(convert(items[k])).release().ptr());
  }
  return list;
}

constexpr const char* step_doc = R"(step($self, /, grads, *, grad_scale=1.0)
--

Step all parameters once, in place.

Parameters
----------
grads : ndarray, sequence or mapping
    Gradients in the structure of the parameters: one array, a sequence with one entry for each
    parameter, or a mapping with each parameter's name. A gradient has its parameter's shape, any
    layout, and a dtype that widens exactly to that in which the parameter is stepped (float64 for
    float64, else float32): that one, float16, bfloat16 (of the package ``ml_dtypes``) and, for
    float64, float32. It may be another library's array that exports DLPack from the CPU's
    memory, such as JAX's or torch's (see `Optimizer`), and for a parameter without axes a scalar of
    NumPy. A `RowGradient` stands for one that is zero outside some rows, and steps these alone;
    None skips its parameter, whose states and step count then stay. They are only read.
grad_scale : float
    What the loss was multiplied by: the gradients are divided by it on the fly, by multiplication
    with 1 / grad_scale. Clipping and the guard see what results.

Raises
------
TypeError
    When a gradient is not an ndarray or `RowGradient`, when NumPy cannot see the memory of another
    library's array, or when the dtype does not widen to that in which its parameter is stepped.
ValueError
    When the number or a shape is wrong, a gradient shares memory with what the step writes, or
    grad_scale is not a finite number above 0.
FloatingPointError
    When a gradient is not finite and the optimizer's `nonfinite` is "raise".
KeyError
    When the names of a mapping are not those of the parameters.
RuntimeError
    When it is called from within a step of the same optimizer.

Notes
-----
All is checked before anything is written: a call that raises leaves parameters, states and counts
as they were. Two threads that step one optimizer take turns.
)";

PyMethodDef step_method = {"step",
                           reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(step)),
                           METH_FASTCALL | METH_KEYWORDS, step_doc};

}  // namespace

void register_optimizer(py::module_& module) {
  py::class_<HeldTurn> turn(module, "HeldTurn", safe_new());
  define_init<py::object>(turn, "optimizer");
  turn.def("__enter__", &HeldTurn::enter).def("__exit__", [](HeldTurn& self, const py::args&) {
    self.leave();
  });
  py::class_<Optimizer> type(module, "Optimizer", safe_new());
  define_init<std::string, std::uint64_t>(type, "rule", "seed");
  type.def("_add_group", &add_group, py::arg("group"))
      .def("_rebind", &Optimizer::rebind, py::arg("groups"), py::arg("params"))
      .def("_exchange", &Optimizer::exchange, py::arg("train_mode"))
      .def("_set_hyperparameters", &Optimizer::set_hyperparameters, py::arg("hyperparameters"))
      .def("_set_gradient_options", &set_gradient_options, py::arg("gradient_options"))
      .def("_replace", &Optimizer::replace, py::arg("states"), py::arg("params"),
           py::arg("progress"), py::arg("hyperparameters"))
      .def("_options",
           [](const Optimizer& optimizer) {
             return list_of(optimizer.options(), [](const std::vector<double>& options) {
               return list_of(options, [](double option) { return py::float_(option); });
             });
           })
      .def("_steps", [](const Optimizer& optimizer) { return py::int_(optimizer.steps()); })
      .def("_seed", [](const Optimizer& optimizer) { return py::int_(optimizer.seed()); })
      .def("_param_steps",
           [](const Optimizer& optimizer) {
             return list_of(optimizer.counts(),
                            [](const Counts& each) { return py::int_(std::int64_t(each.steps)); });
           })
      .def("_scalars",
           [](const Optimizer& optimizer) {
             return list_of(optimizer.counts(), [&optimizer](const Counts& each) {
               const auto first = std::begin(each.scalars);
               return list_of(std::vector<double>(first, first + optimizer.scalar_count()),
                              [](double scalar) { return py::float_(scalar); });
             });
           })
      .def("_train_mode",
           [](const Optimizer& optimizer) { return py::bool_(optimizer.train_mode()); })
      .def("_set_first_indices", &Optimizer::set_first_indices, py::arg("indices"))
      .def("_set_progress", &Optimizer::set_progress, py::arg("progress"))
      .def("_states",
           [](const Optimizer& optimizer) {
             return list_of(optimizer.parameters(), [](const Parameter& parameter) {
               return list_of(parameter.states(), [](const py::object& state) { return state; });
             });
           })
      .def("_copies",
           [](const Optimizer& optimizer) {
             return list_of(optimizer.parameters(),
                            [](const Parameter& parameter) { return parameter.copy(); });
           })
      .def_property_readonly(
          "_structure",
          [](const Optimizer& optimizer) { return py::str(structure_name(optimizer.structure())); })
      .def_property_readonly("_last_grad_norm",
                             [](const Optimizer& optimizer) -> py::object {
                               const std::optional<double> norm = optimizer.last_grad_norm();
                               if (!norm) return py::none();
                               return py::float_(*norm);
                             })
      .def_property_readonly("_skipped_steps", [](const Optimizer& optimizer) {
        return py::int_(optimizer.skipped_steps());
      });
  add_method(type, step_method);
}

}  // namespace instep
