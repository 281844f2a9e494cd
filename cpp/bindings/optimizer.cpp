#include "bindings/optimizer.hpp"

#include <pybind11/stl.h>

#include <cstring>
#include <stdexcept>
#include <utility>

#include "bindings/attribute_change.hpp"
#include "bindings/gil.hpp"
#include "bindings/pending_copies.hpp"
#include "bindings/python_attributes.hpp"
#include "engine/fp_mode.hpp"
#include "kernels/select.hpp"

namespace instep {
namespace {

// What a step of these parameters writes, against which their next gradients are checked.
WrittenMemory written_by(std::vector<Parameter>& parameters) {
  WrittenMemory written;
  for (Parameter& parameter : parameters) {
    parameter.add_to(written);
    parameter.forget_gradient();
  }
  written.settle();
  return written;
}

// Of the parameters that have copies.
std::vector<Task> copying_tasks(const std::vector<Parameter>& parameters) {
  std::vector<Task> tasks;
  for (const Parameter& parameter : parameters) {
    if (!parameter.copy().is_none()) tasks.push_back(parameter.dense_task());
  }
  return tasks;
}

void write_copies(const std::vector<Task>& tasks) {
  std::int64_t bytes = 0;
  for (const Task& task : tasks) bytes += task.bytes();
  without_gil(bytes, [&tasks] {
    const StepMode mode;
    for (const Task& task : tasks) task.write_copy();
  });
}

Counts new_counts(std::int64_t steps, const std::vector<double>& scalars, const Rule& rule) {
  Counts counts;
  counts.steps = steps;
  for (int k = 0; k < rule.scalar_count; ++k) counts.scalars[k] = scalars.at(std::size_t(k));
  return counts;
}

[[noreturn]] void throw_in_eval_mode() {
  throw std::runtime_error(
      "step: expected parameters at the point from which they are stepped, got an optimizer in "
      "eval mode; call its train() first");
}

}  // namespace

// A step's turn and its references, let go however the step ends.
class Optimizer::StepScope {
 public:
  explicit StepScope(Optimizer& optimizer) : optimizer_(optimizer) { optimizer_.take_turn(); }
  ~StepScope() {
    if (!has_turn_) return;
    optimizer_.grads_.clear();
    optimizer_.give_turn();
  }
  StepScope(const StepScope&) = delete;
  StepScope& operator=(const StepScope&) = delete;

  void end() {
    has_turn_ = false;
    optimizer_.give_turn();
  }

 private:
  Optimizer& optimizer_;
  bool has_turn_ = true;
};

Optimizer::Optimizer(const std::string& rule, std::uint64_t seed)
    : rule_(&find_rule(chosen_table(), rule)), call_(*rule_, true, chosen_table()) {
  set_seed(seed);
}

void Optimizer::take_turn() {
  if (turn_.try_take()) return;
  const py::gil_scoped_release release;
  turn_.take();
}

void Optimizer::step(PyObject* self, PyObject* grads, double grad_scale) {
  StepScope scope(*this);
  const Options& options = asks_first_ ? ask_first(self) : options_;
  collect(grads, structure_, parameters_, grads_);
  bind(options, grad_scale);
  bool admitted = false;
  if (call_.bytes() < least_bytes_to_release_gil) {
    admitted = run();
  } else {
    Gradients held;
    held.swap(grads_);
    const py::gil_scoped_release release;
    {
      const Gate gate;
      admitted = run();
    }
    // Before the GIL is waited for, which a thread that waits for this turn may hold.
    if (admitted) scope.end();
  }
  if (!admitted) refuse();
}

const Optimizer::Options& Optimizer::ask_first(PyObject* self) {
  if (!train_mode_) throw_in_eval_mode();
  const auto numbers = py::handle(self)
                           .attr(python_attributes::scheduled_numbers)(steps())
                           .cast<std::vector<double>>();
  next_options_ = options_;
  for (std::size_t k = 0; k < scheduled_.size(); ++k) {
    const auto [group, option] = scheduled_[k];
    next_options_.at(group).at(option) = numbers.at(k);
  }
  return next_options_;
}

// All that can fail, but for the guard against gradients that are not finite.
void Optimizer::bind(const Options& options, double grad_scale) {
  call_.begin(parameters_.size(), options.size(), gradient_options_, grad_scale);
  for (std::size_t k = 0; k < parameters_.size(); ++k) {
    if (grads_[k].is_none()) continue;
    const std::size_t group = groups_[k];
    call_.bind(parameters_[k], grads_[k], written_, {options[group].data(), group, &counts_[k]});
  }
}

// False where the guard forbids the step.
bool Optimizer::run() noexcept {
  const bool admitted = call_.run();
  if (admitted || gradient_options_.nonfinite == Nonfinite::skip) set_last_grad_norm(call_.norm());
  if (admitted) {
    if (asks_first_) options_.swap(next_options_);
    ++steps_;
  }
  return admitted;
}

void Optimizer::refuse() {
  if (gradient_options_.nonfinite != Nonfinite::skip) call_.throw_not_finite();
  ++skipped_steps_;
}

void Optimizer::add_group(const py::object& self, const NewGroup& group) {
  const Structure structure = structure_named(group.structure);
  const std::size_t index = options_.size(), count = parameters_.size() + group.params.size();
  std::vector<Parameter> parameters = parameters_;
  parameters.reserve(count);
  for (std::size_t k = 0; k < group.params.size(); ++k) {
    const auto position =
        structure == Structure::array ? Py_ssize_t(-1) : Py_ssize_t(parameters.size());
    parameters.emplace_back(*rule_, group.names.at(k), position, group.params[k]);
    parameters.back().set_states(group.states(k).cast<std::vector<py::object>>(),
                                 group.copies.at(k), {group.by_chance, group.numbers.at(k)});
  }
  WrittenMemory written = written_by(parameters);
  groups_.reserve(count);
  counts_.reserve(count);
  options_.reserve(index + 1);
  std::vector<double> options = group.options;
  const Counts counts = new_counts(0, group.scalars, *rule_);
  Scheduled scheduled = group.scheduled;
  const AttributeChange shown({self}, python_attributes::groups, {group.groups});
  // From here on nothing fails.
  parameters_.swap(parameters);
  groups_.resize(count, index);
  counts_.resize(count, counts);
  options_.push_back(std::move(options));
  structure_ = structure;
  install(scheduled);
  std::swap(written_, written);
}

void Optimizer::rebind(const std::vector<py::object>& groups,
                       const std::vector<py::object>& params) {
  std::vector<Parameter> parameters;
  parameters.reserve(parameters_.size());
  for (const py::object& of_group : params) {
    for (const py::handle param : of_group) {
      parameters.push_back(
          parameters_.at(parameters.size()).over(py::reinterpret_borrow<py::object>(param)));
    }
  }
  WrittenMemory written = written_by(parameters);
  const std::vector<Task> tasks = copying_tasks(parameters);
  const AttributeChange shown(groups, python_attributes::params, params);
  // From here on nothing fails.
  parameters_.swap(parameters);
  std::swap(written_, written);
  write_copies(tasks);
}

void Optimizer::exchange(bool train_mode) {
  if (train_mode == train_mode_) return;
  if (rule_->kept == nullptr) throw std::logic_error("this rule has one point");
  std::vector<Coefficients> of_groups(options_.size());
  for (std::size_t group = 0; group < options_.size(); ++group) {
    const double kept = rule_->kept(options_[group].data(), train_mode);
    std::memcpy(of_groups[group].bytes, &kept, sizeof kept);
  }
  std::vector<Task> tasks;
  tasks.reserve(parameters_.size());
  TaskLine line;
  line.reserve(parameters_.size());
  for (std::size_t k = 0; k < parameters_.size(); ++k) {
    const Parameter& parameter = parameters_[k];
    if (counts_[k].steps == 0 || parameter.size() == 0) continue;
    Task& task = tasks.emplace_back(parameter.exchange_task(train_mode));
    task.kernel = &chosen_table().exchanges[parameter.dtype()];
    task.coefficients = &of_groups[groups_[k]];
    task.random_key = random_key(seed_, counts_[k].steps, parameter.number());
    line.add(task);
  }
  // From here on nothing fails.
  without_gil(line.bytes(), [&line] { line.step(false); });
  set_train_mode(train_mode);
}

void Optimizer::set_train_mode(bool train_mode) noexcept {
  train_mode_ = train_mode;
  asks_first_ = !train_mode || !scheduled_.empty();
}

void Optimizer::install(Scheduled& scheduled) noexcept {
  scheduled_.swap(scheduled);
  set_train_mode(train_mode_);
}

void Optimizer::install(Hyperparameters& hyperparameters) noexcept {
  options_.swap(hyperparameters.options);
  install(hyperparameters.scheduled);
}

void Optimizer::install(const Progress& progress, AllCounts& counts) noexcept {
  counts_.swap(counts);
  steps_ = progress.steps;
  set_train_mode(progress.train_mode);
  skipped_steps_ = progress.skipped_steps;
  set_seed(progress.seed);
  set_last_grad_norm(progress.last_grad_norm);
}

void Optimizer::set_hyperparameters(Hyperparameters hyperparameters) {
  const AttributeChange shown(hyperparameters.groups, python_attributes::values,
                              hyperparameters.values);
  install(hyperparameters);
}

void Optimizer::set_gradient_options(const py::object& self, const py::object& mapping) {
  const GradientOptions options = read_gradient_options(mapping);
  const AttributeChange shown({self}, python_attributes::gradient_options, {mapping});
  gradient_options_ = options;
}

void Optimizer::replace(const std::vector<std::vector<py::object>>& states,
                        const std::vector<py::object>& params, const Progress& progress,
                        Hyperparameters hyperparameters) {
  AllCounts counts = counts_of(progress);
  PendingCopies copies;
  for (std::size_t k = 0; k < parameters_.size(); ++k) {
    parameters_[k].add_copies(states.at(k), params.empty() ? py::none() : params.at(k), copies);
  }
  const std::vector<Task> tasks = params.empty() ? std::vector<Task>() : copying_tasks(parameters_);
  const AttributeChange shown(hyperparameters.groups, python_attributes::values,
                              hyperparameters.values);
  // From here on nothing fails.
  copies.run();
  write_copies(tasks);
  install(progress, counts);
  install(hyperparameters);
}

Optimizer::AllCounts Optimizer::counts_of(const Progress& progress) const {
  const std::size_t given = progress.param_steps.size();
  if (given != parameters_.size()) {
    throw py::value_error("param_steps: expected " + std::to_string(parameters_.size()) + ", got " +
                          std::to_string(given));
  }
  AllCounts counts;
  counts.reserve(given);
  for (std::size_t k = 0; k < given; ++k) {
    counts.push_back(new_counts(progress.param_steps[k], progress.scalars.at(k), *rule_));
  }
  return counts;
}

std::optional<double> Optimizer::last_grad_norm() const {
  const double norm = last_grad_norm_;
  return norm == no_norm ? std::nullopt : std::optional<double>(norm);
}

void Optimizer::set_first_indices(const std::vector<std::int64_t>& indices) {
  for (std::size_t k = 0; k < parameters_.size(); ++k)
    parameters_[k].set_first_index(indices.at(k));
}

void Optimizer::set_progress(const Progress& progress) {
  AllCounts counts = counts_of(progress);
  install(progress, counts);
}

}  // namespace instep
