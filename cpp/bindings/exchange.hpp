// Tensors as their library shows them to C, without a call of Python: DLPack's exchange API, of
// which torch has one.
#pragma once

#include <optional>

#include "bindings/dlpack_abi.hpp"
#include "bindings/pybind11_detail.hpp"

namespace instep {

namespace py = pybind11;

// Whether the type of `object` has such functions, which may still not see this one.
bool is_shown_to_c(PyObject* object);

// The memory of a tensor in the CPU's, valid until Python code runs or the tensor is let go. Empty
// where only Python can say what `object` is.
std::optional<dlpack_abi::Tensor> borrow(PyObject* object);

// The same, where the tensor's numbers are those that its memory holds, and no graph is recorded of
// what is done with them. DLPack says neither.
std::optional<dlpack_abi::Tensor> borrow_plain(PyObject* object);

// The ndarray that sees such a tensor's memory and keeps it alive; null where only Python can say.
py::object manage_plain(PyObject* object);

}  // namespace instep
