// Python objects of bound classes, where memory may run out.
#pragma once

#include <pybind11/pybind11.h>

#include <array>
#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "bindings/fast_method.hpp"
#include "bindings/pybind11_detail.hpp"

namespace instep {

// In the place of pybind11's own, which reads the object without looking whether there is one
// (make_new_instance in pybind11 3.0), and throws through C code.
inline PyObject* new_instance(PyTypeObject* type, PyObject*, PyObject*) noexcept {
  PyObject* const self = type->tp_alloc(type, 0);
  if (self == nullptr) return nullptr;
  try {
    allocate_layout(self);
    return self;
  } catch (const std::exception&) {
    if (PyErr_Occurred() == nullptr) PyErr_NoMemory();
  }
  // Not yet an object that could be destroyed.
  if (PyType_IS_GC(type)) PyObject_GC_UnTrack(self);
  type->tp_free(self);
  Py_DECREF(type);
  return nullptr;
}

// An __init__ whose arguments have names. In the place of pybind11::init, which ends the process
// where memory runs out: it registers the new object where nothing catches exceptions, and looks
// for a keyword without looking whether there was memory for it (keyword_index in pybind11 3.1).
template <class T, class... Arguments>
class Init {
 public:
  template <class... Names>
  static void define(pybind11::class_<T>& type, Names... names) {
    static_assert(sizeof...(Names) == sizeof...(Arguments));
    names_ = {names..., nullptr};
    format_ = std::string(sizeof...(Names), 'O') + ":__init__";
    add_method(type, method_);
  }

 private:
  static PyObject* call(PyObject* self, PyObject* args, PyObject* keywords) noexcept {
    return parse(self, args, keywords, std::index_sequence_for<Arguments...>());
  }

  template <std::size_t... k>
  static PyObject* parse(PyObject* self, PyObject* args, PyObject* keywords,
                         std::index_sequence<k...> each) noexcept {
    PyObject* given[sizeof...(Arguments)] = {};
    if (PyArg_ParseTupleAndKeywords(args, keywords, format_.c_str(),
                                    const_cast<char**>(names_.data()), &given[k]...) == 0) {
      return nullptr;
    }
    return none_or_raise([&] { make(self, given, each); });
  }

  template <std::size_t... k>
  static void make(PyObject* self, PyObject* const* given, std::index_sequence<k...>) {
    give(self, std::unique_ptr<T>(new T{pybind11::cast<Arguments>(pybind11::handle(given[k]))...}));
  }

  static inline std::array<const char*, sizeof...(Arguments) + 1> names_{};
  static inline std::string format_;
  static inline PyMethodDef method_ = {
      "__init__", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(call)),
      METH_VARARGS | METH_KEYWORDS, nullptr};
};

template <class... Arguments, class T, class... Names>
void define_init(pybind11::class_<T>& type, Names... names) {
  Init<T, Arguments...>::define(type, names...);
}

// To be passed to pybind11::class_.
inline pybind11::custom_type_setup safe_new() {
  return pybind11::custom_type_setup(
      [](PyHeapTypeObject* type) { type->ht_type.tp_new = new_instance; });
}

}  // namespace instep
