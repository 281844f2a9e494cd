#include "bindings/step_function.hpp"

#include <structmember.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "bindings/array_arguments.hpp"
#include "bindings/fast_method.hpp"
#include "bindings/functional.hpp"
#include "kernels/select.hpp"

namespace instep {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();  // equals nothing

py::str interned(const py::handle& name) {
  PyObject* own = py::reinterpret_borrow<py::str>(name).release().ptr();
  PyUnicode_InternInPlace(&own);
  return py::reinterpret_steal<py::str>(own);
}

// Null for None.
py::object callable_or_null(const py::handle& value) {
  return value.is_none() ? py::object() : py::reinterpret_borrow<py::object>(value);
}

StorageArguments read_storage(const py::object& mapping) {
  return {mapping["by_chance"].cast<unsigned>(), mapping["seed"].cast<std::uint64_t>(),
          mapping["first_parameter"].cast<std::int64_t>(), mapping["param_rest"],
          mapping["copies"]};
}

}  // namespace

StepFunction::StepFunction(const py::dict& description)
    : rule_(find_rule(chosen_table(), description["rule"].cast<std::string>())),
      check_step_(callable_or_null(description["check_step"])),
      check_together_(callable_or_null(description["check_together"])),
      by_chance_(description["by_chance"].cast<unsigned>()),
      check_conditions_(description["check_conditions"]),
      refuse_(description["refuse"]) {
  const py::object required = description["required"];
  const auto add = [&](const py::handle& name) {
    names_.push_back(interned(name));
    required_.push_back(required.contains(name));
  };
  for (const py::handle name : description["arrays"]) add(name);
  arrays_ = names_.size();
  if (check_step_) add(py::str("step"));
  first_option_ = names_.size();
  for (const py::handle described : description["options"]) {
    const auto option = py::reinterpret_borrow<py::tuple>(described);
    add(option[0]);
    const bool is_flag = option[3].is_none();
    const auto [first, last] =
        is_flag ? std::pair(unknown, unknown) : option[3].cast<std::pair<double, double>>();
    options_.push_back(
        {option[0].cast<std::string>(), option[1].cast<double>(), is_flag, first, last, option[2]});
  }
  first_condition_ = names_.size();
  for (const py::handle name : description["conditions"]) add(name);
  for (const auto& [state, option] : py::dict(description["switches"])) {
    switches_.push_back({place(state.ptr()), place(option.ptr()) - first_option_});
  }
  if (names_.size() > Arguments().size() ||
      arrays_ != std::size_t(first_state_argument) + std::size_t(rule_.state_count) +
                     std::size_t(rule_.scalar_count) ||
      options_.size() != std::size_t(rule_.option_count)) {
    throw py::value_error("expected the arrays and options of the rule");
  }
  together_.fill(unknown);
}

// The number of names where it is none of them.
std::size_t StepFunction::place(PyObject* name) const {
  for (std::size_t k = 0; k < names_.size(); ++k) {
    if (names_[k].ptr() == name) return k;
  }
  for (std::size_t k = 0; k < names_.size(); ++k) {
    if (PyUnicode_Compare(names_[k].ptr(), name) == 0) return k;
  }
  return names_.size();
}

bool StepFunction::bind(PyObject* const* args, std::size_t count, PyObject* names,
                        Arguments& given) const {
  if (count > arrays_) return false;
  std::copy(args, args + count, given.begin());
  const Py_ssize_t named = names == nullptr ? 0 : PyTuple_GET_SIZE(names);
  for (Py_ssize_t k = 0; k < named; ++k) {
    const std::size_t at = place(PyTuple_GET_ITEM(names, k));
    if (at == names_.size() || given[at] != nullptr) return false;
    given[at] = args[count + std::size_t(k)];
  }
  for (std::size_t k = 0; k < names_.size(); ++k) {
    if (required_[k] && given[k] == nullptr) return false;
  }
  return true;
}

void StepFunction::refuse(PyObject* const* args, std::size_t count, PyObject* names) const {
  const auto answer =
      py::reinterpret_steal<py::object>(PyObject_Vectorcall(refuse_.ptr(), args, count, names));
  if (!answer) throw py::error_already_set();
  throw py::type_error("wrong arguments");
}

double StepFunction::read(const Option& option, PyObject* value) {
  if (option.is_flag) {
    if (value == Py_True) return 1.0;
    if (value == Py_False) return 0.0;
  } else if (PyFloat_CheckExact(value)) {
    const double number = PyFloat_AS_DOUBLE(value);
    if (option.first <= number && number <= option.last) return number;
  } else if (PyLong_CheckExact(value)) {
    const double number = PyLong_AsDouble(value);
    if (number == -1.0 && PyErr_Occurred() != nullptr) PyErr_Clear();
    if (option.first <= number && number <= option.last) return number;
  }
  return option.check(py::handle(value)).cast<double>();
}

void StepFunction::check_switches(const Arguments& given, const double* options) const {
  for (const auto& [state, option] : switches_) {
    if (options[option] == 0.0 || (given[state] != nullptr && given[state] != Py_None)) continue;
    throw py::value_error(options_[option].name + ": expected " + std::string(names_[state]) +
                          " to be passed with it, got None");
  }
}

void StepFunction::check_together(const double* options) {
  if (!check_together_) return;
  const std::size_t count = options_.size();
  {
    const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
    if (lock && std::equal(options, options + count, together_.begin())) return;
  }
  py::dict values;
  for (std::size_t k = 0; k < count; ++k) values[names_[first_option_ + k]] = options[k];
  check_together_(values);
  const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
  if (lock) std::copy(options, options + count, together_.begin());
}

// 0 where it is not told.
std::int64_t StepFunction::read_step(PyObject* value) const {
  if (!required_[arrays_] && (value == nullptr || value == Py_None)) return 0;
  if (PyLong_CheckExact(value)) {
    int overflow = 0;
    const long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow == 0 && number >= 1) return number;
  }
  return check_step_(py::handle(value)).cast<std::int64_t>();
}

void StepFunction::call(PyObject* const* args, std::size_t count, PyObject* names) {
  Arguments given = {};
  if (!bind(args, count, names, given)) refuse(args, count, names);

  double grad_scale = 1.0;
  GradientOptions gradient_options;
  StorageArguments storage;
  storage.by_chance = by_chance_;
  bool conditioned = false;
  for (std::size_t k = first_condition_; k < names_.size(); ++k) {
    conditioned = conditioned || given[k] != nullptr;
  }
  if (conditioned) {
    py::dict conditions;
    for (std::size_t k = first_condition_; k < names_.size(); ++k) {
      if (given[k] != nullptr) conditions[names_[k]] = py::handle(given[k]);
    }
    const py::object checked = check_conditions_(conditions);
    grad_scale = checked[py::int_(0)].cast<double>();
    gradient_options = read_gradient_options(checked[py::int_(1)]);
    storage = read_storage(checked[py::int_(2)]);
  }

  double options[max_options];
  for (std::size_t k = 0; k < options_.size(); ++k) {
    PyObject* const value = given[first_option_ + k];
    options[k] = value == nullptr ? options_[k].standard : read(options_[k], value);
  }
  check_switches(given, options);
  check_together(options);
  const std::int64_t step = check_step_ ? read_step(given[arrays_]) : 0;

  for (std::size_t k = 0; k < arrays_; ++k) {
    if (given[k] == nullptr) given[k] = Py_None;
  }
  if (!conditioned && step_directly(types_, rule_, given.data(), options, step)) return;
  std::vector<py::object> arrays;
  arrays.reserve(arrays_ + 2);
  for (std::size_t k = 0; k < arrays_; ++k) {
    arrays.push_back(py::reinterpret_borrow<py::object>(given[k]));
  }
  functional_step(rule_, std::move(arrays), options, step, grad_scale, gradient_options, storage);
}

int StepFunction::traverse(visitproc visit, void* arg) const {
  for (const py::object* each : {&check_step_, &check_together_, &check_conditions_, &refuse_}) {
    Py_VISIT(each->ptr());
  }
  for (const Option& option : options_) Py_VISIT(option.check.ptr());
  return 0;
}

namespace {

struct Object {
  PyObject_HEAD vectorcallfunc vectorcall;
  PyObject* dict;
  PyObject* weak_references;
  StepFunction* function;
};

Object* as_object(PyObject* self) { return reinterpret_cast<Object*>(self); }

PyObject* call(PyObject* self, PyObject* const* args, std::size_t count, PyObject* names) noexcept {
  return none_or_raise([=] {
    as_object(self)->function->call(args, std::size_t(PyVectorcall_NARGS(count)), names);
  });
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* description) noexcept {
  PyObject* const self = type->tp_alloc(type, 0);
  if (self == nullptr) return nullptr;
  PyObject* const made = none_or_raise([=] {
    if (PyTuple_GET_SIZE(args) != 0 || description == nullptr) {
      throw py::type_error("StepFunction() takes keywords alone");
    }
    as_object(self)->function =
        std::make_unique<StepFunction>(py::reinterpret_borrow<py::dict>(description)).release();
    as_object(self)->vectorcall = call;
  });
  if (made != nullptr) return self;
  Py_DECREF(self);
  return nullptr;
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(as_object(self)->dict);
  const StepFunction* const function = as_object(self)->function;
  return function == nullptr ? 0 : function->traverse(visit, arg);
}

int clear(PyObject* self) {
  Py_CLEAR(as_object(self)->dict);
  return 0;
}

void destroy(PyObject* self) {
  PyTypeObject* const type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (as_object(self)->weak_references != nullptr) PyObject_ClearWeakRefs(self);
  clear(self);
  delete as_object(self)->function;
  type->tp_free(self);
  Py_DECREF(type);
}

// As a function in a class becomes a method.
PyObject* bind(PyObject* self, PyObject* object, PyObject*) {
  if (object != nullptr && object != Py_None) return PyMethod_New(self, object);
  Py_INCREF(self);
  return self;
}

// Found by its name, as functions are.
PyObject* reduce(PyObject* self, PyObject*) { return PyObject_GetAttrString(self, "__qualname__"); }

PyObject* represent(PyObject* self) {
  PyObject* const name = reduce(self, nullptr);
  if (name == nullptr) return nullptr;
  PyObject* const text = PyUnicode_FromFormat("<step function %U>", name);
  Py_DECREF(name);
  return text;
}

PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Object, vectorcall), READONLY, nullptr},
    {"__dictoffset__", T_PYSSIZET, offsetof(Object, dict), READONLY, nullptr},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Object, weak_references), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyGetSetDef properties[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyMethodDef methods[] = {
    {"__reduce__", reduce, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

template <class Function>
PyType_Slot slot(int number, Function* function) {
  return {number, reinterpret_cast<void*>(function)};
}

}  // namespace

py::object step_function_type() {
  PyType_Slot slots[] = {
      slot(Py_tp_new, make),
      slot(Py_tp_dealloc, destroy),
      slot(Py_tp_traverse, traverse),
      slot(Py_tp_clear, clear),
      slot(Py_tp_call, PyVectorcall_Call),
      slot(Py_tp_descr_get, bind),
      slot(Py_tp_repr, represent),
      {Py_tp_members, members},
      {Py_tp_getset, properties},
      {Py_tp_methods, methods},
      {0, nullptr},
  };
  PyType_Spec spec = {"instep._core.StepFunction", int(sizeof(Object)), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_HAVE_GC |
                          Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
                      slots};
  auto type = py::reinterpret_steal<py::object>(PyType_FromSpec(&spec));
  if (!type) throw py::error_already_set();
  return type;
}

}  // namespace instep
