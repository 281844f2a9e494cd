// What the core reads and sets of Python's objects by name. python/instep/core_optimizer.py and
// param_group.py declare and explain these attributes.
#pragma once

namespace instep::python_attributes {

// Of an optimizer.
constexpr const char* gradient_options = "_gradient_options";
constexpr const char* groups = "_groups";
constexpr const char* scheduled_numbers = "_scheduled_numbers";

// Of a group.
constexpr const char* params = "params";
constexpr const char* values = "_values";

}  // namespace instep::python_attributes
