// What DLPack lays down of a tensor in memory, and of the functions by which a library shows its
// tensors to C: https://dmlc.github.io/dlpack/latest/c_api.html, version 1.3.
#pragma once

#include <cstddef>
#include <cstdint>

namespace instep::dlpack_abi {

// Within it, a minor version only adds numbers for devices and types.
constexpr std::uint32_t major_version = 1;

struct Version {
  std::uint32_t major, minor;
};

struct Device {
  std::int32_t type, id;
};

struct DataType {
  std::uint8_t code, bits;
  std::uint16_t lanes;

  bool operator==(const DataType& other) const {
    return code == other.code && bits == other.bits && lanes == other.lanes;
  }
};

constexpr std::int32_t cpu = 1;
constexpr std::uint8_t floating_point = 2, brain_floating_point = 4;
constexpr std::uint64_t read_only = 1;

struct Tensor {
  void* data;
  Device device;
  std::int32_t ndim;
  DataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;  // in elements
  std::uint64_t byte_offset;
};

// In bytes.
inline std::int64_t item_size(const Tensor& tensor) {
  return std::int64_t(tensor.dtype.bits) * tensor.dtype.lanes / 8;
}

// Of the first element.
inline char* address(const Tensor& tensor) {
  return static_cast<char*>(tensor.data) + tensor.byte_offset;
}

struct ManagedTensor {
  Version version;
  void* manager;
  void (*deleter)(ManagedTensor*);
  std::uint64_t flags;
  Tensor tensor;
};

// Behind the capsule that a type has as its `__dlpack_c_exchange_api__`. The functions return 0, or
// -1 with a Python exception set, and throw nothing.
struct ExchangeApi {
  Version version;
  ExchangeApi* previous;
  void (*allocate)();  // of other parameters, as is all that is not called here
  int (*manage)(void* object, ManagedTensor** out);
  void (*make_object)();
  int (*borrow)(void* object, Tensor* out);  // null where a library has none
  void (*current_stream)();
};

constexpr const char* exchange_capsule = "dlpack_exchange_api";
constexpr const char* exchange_attribute = "__dlpack_c_exchange_api__";

static_assert(sizeof(void*) != 8 ||
              (sizeof(Tensor) == 48 && offsetof(Tensor, device) == 8 &&
               offsetof(Tensor, ndim) == 16 && offsetof(Tensor, dtype) == 20 &&
               offsetof(Tensor, shape) == 24 && offsetof(Tensor, strides) == 32 &&
               offsetof(Tensor, byte_offset) == 40));
static_assert(sizeof(void*) != 8 ||
              (sizeof(ManagedTensor) == 80 && offsetof(ManagedTensor, manager) == 8 &&
               offsetof(ManagedTensor, deleter) == 16 && offsetof(ManagedTensor, flags) == 24 &&
               offsetof(ManagedTensor, tensor) == 32));
static_assert(sizeof(void*) != 8 ||
              (sizeof(ExchangeApi) == 56 && offsetof(ExchangeApi, previous) == 8 &&
               offsetof(ExchangeApi, manage) == 24 && offsetof(ExchangeApi, borrow) == 40));

}  // namespace instep::dlpack_abi
