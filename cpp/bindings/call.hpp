// One call's step of several parameters: bind, measure, prepare, adapt, run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "bindings/coefficient_cache.hpp"
#include "bindings/counts.hpp"
#include "bindings/gradient_pass.hpp"
#include "bindings/parameter.hpp"
#include "engine/parameter_norms.hpp"
#include "engine/reductions.hpp"
#include "engine/task_line.hpp"

namespace instep {

// Keeps its memory from one call to the next.
class Call {
 public:
  // Where it `begins` states, those that begin as their parameter become it before its first step.
  Call(const Rule& rule, bool begins, const Table& table)
      : more_(rule.more_than_elements),
        begins_(begins && rule.begin_as_param != 0),
        gradient_pass_(table.gradients),
        coefficients_(rule) {}

  // By what a parameter is stepped.
  struct Settings {
    const double* options = nullptr;  // in the rule's order; the same for all of a group
    std::size_t group = 0;
    Counts* counts = nullptr;  // the parameter's, which `run` brings to the step
  };

  // A call of at most so many parameters, of so many groups, with gradients that are divided by
  // `grad_scale`.
  void begin(std::size_t params, std::size_t groups, const GradientOptions& options,
             double grad_scale);

  // Of the random bits of this call and the next ones.
  void set_seed(std::uint64_t seed) { seed_ = seed; }

  // Adds a parameter. It, the gradient and what the settings point to must stay where they are
  // until `run` has returned. Raises what Parameter::bind and, where the step depends on norms,
  // Parameter::task_in_c_order do.
  void bind(Parameter& parameter, py::object& grad, const WrittenMemory& written,
            const Settings& settings);

  // How much there is to step.
  std::int64_t bytes() const { return tasks_.bytes() + reductions_.bytes(); }

  // Steps all that were bound or, where the guard forbids it, none, and returns false. Needs no
  // GIL; allocates nothing.
  bool run() noexcept;

  // After `run`: the norm of all gradients, where it was asked for.
  std::optional<double> norm() const { return gradient_pass_.norm(); }

  // Raises FloatingPointError where the guard has forbidden the step.
  [[noreturn]] void throw_not_finite() const { gradient_pass_.throw_not_finite(); }

 private:
  struct Part {
    Parameter* parameter = nullptr;
    Settings settings;
    Coefficients* adapted = nullptr;  // those of its own, where the step depends on norms
  };

  // Returns whether the parameter is stepped with its reduced states.
  bool bind_more(Parameter& parameter, PyObject* grad, const Settings& settings);
  void prepare() noexcept;
  const Coefficients& prepare_more(Part& part, const Kernel& kernel, std::int64_t step) noexcept;
  void adapt() noexcept;

  bool more_, begins_;
  std::vector<Part> parts_;
  std::uint64_t seed_ = 0;
  GradientPass gradient_pass_;
  CoefficientCache coefficients_;
  ParameterNorms norms_;
  Reductions reductions_;
  TaskLine tasks_;
};

}  // namespace instep
