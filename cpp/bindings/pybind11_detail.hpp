// All that is used of pybind11's namespace `detail`, which promises to stay as it is to nobody.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <memory>
#include <typeinfo>

namespace instep {

// The fields of an ndarray, without a call into NumPy.
using ArrayFields = pybind11::detail::PyArray_Proxy;
inline const ArrayFields& fields(PyObject* array) { return *pybind11::detail::array_proxy(array); }

constexpr int writeable_flag = pybind11::detail::npy_api::NPY_ARRAY_WRITEABLE_;
constexpr int owner_flag = pybind11::detail::npy_api::NPY_ARRAY_OWNDATA_;
constexpr int contiguous_flags = pybind11::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_ |
                                 pybind11::detail::npy_api::NPY_ARRAY_F_CONTIGUOUS_;

inline bool is_ndarray(PyObject* object) {
  return pybind11::detail::npy_api::get().PyArray_Check_(object);
}

// numpy.ndarray itself.
inline PyTypeObject* ndarray_type() { return pybind11::detail::npy_api::get().PyArray_Type_; }

// The version of NumPy's C API.
inline unsigned numpy_api_version() {
  return pybind11::detail::npy_api::get().PyArray_RUNTIME_VERSION_;
}

inline pybind11::detail::instance* as_instance(PyObject* self) {
  return reinterpret_cast<pybind11::detail::instance*>(self);
}

// Makes room for the C++ object of a new Python object.
inline void allocate_layout(PyObject* self) { as_instance(self)->allocate_layout(); }

// The C++ object of a Python object of its class; null where there is none yet. The cast of
// pybind11 looks the type up in a hash table, which would be a tenth of a small step.
template <class T>
T* held_by(PyObject* self) {
  return static_cast<T*>(as_instance(self)->get_value_and_holder().value_ptr());
}

// Makes `object` that of `self`, whose __init__ is called; nothing where it has one already.
template <class T>
void give(PyObject* self, std::unique_ptr<T> object) {
  const auto* const type = pybind11::detail::get_type_info(typeid(T));
  auto place = as_instance(self)->get_value_and_holder(type);
  if (place.instance_registered()) return;
  place.value_ptr() = object.get();
  try {
    type->init_instance(place.inst, nullptr);
  } catch (...) {
    place.value_ptr() = nullptr;
    throw;
  }
  object.release();  // pybind11 has it
}

}  // namespace instep
