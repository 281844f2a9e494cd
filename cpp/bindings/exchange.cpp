#include "bindings/exchange.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <string_view>
#include <vector>

#include "bindings/array.hpp"

namespace instep {
namespace {

using dlpack_abi::ExchangeApi;
using dlpack_abi::ManagedTensor;
using dlpack_abi::Tensor;

// What is found is kept for ever, as torch's classes are.
struct TensorTypes {
  std::array<PyTypeObject*, 3> types{};
  const ExchangeApi* api = nullptr;
  PyObject *is_neg = nullptr, *requires_grad = nullptr;  // a method of the class, a name

  bool contain(PyTypeObject* type) const {
    return std::find(types.begin(), types.end(), type) != types.end();
  }
};

const ExchangeApi* usable(const ExchangeApi* api) {
  while (api != nullptr && api->version.major != dlpack_abi::major_version) api = api->previous;
  return api != nullptr && api->borrow != nullptr && api->manage != nullptr ? api : nullptr;
}

// Null where there is no such module yet, or nothing of that name in it.
py::object attribute(const char* module, const char* name) {
  const auto key = py::reinterpret_steal<py::object>(PyUnicode_FromString(module));
  const auto found =
      py::reinterpret_steal<py::object>(key ? PyImport_GetModule(key.ptr()) : nullptr);
  py::object result;
  if (found) result = py::reinterpret_steal<py::object>(PyObject_GetAttrString(found.ptr(), name));
  PyErr_Clear();
  return result;
}

const ExchangeApi* api_of(const py::object& type) {
  const auto capsule = py::reinterpret_steal<py::object>(
      PyObject_GetAttrString(type.ptr(), dlpack_abi::exchange_attribute));
  void* api = nullptr;
  if (capsule) api = PyCapsule_GetPointer(capsule.ptr(), dlpack_abi::exchange_capsule);
  PyErr_Clear();
  return usable(static_cast<const ExchangeApi*>(api));
}

// Classes that derive from a tensor's inherit its functions, and these may not tell the truth of
// them (what wraps another tensor has no memory of its own): so exactly these, which add nothing.
// None of them where this torch has no such functions; null where it is still being imported.
std::unique_ptr<TensorTypes> look_for_types() {
  const py::object tensor = attribute("torch", "Tensor");
  const py::object parameter = attribute("torch.nn", "Parameter");
  if (!tensor || !parameter) return nullptr;
  auto types = std::make_unique<TensorTypes>();
  types->api = api_of(tensor);
  if (types->api == nullptr) return types;
  types->is_neg = py::object(tensor.attr("is_neg")).release().ptr();
  types->requires_grad = py::str("requires_grad").release().ptr();
  const py::object buffer = attribute("torch.nn", "Buffer");
  std::size_t count = 0;
  for (const py::object& each : {tensor, parameter, buffer}) {
    if (!each || PyType_Check(each.ptr()) == 0) continue;
    types->types[count++] = reinterpret_cast<PyTypeObject*>(each.inc_ref().ptr());
  }
  return types;
}

// To look for what a type does not have would take longer than all else that is done with arrays of
// other libraries here.
bool may_be_tensor(std::string_view name) {
  return name == "Tensor" || name == "Parameter" || name == "Buffer";
}

// Null where `object` is none of them.
const TensorTypes* types_of(PyObject* object) {
  static std::atomic<const TensorTypes*> known{nullptr};
  PyTypeObject* const type = Py_TYPE(object);
  const TensorTypes* types = known.load(std::memory_order_acquire);
  if (types == nullptr) {
    // Until there is a tensor, torch may not have been imported.
    if (!may_be_tensor(type->tp_name)) return nullptr;
    std::unique_ptr<TensorTypes> found = look_for_types();
    if (!found) return nullptr;
    if (known.compare_exchange_strong(types, found.get())) types = found.release();
  }
  return types->contain(type) ? types : nullptr;
}

bool is_plain(const TensorTypes& types, PyObject* tensor) {
  const auto requires_grad =
      py::reinterpret_steal<py::object>(PyObject_GetAttr(tensor, types.requires_grad));
  const auto is_neg = py::reinterpret_steal<py::object>(PyObject_CallOneArg(types.is_neg, tensor));
  PyErr_Clear();
  return requires_grad.ptr() == Py_False && is_neg.ptr() == Py_False;
}

bool is_empty(const Tensor& tensor) {
  return std::find(tensor.shape, tensor.shape + tensor.ndim, 0) != tensor.shape + tensor.ndim;
}

// What has no memory of its own is shown with none.
bool is_in_memory(const Tensor& tensor) {
  return tensor.device.type == dlpack_abi::cpu && (tensor.ndim == 0 || tensor.strides != nullptr) &&
         (tensor.data != nullptr || is_empty(tensor));
}

std::optional<Tensor> borrow(const TensorTypes& types, PyObject* object) {
  Tensor tensor;
  if (types.api->borrow(object, &tensor) != 0) {
    PyErr_Clear();  // the way of Python says what is wrong
    return std::nullopt;
  }
  if (!is_in_memory(tensor)) return std::nullopt;
  return tensor;
}

// Null for bfloat16 where ml_dtypes, which gives it to NumPy, is not installed.
py::object numpy_dtype(DType dtype) {
  if (dtype != bfloat16) {
    return py::dtype(dtype == float64 ? "f8" : dtype == float32 ? "f4" : "f2");
  }
  try {
    return py::module_::import("ml_dtypes").attr("bfloat16");
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_ImportError)) throw;
    return {};
  }
}

void let_go(ManagedTensor* managed) {
  if (managed->deleter != nullptr) managed->deleter(managed);
}

}  // namespace

bool is_shown_to_c(PyObject* object) { return types_of(object) != nullptr; }

std::optional<Tensor> borrow(PyObject* object) {
  const TensorTypes* const types = types_of(object);
  if (types == nullptr) return std::nullopt;
  return borrow(*types, object);
}

std::optional<Tensor> borrow_plain(PyObject* object) {
  const TensorTypes* const types = types_of(object);
  if (types == nullptr || !is_plain(*types, object)) return std::nullopt;
  return borrow(*types, object);
}

py::object manage_plain(PyObject* object) {
  const TensorTypes* const types = types_of(object);
  if (types == nullptr || !is_plain(*types, object)) return {};
  ManagedTensor* out = nullptr;
  if (types->api->manage(object, &out) != 0) {
    PyErr_Clear();
    return {};
  }
  std::unique_ptr<ManagedTensor, void (*)(ManagedTensor*)> managed(out, let_go);
  if (managed->version.major != dlpack_abi::major_version) return {};
  const Tensor& tensor = managed->tensor;
  const std::optional<DType> stored = dtype_of(tensor);
  // NumPy would give one without elements memory of its own.
  if (!stored || !is_in_memory(tensor) || tensor.data == nullptr) return {};
  const py::object dtype = numpy_dtype(*stored);
  if (!dtype) return {};
  const std::int64_t size = item_size(tensor);
  std::vector<py::ssize_t> shape(tensor.shape, tensor.shape + tensor.ndim);
  std::vector<py::ssize_t> strides(tensor.strides, tensor.strides + tensor.ndim);
  for (py::ssize_t& stride : strides) stride *= size;
  const bool read_only = (managed->flags & dlpack_abi::read_only) != 0;
  char* const data = address(tensor);
  const py::capsule owner(managed.get(),
                          [](void* held) { let_go(static_cast<ManagedTensor*>(held)); });
  [[maybe_unused]] const ManagedTensor* const given = managed.release();  // the capsule has it
  py::array array(py::dtype::from_args(dtype), std::move(shape), std::move(strides), data, owner);
  if (read_only) array.attr("setflags")(py::arg("write") = false);
  return std::move(array);
}

}  // namespace instep
