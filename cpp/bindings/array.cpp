#include "bindings/array.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <vector>

#include "bindings/advice.hpp"

namespace instep {
namespace {

bool is_masked(PyObject* array) {
  if (Py_TYPE(array) == ndarray_type()) return false;
  const py::object masked = py::module_::import("numpy.ma").attr("MaskedArray");
  const int answer = PyObject_IsInstance(array, masked.ptr());
  if (answer < 0) throw py::error_already_set();
  return answer == 1;
}

std::string dtype_name(PyObject* array) { return py::str(py::handle(fields(array).descr)); }

// Strides are nested when each axis steps over all that the faster axes reach; then no two
// elements share memory. Other arrays might still be free of overlap, and are refused.
bool nested(PyObject* array) {
  const auto& a = fields(array);
  std::vector<std::pair<std::int64_t, std::int64_t>> axes;  // |stride|, length
  for (int axis = 0; axis < a.nd; ++axis) {
    if (a.dimensions[axis] > 1) {
      axes.emplace_back(std::abs(std::int64_t(a.strides[axis])), a.dimensions[axis]);
    }
  }
  std::sort(axes.begin(), axes.end());
  std::int64_t reach = py::dtype(py::reinterpret_borrow<py::dtype>(a.descr)).itemsize();
  for (const auto& [stride, length] : axes) {
    if (stride < reach) return false;
    reach += stride * (length - 1);
  }
  return true;
}

bool is_native(const py::dtype& dtype) {
  return dtype.byteorder() == '=' || dtype.attr("isnative").cast<bool>();
}

std::optional<DType> float_of(std::int64_t size) {
  for (const DType dtype : {float32, float64, float16}) {
    if (item_size(dtype) == size) return dtype;
  }
  return std::nullopt;
}

// Whether it is the type of ml_dtypes, of which NumPy knows no more than the name. To ask for that
// takes longer than a small step: the first that has it is kept for ever, so that its address stays
// its own.
bool is_bfloat16(PyObject* array) {
  static std::atomic<PyObject*> known{nullptr};
  PyObject* const dtype = fields(array).descr;
  if (dtype == known) return true;
  if (dtype_name(array) != "bfloat16") return false;
  PyObject* none = nullptr;
  if (known.compare_exchange_strong(none, dtype)) Py_INCREF(dtype);
  return true;
}

// Empty where it is none that instep knows, or in another byte order.
std::optional<DType> dtype_of(PyObject* array) {
  const auto dtype = py::reinterpret_borrow<py::dtype>(fields(array).descr);
  if (dtype.kind() == 'V') return is_bfloat16(array) ? std::optional(bfloat16) : std::nullopt;
  if (dtype.kind() != 'f' || !is_native(dtype)) return std::nullopt;
  return float_of(dtype.itemsize());
}

[[noreturn]] void throw_wrong_dtype(PyObject* array, const Label& label, const char* role) {
  const auto dtype = py::reinterpret_borrow<py::dtype>(fields(array).descr);
  const bool real = dtype.kind() == 'f' && dtype.itemsize() <= 8;
  throw py::type_error(label.with(role) + ": expected dtype float16, bfloat16, float32 or float64" +
                       (real ? " in native byte order" : "") + ", got " + dtype_name(array) +
                       advice_on_dtype(array, role));
}

// What .astype takes.
const char* in_code(DType dtype) {
  switch (dtype) {
    case float64:
      return "np.float64";
    case float16:
      return "np.float16";
    case bfloat16:
      return "ml_dtypes.bfloat16";
    default:
      return "np.float32";
  }
}

[[noreturn]] void throw_other_type(PyObject* array, PyObject* param, DType working,
                                   bool may_be_narrow, const Label& label, const char* role) {
  const std::string name = working == float64 ? "float64" : "float32";
  throw py::type_error(label.with(role) + ": expected dtype " + name +
                       (checked_dtype(param) == working ? " as its parameter has"
                                                        : ", in which its parameter is stepped") +
                       (may_be_narrow ? ", or one of 16 bits" : "") + ", got " + dtype_name(array) +
                       "; write .astype(" + in_code(working) + ")");
}

std::vector<py::ssize_t> state_shape(StateShape shape, PyObject* param) {
  const auto& p = fields(param);
  std::vector<py::ssize_t> result(p.dimensions, p.dimensions + p.nd);
  if (shape == StateShape::row) result.resize(std::min<std::size_t>(result.size(), 1));
  if (shape == StateShape::rows) result.end()[-1] = 1;
  if (shape == StateShape::columns) result.end()[-2] = 1;
  return result;
}

py::tuple as_tuple(const std::vector<py::ssize_t>& shape) {
  py::tuple result(shape.size());
  for (std::size_t axis = 0; axis < shape.size(); ++axis) result[axis] = shape[axis];
  return result;
}

const char* in_words(StateShape shape) {
  switch (shape) {
    case StateShape::row:
      return ", a number for each row of its parameter of shape ";
    case StateShape::rows:
      return ", a number for each row of the matrices of its parameter of shape ";
    default:
      return ", a number for each column of the matrices of its parameter of shape ";
  }
}

void check_reduced_shape(PyObject* array, PyObject* param, StateShape shape, const Label& label,
                         const char* role) {
  const auto& a = fields(array);
  const std::vector<py::ssize_t> expected = state_shape(shape, param);
  if (std::equal(expected.begin(), expected.end(), a.dimensions, a.dimensions + a.nd)) return;
  throw py::value_error(label.with(role) + ": expected shape " +
                        std::string(py::str(as_tuple(expected))) + in_words(shape) +
                        shape_name(param) + ", got " + shape_name(array));
}

void check_plain(PyObject* array, const Label& label, const char* role) {
  if (!is_ndarray(array)) {
    throw py::type_error(label.with(role) + ": expected a numpy.ndarray, got " +
                         Py_TYPE(array)->tp_name + advice_on_object(array, role));
  }
  if (is_masked(array)) {
    throw py::type_error(label.with(role) + ": expected a plain numpy.ndarray, got a masked array" +
                         "; pass its .data, with the masked elements set as you mean them");
  }
}

}  // namespace

void make_scalar_an_array(py::object& object) {
  if (is_ndarray(object.ptr())) return;
  const py::module_ numpy = py::module_::import("numpy");
  if (py::isinstance(object, numpy.attr("generic"))) object = numpy.attr("asarray")(object);
}

std::string shape_name(PyObject* array) {
  return py::str(py::reinterpret_borrow<py::object>(array).attr("shape"));
}

std::string Label::with(const char* role) const {
  std::string text = role;
  if (name == nullptr && position < 0) return text;
  if (text != "parameter") text += " of parameter";
  return text + " " +
         (name != nullptr ? std::string(py::repr(py::handle(name))) : std::to_string(position));
}

DType check_array(PyObject* array, const Label& label, const char* role) {
  check_plain(array, label, role);
  const std::optional<DType> dtype = dtype_of(array);
  if (!dtype) throw_wrong_dtype(array, label, role);
  return *dtype;
}

DType checked_dtype(PyObject* array) { return dtype_of(array).value(); }

DType check_gradient(PyObject* array, PyObject* param, DType working, const Label& label) {
  const DType dtype = check_array(array, label, "gradient");
  if (!widens(dtype, working)) {
    throw_other_type(array, param, working, working != float64, label, "gradient");
  }
  return dtype;
}

DType check_state(PyObject* array, PyObject* param, DType working, StateShape shape,
                  const Label& label, const char* role) {
  const DType dtype = check_array(array, label, role);
  const bool may_be_narrow = !is_reduced(shape) && working != float64;
  if (dtype != working && (!may_be_narrow || !widens(dtype, working))) {
    throw_other_type(array, param, working, may_be_narrow, label, role);
  }
  if (is_reduced(shape)) {
    check_reduced_shape(array, param, shape, label, role);
  } else {
    check_same_shape(array, param, label, role);
  }
  return dtype;
}

DType check_copy(PyObject* array, const Label& label) {
  check_plain(array, label, "copy");
  const std::optional<DType> dtype = dtype_of(array);
  if (!dtype || dtype == float64) {
    throw py::type_error(label.with("copy") +
                         ": expected dtype float16, bfloat16 or float32, got " + dtype_name(array));
  }
  return *dtype;
}

std::optional<DType> dtype_of(const dlpack_abi::Tensor& tensor) {
  const auto [code, bits, lanes] = tensor.dtype;
  if (lanes != 1) return std::nullopt;
  if (code == dlpack_abi::brain_floating_point && bits == 16) return bfloat16;
  if (code != dlpack_abi::floating_point) return std::nullopt;
  return float_of(bits / 8);
}

void check_integers(PyObject* array, const Label& label, const char* role) {
  check_plain(array, label, role);
  const char kind = py::reinterpret_borrow<py::dtype>(fields(array).descr).kind();
  if (kind != 'i' && kind != 'u') {
    throw py::type_error(label.with(role) + ": expected an integer dtype, got " +
                         dtype_name(array) +
                         (kind == 'b' ? "; pass np.flatnonzero(...) of a mask" : ""));
  }
}

void check_int16(PyObject* array, const Label& label, const char* role) {
  check_plain(array, label, role);
  const auto dtype = py::reinterpret_borrow<py::dtype>(fields(array).descr);
  if (dtype.kind() == 'i' && dtype.itemsize() == 2 && dtype.attr("isnative").cast<bool>()) return;
  throw py::type_error(label.with(role) + ": expected dtype int16, got " + dtype_name(array));
}

void check_same_dtype(PyObject* array, PyObject* param, const Label& label, const char* role,
                      const char* whose) {
  if (fields(array).descr == fields(param).descr) return;
  const DType dtype = checked_dtype(param);
  if (checked_dtype(array) == dtype) return;
  throw py::type_error(label.with(role) + ": expected dtype " + dtype_name(param) + " as " + whose +
                       " has, got " + dtype_name(array) + "; write .astype(" + in_code(dtype) +
                       ")");
}

void check_like(PyObject* array, PyObject* param, const Label& label, const char* role,
                const char* whose) {
  check_same_dtype(array, param, label, role, whose);
  check_same_shape(array, param, label, role, whose);
}

void check_same_shape(PyObject* array, PyObject* param, const Label& label, const char* role,
                      const char* whose) {
  const auto& a = fields(array);
  const auto& p = fields(param);
  if (a.nd != p.nd || !std::equal(a.dimensions, a.dimensions + a.nd, p.dimensions)) {
    throw py::value_error(label.with(role) + ": expected shape " + shape_name(param) + " as " +
                          whose + " has, got " + shape_name(array));
  }
}

void check_writable(PyObject* array, const Label& label, const char* role) {
  if ((fields(array).flags & writeable_flag) == 0) {
    throw py::value_error(label.with(role) + ": expected a writable array, got a read-only one" +
                          advice_on_read_only(array));
  }
  if (element_count(array) > 0 && !nested(array)) {
    throw py::value_error(
        label.with(role) + ": expected an array without internal overlap, got " + "strides " +
        std::string(py::str(py::reinterpret_borrow<py::object>(array).attr("strides"))) +
        " for shape " + shape_name(array) + "; pass a copy");
  }
}

std::int64_t element_count(PyObject* array) {
  const auto& a = fields(array);
  std::int64_t count = 1;
  for (int axis = 0; axis < a.nd; ++axis) count *= a.dimensions[axis];
  return count;
}

Bounds bounds(PyObject* array) {
  const auto& a = fields(array);
  return bounds(a.data, a.nd, a.dimensions, a.strides,
                py::reinterpret_borrow<py::dtype>(a.descr).itemsize());
}

Bounds bounds(const char* data, int ndim, const py::ssize_t* shape, const py::ssize_t* strides,
              std::int64_t item_size) {
  const auto address = reinterpret_cast<std::uintptr_t>(data);
  Bounds result{address, address};
  if (std::find(shape, shape + ndim, 0) != shape + ndim) return result;
  for (int axis = 0; axis < ndim; ++axis) {
    const auto reach = std::intptr_t(strides[axis]) * (shape[axis] - 1);
    (reach < 0 ? result.low : result.high) += std::uintptr_t(reach);
  }
  result.high += std::uintptr_t(item_size);
  return result;
}

Fingerprint::Fingerprint(PyObject* object)
    : type_(py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(Py_TYPE(object)))) {
  const auto& array = fields(object);
  descr_ = py::reinterpret_borrow<py::object>(array.descr);
  data_ = array.data;
  flags_ = array.flags;
  ndim_ = array.nd;
  extents_.assign(array.dimensions, array.dimensions + array.nd);
  extents_.insert(extents_.end(), array.strides, array.strides + array.nd);
}

Fingerprint::Fingerprint(PyObject* object, const dlpack_abi::Tensor& tensor)
    : tensor_type_(Py_TYPE(object)),
      dtype_(tensor.dtype),
      data_(dlpack_abi::address(tensor)),
      ndim_(tensor.ndim) {
  const py::ssize_t size = dlpack_abi::item_size(tensor);
  extents_.assign(tensor.shape, tensor.shape + tensor.ndim);
  for (int axis = 0; axis < ndim_; ++axis) extents_.push_back(tensor.strides[axis] * size);
}

bool Fingerprint::matches(PyObject* object, const dlpack_abi::Tensor& tensor) const {
  if (Py_TYPE(object) != tensor_type_ || dlpack_abi::address(tensor) != data_ ||
      tensor.ndim != ndim_ || !(tensor.dtype == dtype_)) {
    return false;
  }
  const std::int64_t size = dlpack_abi::item_size(tensor);
  for (int axis = 0; axis < ndim_; ++axis) {
    if (tensor.shape[axis] != shape()[axis] || tensor.strides[axis] * size != strides()[axis]) {
      return false;
    }
  }
  return true;
}

}  // namespace instep
