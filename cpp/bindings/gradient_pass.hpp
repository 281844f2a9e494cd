// What a step does with all gradients before the rules meet them: unscaling, clipping, the guard.
#pragma once

#include <limits>
#include <optional>
#include <vector>

#include "bindings/parameter.hpp"
#include "engine/gradient_norm.hpp"

namespace instep {

enum class Nonfinite { propagate, raise, skip };

struct GradientOptions {
  static constexpr double unclipped = std::numeric_limits<double>::infinity();

  std::optional<double> clip_norm;  // infinity only measures
  double clip_value = unclipped;
  Nonfinite nonfinite = Nonfinite::propagate;
  bool flush_subnormals = false;

  bool clips() const { return clip_norm.has_value(); }
  bool clamps() const { return clip_value != unclipped; }
  bool guards() const { return nonfinite != Nonfinite::propagate; }
  bool measures() const { return clips() || guards(); }
};

// From Python's mapping of them, whose numbers have been checked. Raises ValueError for a word that
// stands for nothing.
GradientOptions read_gradient_options(const py::object& mapping);

class GradientPass {
 public:
  explicit GradientPass(const GradientLoops& loops) : loops_(&loops), squares_(loops) {}

  // Of gradients that are divided by `grad_scale`.
  void begin(const GradientOptions& options, double grad_scale);
  // A gradient to measure. The parameter must stay where it is until the next begin.
  void add(const Parameter& parameter, PyObject* grad);

  const GradientOptions& options() const { return options_; }

  // Reads the gradients where that is asked for; false where the guard forbids the step. Needs no
  // GIL; allocates nothing.
  bool run() noexcept;

  // What is done to a gradient block by block, null where that is nothing, and what the rules then
  // multiply it by.
  ConditionGradient conditioning(const Parameter& parameter) const {
    return options_.clamps() ? loops_->condition[parameter.grad_dtype()][parameter.dtype()]
                             : parameter.widening();
  }
  const Condition& condition() const { return options_.clamps() ? condition_ : unconditioned; }
  double factor() const { return factor_; }

  // Where it was asked for.
  std::optional<double> norm() const { return norm_; }

  // Raises FloatingPointError where the guard has forbidden the step.
  [[noreturn]] void throw_not_finite() const;

 private:
  const GradientLoops* loops_;
  GradientOptions options_;
  Condition condition_ = {1.0, GradientOptions::unclipped};
  double factor_ = 1.0;
  GradientNorm squares_;
  std::vector<const Parameter*> parameters_;  // of the arrays of `squares_`
  std::optional<double> norm_;
  std::optional<GradientNorm::Place> not_finite_;
};

}  // namespace instep
