// Of a state with one number for each row: the mean of squares over the row, the new state, and its
// factor. The squares of a row are summed in blocks of elements in C order, the blocks in pairs.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/reduction.hpp"

namespace instep {

class RowReduction final : public Reduction {
 public:
  // Of rows of so many elements, which a task has one after another or not. May throw.
  RowReduction(std::int64_t rows, std::int64_t columns, bool row_by_row, DType working);

  void set_state(StateShape, Stream stream) noexcept override { state_ = std::move(stream); }
  char* factors(StateShape) override { return factors_.data(); }

  // Short rows while they are in cache.
  bool steps_all() const override { return row_by_row_ && column_blocks_ == 1; }

  std::int64_t pieces(int turn) const override;
  void run(int turn, std::int64_t piece) noexcept override;

 private:
  std::int64_t row_pieces() const { return (rows_ + rows_at_once_ - 1) / rows_at_once_; }
  void sum_block(std::int64_t piece) noexcept;
  void step_rows(std::int64_t piece) noexcept;

  std::int64_t rows_, columns_, column_blocks_, rows_at_once_;
  bool row_by_row_;
  Stream state_;
  std::vector<double> sums_;  // of the blocks of each row, where there are several
  Factors factors_;
};

}  // namespace instep
