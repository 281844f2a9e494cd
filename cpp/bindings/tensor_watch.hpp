// The tensors of another library's optimizer, which is stepped in its own memory: whether they are
// where they were, and how often each was stepped.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "bindings/array.hpp"
#include "bindings/mapping.hpp"
#include "bindings/optimizer.hpp"

namespace instep {

// Where the numbers of a tensor are, and how they lie.
class Place {
 public:
  // `place_of` says it of a tensor that is not shown to C, as a value that can be compared.
  Place(const py::object& tensor, const py::object& place_of);

  bool is_of(PyObject* tensor, const py::object& place_of) const;

 private:
  Fingerprint print_;
  py::object said_;  // null where the tensor is shown to C
};

class TensorWatch {
 public:
  // Of the tensors that `optimizer` steps.
  TensorWatch(py::object optimizer, py::object place_of);

  // Adds the optimizer's next parameter: its group's position, the tensors of its state by name,
  // and what its state is to get when it has been stepped. The count is one of the tensors, which
  // `step` sees, or where that is None and `counts` the state's number "step"; the scalars are
  // tensors, which `scalars` see.
  void add(const py::object& param, std::size_t group, const py::dict& tensors,
           const py::object& step, bool counts, std::int64_t count, const py::list& scalars,
           const py::dict& fresh);

  // Whether these are the optimizer's parameters, with those states, in the same memory, which show
  // the steps that were taken, and all others have no gradient.
  bool holds(const py::object& groups, const py::object& states) const;

  // Takes the options of groups, by position, to be these very objects.
  void watch_options(const py::dict& options) { options_ = options; }

  // Whether the options of the groups still are these objects.
  bool has_options(const py::object& groups) const;

  // The gradients, or None, and the positions of those that only Python can see.
  std::pair<py::list, py::list> gradients() const;

  // Takes those of a parameter to be such ones from now on.
  void see_by_python(std::size_t k) { members_.at(k).by_python = true; }

  // The parameters that were stepped since the last call of show_steps.
  py::list stepped() const;

  // Brings the states to the counts of the steps that were taken.
  void show_steps(const py::object& states);

  // For Python's collector of circles: a tensor's hooks may hold the optimizer that steps it.
  int traverse(visitproc visit, void* arg) const;
  void clear();

 private:
  struct State {
    py::object name, tensor;
    Place place;
  };
  struct Member {
    py::object param;
    std::size_t group;
    Place place;
    std::vector<State> states;
    py::object step;  // an ndarray, or null
    bool counts;
    std::int64_t count;
    std::vector<py::object> scalars;  // ndarrays
    py::dict fresh;
    bool by_python;
  };

  bool holds_member(std::size_t k, const py::object& states) const;
  const Optimizer::AllCounts& counts() const;

  py::object optimizer_, place_of_;
  py::object params_ = interned("params"), grad_ = interned("grad");
  py::object step_ = interned("step");
  py::dict options_;
  std::vector<Member> members_;
};

}  // namespace instep
