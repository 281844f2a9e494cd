#include "bindings/gradients.hpp"

#include <algorithm>

#include "bindings/dlpack.hpp"
#include "bindings/mapping.hpp"

namespace instep {
namespace {

bool is_mapping(PyObject* object) {
  return PyDict_Check(object) ||
         (PyMapping_Check(object) && PyObject_HasAttrString(object, "keys"));
}

std::string type_name(PyObject* object) { return Py_TYPE(object)->tp_name; }

// A list that a thread without the GIL may be changing is copied first.
py::object as_fast_sequence(PyObject* grads, std::size_t count) {
#ifdef Py_GIL_DISABLED
  if (PyList_Check(grads)) {
    auto tuple = py::reinterpret_steal<py::object>(PyList_AsTuple(grads));
    if (!tuple) throw py::error_already_set();
    return tuple;
  }
#endif
  if (PyTuple_Check(grads) || PyList_Check(grads)) return py::reinterpret_borrow<py::object>(grads);
  if (is_array(grads) || is_mapping(grads) || PyUnicode_Check(grads) || PyBytes_Check(grads)) {
    throw py::type_error("gradients: expected a sequence of " + std::to_string(count) +
                         " arrays, one for each parameter, got " + type_name(grads));
  }
  PyObject* list = PySequence_List(grads);
  if (list == nullptr) {
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) throw py::error_already_set();
    PyErr_Clear();
    throw py::type_error("gradients: expected a sequence of " + std::to_string(count) +
                         " arrays, one for each parameter, got " + type_name(grads));
  }
  return py::reinterpret_steal<py::object>(list);
}

[[noreturn]] void throw_wrong_names(PyObject* dict, const std::vector<Parameter>& parameters) {
  py::list missing, unexpected;
  py::set names;
  for (const Parameter& parameter : parameters) {
    names.add(py::handle(parameter.name()));
    if (PyDict_Contains(dict, parameter.name()) == 0) missing.append(py::handle(parameter.name()));
  }
  for (const auto& item : py::reinterpret_borrow<py::dict>(dict)) {
    if (!names.contains(item.first)) unexpected.append(item.first);
  }
  throw py::key_error("gradients: expected one (or None) for each parameter's name; missing: " +
                      std::string(py::repr(missing)) +
                      ", unexpected: " + std::string(py::repr(unexpected)));
}

// Whether the gradients of what was passed as a sequence, of groups, come by name all the same.
bool is_by_name(PyObject* grads, const std::vector<Parameter>& parameters) {
  return !PyList_Check(grads) && !PyTuple_Check(grads) && !is_array(grads) && is_mapping(grads) &&
         std::all_of(parameters.begin(), parameters.end(),
                     [](const Parameter& parameter) { return parameter.label().name != nullptr; });
}

void collect_sequence(PyObject* grads, std::size_t count, Gradients& gradients) {
  const py::object sequence = as_fast_sequence(grads, count);
  const auto got = std::size_t(PySequence_Fast_GET_SIZE(sequence.ptr()));
  if (got != count) {
    throw py::value_error("gradients: expected " + std::to_string(count) +
                          ", one (or None) for each parameter, got " + std::to_string(got));
  }
  PyObject** items = PySequence_Fast_ITEMS(sequence.ptr());
  for (std::size_t k = 0; k < count; ++k) {
    gradients.push_back(py::reinterpret_borrow<py::object>(items[k]));
  }
}

void collect_mapping(PyObject* grads, const std::vector<Parameter>& parameters,
                     Gradients& gradients) {
  auto dict = py::reinterpret_borrow<py::object>(grads);
  if (!PyDict_CheckExact(grads)) {
    if (!is_mapping(grads)) {
      throw py::type_error(
          "gradients: expected a mapping from each parameter's name to an array, "
          "got " +
          type_name(grads));
    }
    dict = py::reinterpret_steal<py::object>(PyDict_New());
    if (!dict || PyDict_Update(dict.ptr(), grads) < 0) throw py::error_already_set();
  }
  if (std::size_t(PyDict_Size(dict.ptr())) != parameters.size())
    throw_wrong_names(dict.ptr(), parameters);
  for (const Parameter& parameter : parameters) {
    gradients.push_back(find(dict.ptr(), parameter.name()));
    if (!gradients.back()) throw_wrong_names(dict.ptr(), parameters);
  }
}

}  // namespace

const char* structure_name(Structure structure) {
  return structure == Structure::array     ? "array"
         : structure == Structure::mapping ? "mapping"
                                           : "sequence";
}

Structure structure_named(const std::string& name) {
  for (const auto structure : {Structure::array, Structure::sequence, Structure::mapping}) {
    if (name == structure_name(structure)) return structure;
  }
  throw py::value_error("structure: expected 'array', 'sequence' or 'mapping', got '" + name + "'");
}

void collect(PyObject* grads, Structure structure, const std::vector<Parameter>& parameters,
             Gradients& gradients) {
  gradients.reserve(parameters.size());
  if (structure == Structure::array) {
    gradients.push_back(py::reinterpret_borrow<py::object>(grads));
  } else if (structure == Structure::sequence && !is_by_name(grads, parameters)) {
    collect_sequence(grads, parameters.size(), gradients);
  } else {
    collect_mapping(grads, parameters, gradients);
  }
}

}  // namespace instep
