#include "bindings/attribute_change.hpp"

namespace instep {

AttributeChange::AttributeChange(const std::vector<py::object>& objects, const char* name,
                                 const std::vector<py::object>& values) {
  const py::str key(name);
  former_.reserve(objects.size());
  for (const py::object& object : objects) former_.push_back(object.attr(key));
  for (std::size_t k = 0; k < objects.size(); ++k) {
    if (PyObject_GenericSetAttr(objects[k].ptr(), key.ptr(), values.at(k).ptr()) == 0) continue;
    py::error_already_set error;
    while (k-- > 0) {
      if (PyObject_GenericSetAttr(objects[k].ptr(), key.ptr(), former_[k].ptr()) != 0) {
        PyErr_Clear();
      }
    }
    throw error;
  }
}

}  // namespace instep
