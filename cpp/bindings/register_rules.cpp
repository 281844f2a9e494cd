#include <pybind11/pybind11.h>

#include <utility>

#include "bindings/register.hpp"
#include "kernels/select.hpp"

namespace instep {

namespace py = pybind11;

namespace {

py::tuple words(const char* const* first, int count) {
  py::tuple result(count);
  for (int k = 0; k < count; ++k) result[std::size_t(k)] = first[k];
  return result;
}

const char* word(StateShape shape) {
  switch (shape) {
    case StateShape::whole:
      return "whole";
    case StateShape::row:
      return "row";
    case StateShape::rows:
      return "rows";
    case StateShape::columns:
      return "columns";
    case StateShape::vector:
      return "vector";
  }
  return nullptr;
}

py::tuple shapes(const Rule& rule) {
  py::tuple result(rule.state_count);
  for (int k = 0; k < rule.state_count; ++k) result[std::size_t(k)] = word(rule.shapes[k]);
  return result;
}

// The names of the states in a set.
py::tuple names(const Rule& rule, unsigned set) {
  py::list result;
  for (int k = 0; k < rule.state_count; ++k) {
    if ((set >> k & 1u) != 0) result.append(rule.states[k]);
  }
  return py::tuple(std::move(result));
}

py::dict rules() {
  py::dict result;
  const Table& table = chosen_table();
  for (int k = 0; k < table.rule_count; ++k) {
    const Rule& rule = table.rules[k];
    result[rule.name] =
        py::make_tuple(words(rule.options, rule.option_count), words(rule.states, rule.state_count),
                       words(rule.scalars, rule.scalar_count), shapes(rule),
                       names(rule, rule.begin_as_param), !rule.several_passes);
  }
  return result;
}

}  // namespace

void register_rules(py::module_& module) {
  module.def(
      "rules", &rules,
      "For each rule its options, states, scalars and the shapes of its states, in the "
      "core's order, the states that begin as the parameter, and whether a step of an element "
      "depends on no other.");
}

}  // namespace instep
