// The step of the usual arrays: few and small, each of them plain memory of its own.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bindings/array.hpp"
#include "kernels/table.hpp"

namespace instep {

// NumPy's own objects for its usual arrays.
struct PlainTypes {
  PyTypeObject* array = ndarray_type();
  py::dtype dtypes[working_count] = {py::dtype::of<float>(), py::dtype::of<double>()};
};

// Steps `arrays`, which are as functional_step takes them: params, grads and each state of the
// rule. Returns false, with nothing done and no error set, where one of them needs another look: it
// is not an ndarray of a supported dtype in one piece, may not be passed at all, or there is so
// much to do that others should do something meanwhile. Touches no Python object but these.
bool step_directly(const PlainTypes& types, const Rule& rule, PyObject* const* arrays,
                   const double* options, std::int64_t step);

}  // namespace instep
