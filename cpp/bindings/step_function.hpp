// What stands behind instep.functional: a callable that reads its arguments here.
#pragma once

#include <pybind11/pybind11.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "bindings/direct_step.hpp"
#include "kernels/table.hpp"

namespace instep {

namespace py = pybind11;

// Of one rule. Nothing of a call is kept but numbers.
class StepFunction {
 public:
  // As Python describes it; see _core.pyi.
  explicit StepFunction(const py::dict& description);

  // Arguments as vectorcall has them. Raises with everything as it was.
  void call(PyObject* const* args, std::size_t count, PyObject* names);

  int traverse(visitproc visit, void* arg) const;

 private:
  // The arguments in the order of `names_`; null: not passed. There are fewer names than this.
  using Arguments = std::array<PyObject*, 48>;

  struct Option {
    std::string name;
    double standard;
    bool is_flag;
    double first, last;  // floats from the one to the other are admitted
    py::object check;    // anything else is converted, or refused, by this
  };
  struct Switch {
    std::size_t state, option;
  };

  std::size_t place(PyObject* name) const;
  bool bind(PyObject* const* args, std::size_t count, PyObject* names, Arguments& given) const;
  [[noreturn]] void refuse(PyObject* const* args, std::size_t count, PyObject* names) const;
  static double read(const Option& option, PyObject* value);
  void check_switches(const Arguments& given, const double* options) const;
  void check_together(const double* options);
  std::int64_t read_step(PyObject* value) const;

  const Rule& rule_;
  PlainTypes types_;
  std::vector<py::str> names_;  // arrays, the number of the step, options, conditions
  std::vector<bool> required_;
  std::size_t arrays_ = 0, first_option_ = 0, first_condition_ = 0;
  std::vector<Option> options_;
  std::vector<Switch> switches_;
  py::object check_step_, check_together_;
  unsigned by_chance_;  // a bit for each slot that is rounded so where nothing else is asked
  py::object check_conditions_, refuse_;

  // The options that went together last.
  std::mutex mutex_;
  std::array<double, max_options> together_;
};

// The Python class.
py::object step_function_type();

}  // namespace instep
