#include "bindings/advice.hpp"

#include <string_view>

#include "bindings/array.hpp"
#include "bindings/dlpack.hpp"

namespace instep {
namespace {

// Or a part of one, such as its rows.
bool is_gradient(const char* role) {
  return std::string_view(role).find("gradient") != std::string_view::npos;
}

// Whether its class says that it is of a package: "pandas", or "pandas.core.frame".
bool is_of(PyObject* object, std::string_view package) {
  const py::handle type(reinterpret_cast<PyObject*>(Py_TYPE(object)));
  const std::string module = py::str(py::object(type.attr("__module__")));
  return (module + ".").compare(0, package.size(), package) == 0;
}

bool has(PyObject* object, const char* attribute) {
  return PyObject_HasAttrString(object, attribute) != 0;
}

// Whether it is a container whose first element is an array, or such a container.
bool holds_arrays(PyObject* object, int depth = 8) {
  if (has(object, "keys") || has(object, "__dataclass_fields__")) return true;
  if (!PyList_Check(object) && !PyTuple_Check(object)) return false;
  if (depth == 0 || PySequence_Size(object) == 0) return false;
  const py::object first = py::reinterpret_borrow<py::sequence>(object)[0];
  return is_array(first.ptr()) || holds_arrays(first.ptr(), depth - 1);
}

// The numbers of a complex array, each as two real ones.
std::string advice_on_complex(PyObject* array, const char* role) {
  const auto& a = fields(array);
  const auto dtype = py::reinterpret_borrow<py::dtype>(a.descr);
  if (is_gradient(role)) {
    return "; pass its .real, or where the parameter is a complex array's view as real numbers, "
           "the same view of it";
  }
  const bool native = dtype.attr("isnative").cast<bool>();
  if (!native || dtype.itemsize() > 16) {
    return "; convert it once with .astype(np.complex128), and pass that array's .view(np.float64)";
  }
  const std::string view =
      std::string(".view(np.float") + (dtype.itemsize() == 8 ? "32" : "64") + ")";
  if (a.nd == 0) return "; make it an array of shape (1,), and pass the " + view + " of that";
  if (a.strides[a.nd - 1] != dtype.itemsize() && a.dimensions[a.nd - 1] != 1) {
    return "; pass its .real and .imag as two parameters, and those of its gradient";
  }
  return "; pass its " + view +
         ", which steps real and imaginary parts in place, and that of its " + "gradient";
}

std::string advice_on_fields(const py::dtype& dtype) {
  const py::object first = dtype.attr("names")[py::int_(0)];
  return "; pass a field of it, such as array[" + std::string(py::repr(first)) + "]";
}

}  // namespace

const char* advice_on_object(PyObject* object, const char* role) {
  const bool gradient = is_gradient(role);
  if (is_of(object, "pandas.")) {
    return gradient ? "; pass its .to_numpy()"
                    : "; a step cannot write into it: step w = x.to_numpy(copy=True), and make "
                      "another one of w";
  }
  if (is_of(object, "scipy.sparse.")) {
    return gradient ? "; pass its .toarray(), or instep.RowGradient.from_scipy(...) of a csr_array"
                    : "; pass its .data, the numbers that it holds, and their gradient";
  }
  if (is_of(object, "h5py.") || is_of(object, "zarr.")) {
    return gradient ? "; it lies in a file, pass x[...]"
                    : "; it lies in a file: step w = x[...], and write it back, x[...] = w; or use "
                      "a numpy.memmap";
  }
  if (holds_arrays(object)) {
    return "; of nested containers pass instep.flatten(...), of parameters and gradients alike";
  }
  return "; a step works in place and converts nothing, pass np.asarray(...)";
}

std::string advice_on_dtype(PyObject* array, const char* role) {
  const auto dtype = py::reinterpret_borrow<py::dtype>(fields(array).descr);
  switch (dtype.kind()) {
    case 'c':
      return advice_on_complex(array, role);
    case 'O':
      return "; it refers to objects of Python: where these are arrays, pass a list of them";
    case 'V':
      if (!dtype.attr("names").is_none()) return advice_on_fields(dtype);
      break;
    default:
      break;
  }
  return "; convert it once with .astype(np.float32) or .astype(np.float64)";
}

const char* advice_on_read_only(PyObject* array) {
  const PyObject* const base = fields(array).base;
  if (base != nullptr && PyCapsule_CheckExact(base) != 0) {
    return "; it is seen by DLPack and may not be written, as JAX's arrays never may: step a copy, "
           "w = np.array(...), and make another one of w";
  }
  return "; a step changes it in place, pass one whose flags.writeable is True";
}

}  // namespace instep
