#include "bindings/gradient_pass.hpp"

#include <pybind11/stl.h>

#include <cmath>
#include <string>

#include "engine/fp_mode.hpp"

namespace instep {
namespace {

// As torch.nn.utils.clip_grad_norm_ does, so that a norm of 0 divides nothing by 0.
constexpr double least_norm = 1e-6;

// Set when it is handed to Python. To throw py::error_already_set allocates between the two, and
// ends in a RuntimeError where that fails.
class NotFinite : public py::builtin_exception {
 public:
  using builtin_exception::builtin_exception;
  void set_error() const override { PyErr_SetString(PyExc_FloatingPointError, what()); }
};

Nonfinite read_nonfinite(const std::string& name) {
  if (name == "propagate") return Nonfinite::propagate;
  if (name == "raise") return Nonfinite::raise;
  if (name == "skip") return Nonfinite::skip;
  throw py::value_error("nonfinite: expected 'propagate', 'raise' or 'skip', got '" + name + "'");
}

}  // namespace

GradientOptions read_gradient_options(const py::object& mapping) {
  const auto clip_value = mapping["clip_value"].cast<std::optional<double>>();
  return {mapping["clip_norm"].cast<std::optional<double>>(),
          clip_value.value_or(GradientOptions::unclipped),
          read_nonfinite(mapping["nonfinite"].cast<std::string>()),
          mapping["flush_subnormals"].cast<bool>()};
}

void GradientPass::begin(const GradientOptions& options, double grad_scale) {
  options_ = options;
  condition_ = {1.0 / grad_scale, options.clip_value};
  if (!options.measures()) return;
  squares_.clear();
  parameters_.clear();
}

void GradientPass::add(const Parameter& parameter, PyObject* grad) {
  squares_.add(parameter.in_c_order(grad), parameter.size(), parameter.dtype());
  parameters_.push_back(&parameter);
}

bool GradientPass::run() noexcept {
  // What is clamped has been scaled before.
  factor_ = options_.clamps() ? 1.0 : condition_.scale;
  norm_.reset();
  not_finite_.reset();
  if (!options_.measures()) return true;
  const StepMode mode;
  norm_ = squares_.norm(condition_, options_.guards(), options_.flush_subnormals);
  // A norm of finite numbers may overflow.
  if (options_.guards() && !std::isfinite(*norm_)) {
    not_finite_ = squares_.find_not_finite(condition_.scale);
  }
  const double largest = options_.clip_norm.value_or(GradientOptions::unclipped);
  if (largest != GradientOptions::unclipped) {
    const double coefficient = largest / (*norm_ + least_norm);
    factor_ *= coefficient > 1.0 ? 1.0 : coefficient;  // a NaN stays one
  }
  return !not_finite_;
}

void GradientPass::throw_not_finite() const {
  const GradientNorm::Place found = not_finite_.value();
  const Parameter& parameter = *parameters_[found.array];
  const std::string place = py::repr(parameter.index_of(found.element));
  throw NotFinite(parameter.label().with("gradient") +
                  ": expected finite numbers, got one that is " + "not at index " + place +
                  "; nothing was changed");
}

}  // namespace instep
