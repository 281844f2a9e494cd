#include "bindings/dlpack.hpp"

#include <pybind11/gil_safe_call_once.h>

#include <utility>

#include "bindings/exchange.hpp"

namespace instep {
namespace {

// The first version of NumPy's C API whose from_dlpack takes `copy`.
constexpr unsigned numpy_2_1 = 0x13;

bool exports(PyObject* object) {
  return !is_ndarray(object) &&
         PyObject_HasAttrString(reinterpret_cast<PyObject*>(Py_TYPE(object)), "__dlpack__") != 0;
}

// DLDeviceType of dlpack.h.
std::string device_name(long type) {
  switch (type) {
    case 2:
      return "CUDA";
    case 8:
      return "Metal";
    case 10:
      return "ROCm";
    case 13:
      return "CUDA managed memory";
    case 14:
      return "oneAPI";
    default:
      return "DLPack's device type " + std::to_string(type);
  }
}

// The host's memory, pinned for CUDA or ROCm or not.
bool on_host(long device) { return device == 1 || device == 3 || device == 11; }

long device_of(PyObject* object) {
  const py::object device = py::handle(object).attr("__dlpack_device__")();
  const long type = PyLong_AsLong(py::object(device[py::int_(0)]).ptr());
  if (type == -1 && PyErr_Occurred() != nullptr) throw py::error_already_set();
  return type;
}

py::object from_dlpack(PyObject* object) {
  PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<py::object> storage;
  const py::object& import =
      storage
          .call_once_and_store_result(
              [] { return py::object(py::module_::import("numpy").attr("from_dlpack")); })
          .get_stored();
  if (numpy_api_version() < numpy_2_1) {
    return import(py::handle(object));  // read-only
  }
  try {
    return import(py::handle(object), py::arg("copy") = false);
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_TypeError)) throw;
  }
  // What speaks DLPack's first protocol cannot be told not to copy, so that only reading it is sure
  // to do what is meant.
  py::object view = import(py::handle(object));
  view.attr("setflags")(py::arg("write") = false);
  return view;
}

bool requires_grad(PyObject* object) {
  const auto answer =
      py::reinterpret_steal<py::object>(PyObject_GetAttrString(object, "requires_grad"));
  if (!answer) PyErr_Clear();
  return answer.ptr() == Py_True;
}

// A view whose numbers have the other sign than their memory, which DLPack cannot say and torch's
// export does not look at.
bool is_negated(PyObject* object) {
  const auto is_neg = py::reinterpret_steal<py::object>(PyObject_GetAttrString(object, "is_neg"));
  if (!is_neg) PyErr_Clear();
  return is_neg && is_neg().ptr() == Py_True;
}

// Of an error's message, which may be one that cannot be made or encoded.
std::string first_line(const py::object& value) {
  try {
    const std::string text = py::str(value);
    return text.substr(0, text.find('\n'));
  } catch (const py::error_already_set&) {
    return Py_TYPE(value.ptr())->tp_name;
  }
}

std::string expected(const Label& label, const char* role, PyObject* object) {
  return label.with(role) + ": expected an array that NumPy can see without a copy, got " +
         Py_TYPE(object)->tp_name;
}

// NumPy gives memory of its own to what is exported without any, such as a tensor that stands for
// others, or whose storage was freed.
void check_has_memory(const py::object& array, PyObject* object, const Label& label,
                      const char* role) {
  if ((fields(array.ptr()).flags & owner_flag) == 0 || element_count(array.ptr()) == 0) return;
  const bool is_share = PyObject_HasAttrString(object, "to_local") != 0;
  throw py::type_error(expected(label, role, object) + " that shows no memory; " +
                       (is_share ? "pass its .to_local(), this process's share"
                                 : "pass one that has its numbers in the CPU's memory"));
}

// Whatever the exporter has raised, but for what is none of its errors.
[[noreturn]] void refuse(py::error_already_set& error, PyObject* object, const Label& label,
                         const char* role) {
  if (!error.matches(PyExc_Exception) || error.matches(PyExc_MemoryError)) throw error;
  const std::string message =
      expected(label, role, object) + " (" + first_line(error.value()) + "); " +
      (requires_grad(object) ? "pass its .detach(), which shares its memory"
                             : "pass one of float16, float32 or float64, dense, in the CPU's "
                               "memory; bfloat16 needs pip install 'instep[bfloat16]', and a "
                               "library that shows its arrays to C");
  py::raise_from(error, PyExc_TypeError, message.c_str());
  throw py::error_already_set();
}

}  // namespace

bool is_array(PyObject* object) {
  if (PyList_CheckExact(object) || PyTuple_CheckExact(object)) return false;  // the usual case
  return is_ndarray(object) || exports(object) ||
         (PyObject_HasAttrString(object, "shape") != 0 &&
          (PyObject_HasAttrString(object, "dtype") != 0 ||
           PyObject_HasAttrString(object, "dtypes") != 0));
}

py::object as_ndarray(py::object object, const Label& label, const char* role) {
  if (!exports(object.ptr())) return object;
  if (py::object seen = manage_plain(object.ptr())) return seen;
  try {
    if (is_negated(object.ptr())) {
      throw py::type_error(expected(label, role, object.ptr()) +
                           " that has the numbers of its memory negated; pass its .resolve_neg()");
    }
    const long device = device_of(object.ptr());
    if (on_host(device)) {
      py::object array = from_dlpack(object.ptr());
      check_has_memory(array, object.ptr(), label, role);
      return array;
    }
    throw py::type_error(expected(label, role, object.ptr()) + " on " + device_name(device) +
                         "; copy it to the CPU first, a step works there and in place");
  } catch (py::error_already_set& error) {
    refuse(error, object.ptr(), label, role);
  }
}

bool see_as_ndarray(py::object& object, const Label& label, const char* role) {
  if (!exports(object.ptr())) return false;
  object = as_ndarray(object, label, role);
  return true;
}

}  // namespace instep
