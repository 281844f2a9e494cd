// The step of a state with one number for each row of its parameter: the mean of squares over the
// row, the new state, and the factor that the loop meets in its place. The same bits for any
// layout, cut and number of threads: the squares of a row are summed in blocks of elements in C
// order, the blocks in pairs.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/stream.hpp"
#include "engine/task.hpp"

namespace instep {

// Of one parameter.
class Reduction {
 public:
  // Of rows of so many elements. May throw.
  Reduction(std::int64_t rows, std::int64_t columns, DType working);

  // What is reduced: a task of the parameter alone, in C order, and its gradient.
  void set_source(Task source) noexcept { source_ = std::move(source); }
  void set_grad(Stream stream) noexcept { source_.set_grad(std::move(stream)); }
  // One number for each row.
  void set_state(Stream stream) noexcept { state_ = std::move(stream); }

  // By what the parameter is stepped.
  void prepare(const Task& step) noexcept;

  // Of the working type, for each row; they stay where they are.
  char* factors() { return reinterpret_cast<char*>(factors_.data()); }

  std::int64_t bytes() const { return source_.bytes(); }

  // The work is in two passes of pieces that depend on none of the same pass. Allocate nothing.
  std::int64_t sum_pieces() const { return row_blocks_ * column_blocks_; }
  void sum(std::int64_t piece) noexcept;
  std::int64_t step_pieces() const { return row_blocks_; }
  void step(std::int64_t piece) noexcept;

 private:
  std::int64_t end_of_block(std::int64_t row_block) const;

  std::int64_t rows_, columns_, row_blocks_, column_blocks_;
  DType working_;
  Task source_;
  Stream state_;
  std::vector<double> sums_;     // for each row, of its blocks
  std::vector<double> factors_;  // room for them
};

// Of all parameters of a call, shared among threads.
class Reductions {
 public:
  void clear() {
    reductions_.clear();
    bytes_ = 0;
  }
  void reserve(std::size_t count) { reductions_.reserve(count); }
  // Both must stay where they are until `run` has returned.
  void add(Reduction& reduction, const Task& step) {
    reductions_.push_back({&reduction, &step});
    bytes_ += reduction.bytes();
  }
  // What is stepped has its kernel and coefficients. Allocates nothing.
  void run(bool flush_subnormals) const noexcept;

  struct Each {
    Reduction* reduction = nullptr;
    const Task* step = nullptr;
  };

 private:
  std::vector<Each> reductions_;
  std::int64_t bytes_ = 0;
};

}  // namespace instep
