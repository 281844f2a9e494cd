// The step of states that have other numbers than their parameter: what is reduced of its
// gradient, the new states, and the factors that the loop meets in their place. The same bits for
// any layout, cut and number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/cursor.hpp"
#include "engine/stream.hpp"
#include "engine/task.hpp"
#include "kernels/table.hpp"

namespace instep {

// So many states are stepped at once.
constexpr std::int64_t states_at_once = 256;

// In so many turns a reduction does its work: pieces that depend on none of the same turn, and on
// all of the turns before.
constexpr int reduction_turns = 4;

// Room for the factors of a state, of the working type; they stay where they are.
class Factors {
 public:
  Factors(std::int64_t count, DType working)
      : item_size_(instep::item_size(working)),
        room_((std::size_t(count * item_size_) + sizeof(double) - 1) / sizeof(double)) {}
  std::int64_t item_size() const { return item_size_; }
  char* data() { return reinterpret_cast<char*>(room_.data()); }
  char* at(std::int64_t index) { return data() + index * item_size_; }

 private:
  std::int64_t item_size_;
  std::vector<double> room_;
};

// Of one parameter.
class Reduction {
 public:
  Reduction() = default;
  Reduction(const Reduction&) = delete;
  Reduction& operator=(const Reduction&) = delete;
  virtual ~Reduction() = default;

  // What is reduced: a task of the parameter alone, in C order, and its gradient.
  void set_source(Task source) noexcept { source_ = std::move(source); }
  void set_grad(Stream stream) noexcept { source_.set_grad(std::move(stream)); }
  virtual void set_state(StateShape shape, Stream stream) noexcept = 0;

  // Of the states of this shape, one for each.
  virtual char* factors(StateShape shape) = 0;

  // Whether it steps the parameter, too.
  virtual bool steps_all() const { return false; }

  // What steps the parameter, with its kernel and coefficients.
  void prepare(const Task& step) noexcept {
    source_.work_as(step);
    step_ = &step;
  }

  virtual std::int64_t pieces(int turn) const = 0;
  // Allocates nothing.
  virtual void run(int turn, std::int64_t piece) noexcept = 0;

 protected:
  const Task& source() const { return source_; }
  const Task& step() const { return *step_; }
  const Reducing& reducing() const { return *source_.kernel->reducing; }
  const Coefficients& coefficients() const { return *source_.coefficients; }

  // Steps at most `states_at_once` states from `first` on by the sums of so many squares each,
  // which become the states, and calls factor(states).
  template <class Factor>
  void step_states(const Stream& stream, std::int64_t first, std::int64_t count, double* sums,
                   std::int64_t squares, Factor factor) const noexcept {
    for (std::int64_t k = 0; k < count; ++k) sums[k] = sums[k] / double(squares);
    double states[states_at_once];
    Cursor cursor;
    cursor.go(stream, first);
    cursor.gather(count, states);
    reducing().take(states, sums, count, coefficients());
    cursor.scatter(count, states);
    factor(reinterpret_cast<const char*>(states));
  }

 private:
  Task source_;
  const Task* step_ = nullptr;
};

}  // namespace instep
