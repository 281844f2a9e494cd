// The step of a state with one number for each row of its parameter: the mean of squares over the
// row, the new state, and the factor that the loop meets in its place. The same bits for any
// layout, cut and number of threads: the squares of a row are summed in blocks of elements in C
// order, the blocks in pairs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/stream.hpp"
#include "engine/task.hpp"

namespace instep {

// Of one parameter.
class Reduction {
 public:
  // Of rows of so many elements, which a task has one after another or not. May throw.
  Reduction(std::int64_t rows, std::int64_t columns, bool row_by_row, DType working);

  // What is reduced: a task of the parameter alone, in C order, and its gradient.
  void set_source(Task source) noexcept { source_ = std::move(source); }
  void set_grad(Stream stream) noexcept { source_.set_grad(std::move(stream)); }
  // One number for each row.
  void set_state(Stream stream) noexcept { state_ = std::move(stream); }

  // Of the working type, for each row; they stay where they are.
  char* factors() { return reinterpret_cast<char*>(factors_.data()); }

  // Whether it steps the parameter, too: short rows while they are in cache.
  bool steps_all() const { return row_by_row_ && column_blocks_ == 1; }

  // What steps the parameter, with its kernel and coefficients.
  void prepare(const Task& step) noexcept;

  // The work is in pieces that depend on no other, and later ones that depend on all of them. They
  // allocate nothing.
  std::int64_t pieces() const {
    return column_blocks_ == 1 ? row_pieces() : rows_ * column_blocks_;
  }
  void run(std::int64_t piece) noexcept;
  std::int64_t later_pieces() const { return column_blocks_ == 1 ? 0 : row_pieces(); }
  void run_later(std::int64_t piece) noexcept;

 private:
  static constexpr std::int64_t most_rows_at_once = 256;

  std::int64_t row_pieces() const { return (rows_ + rows_at_once_ - 1) / rows_at_once_; }
  void step_states(std::int64_t first, std::int64_t rows, const double* sums) noexcept;

  std::int64_t rows_, columns_, column_blocks_, rows_at_once_;
  bool row_by_row_;
  DType working_;
  Task source_;
  const Task* step_ = nullptr;
  Stream state_;
  std::vector<double> sums_;     // of the blocks of each row, where there are several
  std::vector<double> factors_;  // room for them
};

// Of all parameters of a call, shared among threads.
class Reductions {
 public:
  void clear() {
    reductions_.clear();
    bytes_ = 0;
  }
  // Both must stay where they are until `run` has returned.
  void add(Reduction& reduction, const Task& step) {
    reductions_.push_back({&reduction, &step});
    bytes_ += step.bytes();
  }
  std::int64_t bytes() const { return bytes_; }
  // What is stepped has its kernel and coefficients. Allocates nothing.
  void run(bool flush_subnormals) const noexcept;

 private:
  struct Each {
    Reduction* reduction = nullptr;
    const Task* step = nullptr;
  };

  template <class Pieces, class Run>
  void share_pieces(bool flush_subnormals, Pieces pieces, Run run) const noexcept;

  std::vector<Each> reductions_;
  std::int64_t bytes_ = 0;
};

}  // namespace instep
