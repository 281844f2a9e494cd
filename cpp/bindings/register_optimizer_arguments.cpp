#include <pybind11/stl.h>

#include "bindings/new_instance.hpp"
#include "bindings/optimizer_arguments.hpp"
#include "bindings/register.hpp"

namespace instep {

void register_optimizer_arguments(py::module_& module) {
  py::class_<Progress> progress(module, "Progress", safe_new());
  define_init<std::int64_t, std::vector<std::int64_t>, std::vector<std::vector<double>>, bool,
              std::int64_t, std::optional<double>, std::uint64_t>(
      progress, "steps", "param_steps", "scalars", "train_mode", "skipped_steps", "last_grad_norm",
      "seed");

  py::class_<Hyperparameters> hyperparameters(module, "Hyperparameters", safe_new());
  define_init<std::vector<py::object>, std::vector<py::object>, std::vector<std::vector<double>>,
              Scheduled>(hyperparameters, "groups", "values", "options", "scheduled");

  py::class_<NewGroup> group(module, "NewGroup", safe_new());
  define_init<std::vector<py::object>, std::vector<py::object>, py::function,
              std::vector<py::object>, std::vector<std::int64_t>, unsigned, std::vector<double>,
              std::vector<double>, py::tuple, std::string, Scheduled>(
      group, "params", "names", "states", "copies", "numbers", "by_chance", "options", "scalars",
      "groups", "structure", "scheduled");
}

}  // namespace instep
