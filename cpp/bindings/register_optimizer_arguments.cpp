#include <pybind11/stl.h>

#include "bindings/new_instance.hpp"
#include "bindings/optimizer_arguments.hpp"
#include "bindings/register.hpp"

namespace instep {

void register_optimizer_arguments(py::module_& module) {
  py::class_<Counts> counts(module, "Counts", safe_new());
  define_init<Counts, std::int64_t, std::vector<std::int64_t>, std::int64_t>(
      counts, py::kw_only(), py::arg("steps"), py::arg("param_steps"), py::arg("skipped_steps"));

  py::class_<Hyperparameters> hyperparameters(module, "Hyperparameters", safe_new());
  define_init<Hyperparameters, std::vector<py::object>, std::vector<py::object>,
              std::vector<std::vector<double>>, bool>(hyperparameters, py::kw_only(),
                                                      py::arg("groups"), py::arg("values"),
                                                      py::arg("options"), py::arg("scheduled"));

  py::class_<NewGroup> group(module, "NewGroup", safe_new());
  define_init<NewGroup, std::vector<py::object>, std::vector<py::object>, py::function,
              std::vector<double>>(group, py::kw_only(), py::arg("params"), py::arg("names"),
                                   py::arg("states"), py::arg("options"));
}

}  // namespace instep
