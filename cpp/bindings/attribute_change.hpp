// An attribute of several Python objects, changed at once.
#pragma once

#include <pybind11/pybind11.h>

#include <vector>

namespace instep {

namespace py = pybind11;

// Sets an attribute of each object, of all of them or, where that fails, of none: past __setattr__,
// which is Python code that can be interrupted. The former values live as long as this does: to let
// go of them may call what a user wrote.
class AttributeChange {
 public:
  AttributeChange(const std::vector<py::object>& objects, const char* name,
                  const std::vector<py::object>& values);

 private:
  std::vector<py::object> former_;
};

}  // namespace instep
