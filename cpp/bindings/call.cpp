#include "bindings/call.hpp"

#include <algorithm>

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
  if (more_) {
    reductions_.clear();
    norms_.clear();
  }
}

void Call::bind(Parameter& parameter, py::object& grad, const WrittenMemory& written,
                const Settings& settings) {
  parameter.bind(grad, written);
  parts_.push_back({&parameter, settings, nullptr});
  const bool is_stepped = more_ && bind_more(parameter, grad.ptr(), settings);
  if (parameter.size() > 0 && !is_stepped) tasks_.add(parameter.task());
  if (gradient_pass_.options().measures()) gradient_pass_.add(parameter, grad.ptr());
}

bool Call::bind_more(Parameter& parameter, PyObject* grad, const Settings& settings) {
  if (begins_) parameter.plan_beginning(settings.counts->steps == 0);
  if (parameter.kernel(settings.options).measure != nullptr) {
    norms_.add(parameter.task(), parameter.task_in_c_order());
  }
  Reduction* const reduction = parameter.reduction();
  if (reduction == nullptr) return false;
  reduction->set_grad(parameter.in_c_order(grad));
  reductions_.add(*reduction, parameter.task());
  return reduction->steps_all();
}

bool Call::run() noexcept {
  if (!gradient_pass_.run()) return false;
  prepare();
  if (more_) {
    reductions_.run(gradient_pass_.options().flush_subnormals);
    adapt();
  }
  tasks_.step(gradient_pass_.options().flush_subnormals);
  return true;
}

void Call::prepare() noexcept {
  const StepMode mode;
  for (Part& part : parts_) {
    Parameter* const parameter = part.parameter;
    const Kernel& kernel = parameter->kernel(part.settings.options);
    const std::int64_t step = ++part.settings.counts->steps;
    Task& task = parameter->task();
    task.kernel = &kernel;
    task.coefficients =
        more_ ? &prepare_more(part, kernel, step)
              : &coefficients_.get(kernel, part.settings.options, step, gradient_pass_.factor(),
                                   part.settings.group, parameter->dtype());
    if (task.rounds_by_chance()) {
      task.random_key = random_key(seed_, step, parameter->number());
    }
    task.condition_grad = gradient_pass_.conditioning(*parameter);
    if (task.condition_grad != nullptr) task.condition = gradient_pass_.condition();
  }
}

const Coefficients& Call::prepare_more(Part& part, const Kernel& kernel,
                                       std::int64_t step) noexcept {
  if (begins_) part.parameter->begin_states();
  Counts& counts = *part.settings.counts;
  double scalars[max_scalars];
  std::copy_n(counts.scalars, max_scalars, scalars);
  const double* const options = part.settings.options;
  const double factor = gradient_pass_.factor();
  const Coefficients* result = nullptr;
  if (kernel.measure != nullptr) {
    result = part.adapted = &coefficients_.own(kernel, options, step, factor, scalars);
  } else {
    result = &coefficients_.get(kernel, options, step, factor, part.settings.group,
                                part.parameter->dtype(), scalars);
  }
  std::copy_n(scalars, max_scalars, counts.scalars);
  return *result;
}

void Call::adapt() noexcept {
  norms_.measure(gradient_pass_.options().flush_subnormals);
  const StepMode mode;
  std::size_t k = 0;
  for (const Part& part : parts_) {
    if (part.adapted == nullptr) continue;
    const ParameterNorms::Norms norms = norms_.norms(k++);
    const double* const options = part.settings.options;
    part.parameter->kernel(options).adapt(options, norms.param, norms.measured,
                                          part.parameter->size(), *part.adapted);
  }
}

}  // namespace instep
