// What Python passes to an optimizer in one piece.
#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace instep {

namespace py = pybind11;

// What steps have changed beside arrays.
struct Progress {
  std::int64_t steps = 0;
  std::vector<std::int64_t> param_steps;
  std::vector<std::vector<double>> scalars;  // of each parameter, those of the rule
  bool train_mode = true;
  std::int64_t skipped_steps = 0;
  std::optional<double> last_grad_norm;
  std::uint64_t seed = 0;  // which steps do not change
};

// Options that come from callables: the group and the position among the rule's options of each.
using Scheduled = std::vector<std::pair<std::size_t, std::size_t>>;

// The hyperparameters of all groups.
struct Hyperparameters {
  std::vector<py::object> groups, values;  // as Python shows them: a dictionary for each group
  std::vector<std::vector<double>> options;
  Scheduled scheduled;
};

// Parameters that become a group, and what an optimizer is with them.
struct NewGroup {
  std::vector<py::object> params;
  std::vector<py::object> names;  // None for one that has none
  // Called with k for the states of the k-th, once it is known to be an array: a list as
  // Parameter::set_states takes them.
  py::function states;
  std::vector<py::object> copies;     // None for a parameter that has none
  std::vector<std::int64_t> numbers;  // of the parameters, of which random bits are a function
  unsigned by_chance = 0;             // a bit for each slot whose 16 bits are rounded so
  std::vector<double> options;
  std::vector<double> scalars;  // of each parameter before its first step

  py::tuple groups;  // as Python shows them, all of them
  std::string structure;
  Scheduled scheduled;  // of all groups
};

}  // namespace instep
