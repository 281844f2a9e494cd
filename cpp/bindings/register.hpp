// What module.cpp puts together: one function for each topic.
#pragma once

#include <pybind11/pybind11.h>

namespace instep {

void register_block_sums(pybind11::module_& module);
void register_build_config(pybind11::module_& module);
void register_dlpack(pybind11::module_& module);
void register_floor(pybind11::module_& module);
void register_functional(pybind11::module_& module);
void register_new_state(pybind11::module_& module);
void register_optimizer(pybind11::module_& module);
void register_optimizer_arguments(pybind11::module_& module);
void register_row_gradient(pybind11::module_& module);
void register_rules(pybind11::module_& module);
void register_tensor_watch(pybind11::module_& module);
void register_threads(pybind11::module_& module);

}  // namespace instep
