// An optimizer's part in C++: parameters, states, options in numbers, counts, and the step.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bindings/call.hpp"
#include "bindings/gradients.hpp"
#include "bindings/optimizer_arguments.hpp"
#include "bindings/watched.hpp"
#include "engine/gate.hpp"

namespace instep {

class Optimizer {
 public:
  using Options = std::vector<std::vector<double>>;  // of each group, in the rule's order
  using AllCounts = std::vector<Counts>;             // of each parameter

  Optimizer(const std::string& rule, std::uint64_t seed);
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  // One step with the gradients divided by `grad_scale`. `self` is the Python object, which is
  // asked for the options that are scheduled. Does it all, or raises with everything as it was.
  void step(PyObject* self, PyObject* grads, double grad_scale);

  // Waits for the turn, without the GIL meanwhile. Throws std::logic_error when the calling thread
  // has it.
  void take_turn();
  // Needs no GIL; has the turn.
  void give_turn() { turn_.give(); }

  // Each of the following does all or raises with everything as it was, what Python shows of it
  // included: an interrupt in Python code finds it done or not begun.

  // Has the turn.
  void add_group(const py::object& self, const NewGroup& group);
  // Steps other arrays from now on, a tuple for each group, with the states that there are, and
  // copies these arrays to what gets them. Has the turn.
  void rebind(const std::vector<py::object>& groups, const std::vector<py::object>& params);
  // Brings the parameters that were ever stepped to the point at which they are stepped, or to the
  // other, of rules that have two; where they are there already, does nothing. Has the turn.
  void exchange(bool train_mode);
  // Has the turn.
  void set_hyperparameters(Hyperparameters hyperparameters);
  // Has the turn.
  void set_gradient_options(const py::object& self, const py::object& mapping);

  // Copies the states of each parameter (as Parameter::set_states takes them) and where `params` is
  // not empty the parameters, also to what gets these. None of these arrays is one of the
  // optimizer's own. Has the turn.
  void replace(const std::vector<std::vector<py::object>>& states,
               const std::vector<py::object>& params, const Progress& progress,
               Hyperparameters hyperparameters);

  // For each parameter the index of its first element, where it is a part of an array of which the
  // random bits are to be those of that array. Has the turn.
  void set_first_indices(const std::vector<std::int64_t>& indices);

  // Raises unless there is a count for each parameter. Has the turn.
  void set_progress(const Progress& progress);

  // Has the turn.
  const Options& options() const { return options_; }

  Structure structure() const { return structure_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  std::int64_t steps() const { return steps_; }
  const AllCounts& counts() const { return counts_; }
  AllCounts& counts() { return counts_; }
  std::size_t scalar_count() const { return std::size_t(rule_->scalar_count); }
  bool train_mode() const { return train_mode_; }
  std::int64_t skipped_steps() const { return skipped_steps_; }
  std::uint64_t seed() const { return seed_; }
  // The norm of all gradients of the last step, where it was asked for.
  std::optional<double> last_grad_norm() const;

 private:
  class StepScope;

  static constexpr double no_norm = -1.0;  // which is no norm; NaN may be one

  void install(Scheduled& scheduled) noexcept;
  void set_train_mode(bool train_mode) noexcept;
  void install(Hyperparameters& hyperparameters) noexcept;
  void install(const Progress& progress, AllCounts& counts) noexcept;
  AllCounts counts_of(const Progress& progress) const;
  void set_seed(std::uint64_t seed) {
    seed_ = seed;
    call_.set_seed(seed);
  }
  void set_last_grad_norm(std::optional<double> norm) { last_grad_norm_ = norm.value_or(no_norm); }
  // The options of the next step.
  const Options& ask_first(PyObject* self);
  void bind(const Options& options, double grad_scale);
  bool run() noexcept;
  void refuse();

  const Rule* rule_;
  Structure structure_ = Structure::sequence;
  Options options_;
  std::vector<Parameter> parameters_;
  std::vector<std::size_t> groups_;  // of each parameter
  AllCounts counts_;
  Watched<std::int64_t> steps_ = 0, skipped_steps_ = 0;
  Watched<bool> train_mode_ = true;  // whether the parameters are where they can be stepped
  Watched<double> last_grad_norm_ = no_norm;
  Watched<std::uint64_t> seed_;
  WrittenMemory written_;
  GradientOptions gradient_options_;
  Scheduled scheduled_;
  // Whether a step may not be taken, or takes numbers from callables: for the usual one an
  // instruction less than to ask twice.
  bool asks_first_ = false;
  Turn turn_;

  // Of the step in progress; members to keep their memory.
  Options next_options_;
  Gradients grads_;
  Call call_;
};

}  // namespace instep
