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
  prepared_.reset(groups, params);
}

void Call::bind(Slot& slot, PyObject*& grad, const WrittenMemory& written,
                const Settings& settings) {
  slot.bind(grad, written);
  parts_.push_back({&slot, settings});
  if (slot.size() > 0) tasks_.add(slot.task());
  if (gradient_pass_.options().measures()) gradient_pass_.add(slot, grad);
}

bool Call::run() noexcept {
  if (!gradient_pass_.run()) return false;
  prepare();
  tasks_.step(gradient_pass_.options().flush_subnormals);
  return true;
}

void Call::prepare() noexcept {
  const StepMode mode;
  for (const auto& [slot, settings] : parts_) {
    const Kernel& kernel = slot->kernel(settings.options);
    Task& task = slot->task();
    task.loop = kernel.loop;
    task.coefficients = &prepared_.get(kernel, settings.options, ++*settings.steps,
                                       gradient_pass_.factor(), settings.group, slot->dtype());
    task.condition_grad = gradient_pass_.conditioning(slot->dtype());
    task.condition = gradient_pass_.condition();
  }
}

}  // namespace instep
