// The gradients of one call, in the structure of the parameters, as one flat list.
#pragma once

#include <string>
#include <vector>

#include "bindings/parameter.hpp"

namespace instep {

enum class Structure { array, sequence, mapping };

// As Python calls it.
const char* structure_name(Structure structure);
Structure structure_named(const std::string& name);

// One gradient, or None, for each parameter. They are held for the length of a step: another thread
// may change a list while the step runs without the GIL.
using Gradients = std::vector<py::object>;

// Fills `gradients`, which is empty. Raises unless `grads` has the structure, the number and the
// names of the parameters.
void collect(PyObject* grads, Structure structure, const std::vector<Parameter>& parameters,
             Gradients& gradients);

}  // namespace instep
