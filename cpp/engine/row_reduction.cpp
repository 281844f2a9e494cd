#include "engine/row_reduction.hpp"

#include <algorithm>

#include "engine/sum_in_pairs.hpp"

namespace instep {

RowReduction::RowReduction(std::int64_t rows, std::int64_t columns, bool row_by_row, DType working)
    : rows_(rows),
      columns_(columns),
      column_blocks_((columns + norm_block - 1) / norm_block),
      // What is summed is met again in L1.
      rows_at_once_(std::clamp<std::int64_t>(norm_block / columns, 1, states_at_once)),
      row_by_row_(row_by_row),
      sums_(column_blocks_ == 1 ? 0 : std::size_t(rows * column_blocks_)),
      factors_(rows, working) {}

std::int64_t RowReduction::pieces(int turn) const {
  if (turn == 0) return column_blocks_ == 1 ? row_pieces() : rows_ * column_blocks_;
  return turn == 1 && column_blocks_ > 1 ? row_pieces() : 0;
}

void RowReduction::run(int turn, std::int64_t piece) noexcept {
  if (turn == 0 && column_blocks_ > 1) {
    sum_block(piece);
  } else {
    step_rows(piece);
  }
}

void RowReduction::sum_block(std::int64_t piece) noexcept {
  const std::int64_t row = piece / column_blocks_, column = piece % column_blocks_ * norm_block;
  const std::int64_t begin = row * columns_ + column,
                     length = std::min(columns_ - column, norm_block);
  RunSums sums = {length, &sums_[std::size_t(piece)]};
  source().add_squares(begin, begin + length, sums);
}

void RowReduction::step_rows(std::int64_t piece) noexcept {
  const std::int64_t first = piece * rows_at_once_, rows = std::min(rows_ - first, rows_at_once_);
  const std::int64_t begin = first * columns_, end = (first + rows) * columns_;
  double sums[states_at_once];
  if (column_blocks_ == 1) {
    RunSums run_sums = {columns_, sums};
    source().add_squares(begin, end, run_sums);
  } else {
    for (std::int64_t k = 0; k < rows; ++k) {
      sums[k] = sum_in_pairs(&sums_[std::size_t((first + k) * column_blocks_)],
                             std::size_t(column_blocks_));
    }
  }
  step_states(state_, first, rows, sums, columns_, [&](const void* states) {
    reducing().row_factors(states, 0.0, rows, coefficients(), factors_.at(first));
  });
  if (steps_all()) step().step(begin, end);
}

}  // namespace instep
