#include <pybind11/stl.h>

#include <cstring>

#include "bindings/descriptor.hpp"
#include "bindings/optimizer.hpp"
#include "bindings/register.hpp"

namespace instep {
namespace {

PyObject* only_argument(PyObject* const* args, Py_ssize_t count, PyObject* names) {
  const Py_ssize_t named = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
  if (count + named != 1 ||
      (named == 1 && PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, 0), "grads") != 0)) {
    throw py::type_error("step() takes exactly one argument, grads");
  }
  return args[0];
}

PyObject* step(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* names) noexcept {
  return none_or_raise(
      [=] { held<Optimizer>(self).step(self, only_argument(args, count, names)); });
}

constexpr const char* step_doc = R"(step($self, /, grads)
--

Step all parameters once, in place.

Parameters
----------
grads : ndarray, sequence or mapping
    Gradients in the structure of the parameters: one array, a sequence with one entry for each
    parameter, or a mapping with each parameter's name. A gradient has its parameter's shape and
    dtype and any layout; a `RowGradient` stands for one that is zero outside some rows, and steps
    these alone; None skips its parameter, whose states and step count then stay.

Raises
------
TypeError
    When a gradient is not an ndarray or `RowGradient` or has another dtype than its parameter.
ValueError
    When the number or a shape is wrong, or a gradient shares memory with what the step writes.
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
  py::class_<Optimizer> type(module, "Optimizer");
  type.def(py::init<const std::string&>(), py::arg("rule"))
      .def("_add_group", &Optimizer::add_group, py::arg("params"), py::arg("states"),
           py::arg("names"), py::arg("options"), py::arg("structure"))
      .def("_set_options", &Optimizer::set_options, py::arg("options"))
      .def("_options", &Optimizer::options)
      .def("_set_counts", &Optimizer::set_counts, py::arg("steps"), py::arg("param_steps"))
      .def("_steps", &Optimizer::steps)
      .def("_param_steps", &Optimizer::param_steps)
      .def("_states", &Optimizer::states)
      .def("_take_turn", &Optimizer::take_turn)
      .def("_give_turn", &Optimizer::give_turn)
      .def_readwrite("_scheduled", &Optimizer::scheduled);
  add_method(type, step_method);
}

}  // namespace instep
