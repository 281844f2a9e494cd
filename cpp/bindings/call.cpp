#include "bindings/call.hpp"

#include "engine/fp_mode.hpp"

namespace instep {

void Call::begin(std::size_t params, std::size_t groups, const GradientOptions& options,
                 double grad_scale) {
  parts_.clear();
  parts_.reserve(params);
  tasks_.clear();
  tasks_.reserve(params);
  gradient_pass_.begin(options, grad_scale);
  coefficients_.reset(groups, params);
}

void Call::bind(Parameter& parameter, py::object& grad, const WrittenMemory& written,
                const Settings& settings) {
  parameter.bind(grad, written);
  parts_.push_back({&parameter, settings});
  if (parameter.size() > 0) tasks_.add(parameter.task());
  if (gradient_pass_.options().measures()) gradient_pass_.add(parameter, grad.ptr());
}

bool Call::run() noexcept {
  if (!gradient_pass_.run()) return false;
  prepare();
  tasks_.step(gradient_pass_.options().flush_subnormals);
  return true;
}

void Call::prepare() noexcept {
  const StepMode mode;
  for (const auto& [parameter, settings] : parts_) {
    const Kernel& kernel = parameter->kernel(settings.options);
    Task& task = parameter->task();
    task.kernel = &kernel;
    task.coefficients =
        &coefficients_.get(kernel, settings.options, ++*settings.steps, gradient_pass_.factor(),
                           settings.group, parameter->dtype());
    if (task.rounds_by_chance()) {
      task.random_key = random_key(seed_, *settings.steps, parameter->number());
    }
    task.condition_grad = gradient_pass_.conditioning(*parameter);
    if (task.condition_grad != nullptr) task.condition = gradient_pass_.condition();
  }
}

}  // namespace instep
