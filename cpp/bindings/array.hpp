// NumPy arrays as the bindings see them: what an array is called in a message, what may be passed,
// and whether it is the one that was checked before.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bindings/dlpack_abi.hpp"
#include "bindings/pybind11_detail.hpp"
#include "kernels/table.hpp"

namespace instep {

namespace py = pybind11;

// Names a parameter in messages: by its name, by its position, or not at all when it is alone.
struct Label {
  PyObject* name = nullptr;  // borrowed; null: none
  Py_ssize_t position = -1;

  // "gradient of parameter 'w'", "parameter 3", "gradient"
  std::string with(const char* role) const;
};

// In the place of a scalar of NumPy, which an array of no axes becomes in arithmetic, the reference
// then refers to such an array.
void make_scalar_an_array(py::object& object);

// Returns the dtype. Raises unless `array` is an ndarray of a supported one in native byte order.
DType check_array(PyObject* array, const Label& label, const char* role);

// Raises unless `array` is an ndarray of integers.
void check_integers(PyObject* array, const Label& label, const char* role);

// The same, and unless they have 16 bits and a sign.
void check_int16(PyObject* array, const Label& label, const char* role);

// Of `param` messages say `whose` it is. Raises unless `array`, which passed check_array, has its
// dtype.
void check_same_dtype(PyObject* array, PyObject* param, const Label& label, const char* role,
                      const char* whose = "its parameter");

// Returns the dtype. Raises unless `array` is an ndarray of one that widens to `working`, the type
// in which `param` is stepped.
DType check_gradient(PyObject* array, PyObject* param, DType working, const Label& label);

// The same, of a state, which is stored in that type or, where it has as many numbers as its
// parameter and that is float32, in 16 bits. Raises for another shape, too.
DType check_state(PyObject* array, PyObject* param, DType working, StateShape shape,
                  const Label& label, const char* role);

// The same, of what gets the parameter, in 16 or 32 bits.
DType check_copy(PyObject* array, const Label& label);

// Of one that passed check_array.
DType checked_dtype(PyObject* array);

// Empty where a tensor's elements are of no such type.
std::optional<DType> dtype_of(const dlpack_abi::Tensor& tensor);

// Raises unless `array` has the shape of `param`.
void check_same_shape(PyObject* array, PyObject* param, const Label& label, const char* role,
                      const char* whose = "its parameter");

// The same, and unless it has the dtype.
void check_like(PyObject* array, PyObject* param, const Label& label, const char* role,
                const char* whose = "its parameter");

// Raises unless each element of `array` can be written, and is an element of its own.
void check_writable(PyObject* array, const Label& label, const char* role);

std::int64_t element_count(PyObject* array);

// The bytes in [low, high) that an array reaches; empty for one without elements.
struct Bounds {
  std::uintptr_t low = 0, high = 0;
};
Bounds bounds(PyObject* array);
Bounds bounds(const char* data, int ndim, const py::ssize_t* shape, const py::ssize_t* strides,
              std::int64_t item_size);

// As Python shows it: "(2, 3)".
std::string shape_name(PyObject* array);

// What of an array decides whether it may be passed and how it is read.
class Fingerprint {
 public:
  Fingerprint() = default;
  explicit Fingerprint(PyObject* object);

  // Of a tensor that is no ndarray, with its memory.
  Fingerprint(PyObject* object, const dlpack_abi::Tensor& tensor);

  bool matches(PyObject* object) const {
    if (reinterpret_cast<PyObject*>(Py_TYPE(object)) != type_.ptr() || !type_) return false;
    const auto& array = fields(object);
    return array.data == data_ && array.descr == descr_.ptr() && array.flags == flags_ &&
           array.nd == ndim_ && same_extents(array);
  }
  bool matches(PyObject* object, const dlpack_abi::Tensor& tensor) const;

  char* data() const { return data_; }
  int ndim() const { return ndim_; }
  const py::ssize_t* shape() const { return extents_.data(); }
  const py::ssize_t* strides() const { return extents_.data() + ndim_; }

 private:
  bool same_extents(const ArrayFields& array) const {
    for (int axis = 0; axis < ndim_; ++axis) {
      if (array.dimensions[axis] != extents_[std::size_t(axis)] ||
          array.strides[axis] != extents_[std::size_t(ndim_) + std::size_t(axis)]) {
        return false;
      }
    }
    return true;
  }

  py::object type_, descr_;              // held, so that their addresses stay theirs
  PyTypeObject* tensor_type_ = nullptr;  // in their place, of a tensor that is no ndarray
  dlpack_abi::DataType dtype_{};
  char* data_ = nullptr;
  int flags_ = 0, ndim_ = 0;
  std::vector<py::ssize_t> extents_;  // shape, then strides
};

}  // namespace instep
