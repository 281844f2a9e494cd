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

// Strong references to one gradient (or None) for each parameter. They are kept for the length of a
// step: another thread may change a list while the step runs without the GIL.
class Gradients {
 public:
  Gradients() = default;
  Gradients(const Gradients&) = delete;
  Gradients& operator=(const Gradients&) = delete;
  ~Gradients() { clear(); }

  // Raises unless `grads` has the structure, the number and the names of the parameters.
  void collect(PyObject* grads, Structure structure, const std::vector<Parameter>& parameters);
  void clear();
  void swap(Gradients& other) noexcept { items_.swap(other.items_); }

  // The reference may be replaced, by another strong one.
  PyObject*& operator[](std::size_t index) { return items_[index]; }

 private:
  void add(PyObject* grad) {
    Py_INCREF(grad);
    items_.push_back(grad);
  }
  void collect_sequence(PyObject* grads, std::size_t count);
  void collect_mapping(PyObject* grads, const std::vector<Parameter>& parameters);

  std::vector<PyObject*> items_;
};

}  // namespace instep
