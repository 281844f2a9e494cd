#include "engine/matrix_reduction.hpp"

#include <algorithm>

#include "engine/blocks.hpp"
#include "engine/parallel.hpp"
#include "engine/sum_in_pairs.hpp"

namespace instep {
namespace {

// Part of what decides the bits.
constexpr std::int64_t rows_of_block = 64;

static_assert((states_at_once & (states_at_once - 1)) == 0,
              "pairs of sums of pieces would be others than pairs of all");

std::int64_t blocks(std::int64_t length, std::int64_t block) {
  return (length + block - 1) / block;
}

}  // namespace

MatrixReduction::MatrixReduction(std::int64_t matrices, std::int64_t rows, std::int64_t columns,
                                 DType working)
    : matrices_(matrices),
      rows_(rows),
      columns_(columns),
      row_blocks_(blocks(rows, rows_of_block)),
      column_blocks_(blocks(columns, norm_block)),
      matrices_at_once_(std::clamp<std::int64_t>(norm_block / (rows * columns), 1,
                                                 std::max(states_at_once / rows, std::int64_t(1)))),
      row_factors_(matrices * rows, working),
      column_factors_(matrices * columns, working) {
  if (is_small()) return;
  row_sums_.resize(std::size_t(matrices * rows * column_blocks_));
  if (row_blocks_ > 1) column_sums_.resize(std::size_t(matrices * row_blocks_ * columns));
  state_sums_.resize(std::size_t(matrices * row_pieces()));
}

std::int64_t MatrixReduction::pieces(int turn) const {
  if (is_small()) return turn == 0 ? blocks(matrices_, matrices_at_once_) : 0;
  switch (turn) {
    case 0:
      return matrices_ * row_blocks_ * column_blocks_;
    case 1:
      return matrices_ * (row_pieces() + (row_blocks_ == 1 ? 0 : column_pieces()));
    case 2:
      return matrices_;
    default:
      return matrices_ * row_pieces();
  }
}

void MatrixReduction::run(int turn, std::int64_t piece) noexcept {
  if (is_small()) return step_small(piece);
  const std::int64_t of_rows = matrices_ * row_pieces();
  switch (turn) {
    case 0:
      return sum_block(piece);
    case 1:
      return piece < of_rows ? step_rows(piece) : add_blocks(piece - of_rows);
    case 2:
      return find_mean(piece);
    default:
      return factor_rows(piece);
  }
}

void MatrixReduction::step_small(std::int64_t piece) noexcept {
  const std::int64_t first = piece * matrices_at_once_;
  const std::int64_t matrices = std::min(matrices_ - first, matrices_at_once_);
  const std::int64_t rows = matrices * rows_, columns = matrices * columns_;
  double row_sums[states_at_once], column_sums[norm_block];
  static_assert(sizeof(row_sums) + sizeof(column_sums) + sizeof(Scratch) + sizeof(Blocks) +
                    sizeof(double[states_at_once]) + 2 * sizeof(Cursor) <=
                most_stack);
  std::fill_n(column_sums, columns, 0.0);
  RunSums sums = {columns_, row_sums, column_sums, rows_};
  const std::int64_t begin = first * rows_ * columns_;
  source().add_squares(begin, begin + rows * columns_, sums);

  step_states(row_state_, first * rows_, rows, row_sums, columns_, [&](const char* states) {
    for (std::int64_t row = 0; row < rows; row += rows_) {
      const double mean = sum_in_pairs(row_sums + row, std::size_t(rows_)) / double(rows_);
      reducing().row_factors(states + row * row_factors_.item_size(), mean, rows_, coefficients(),
                             row_factors_.at(first * rows_ + row));
    }
  });
  step_columns(first * columns_, columns, column_sums);
}

void MatrixReduction::sum_block(std::int64_t piece) noexcept {
  const std::int64_t column_block = piece % column_blocks_,
                     first_column = column_block * norm_block;
  const std::int64_t length = std::min(columns_ - first_column, norm_block);
  piece /= column_blocks_;
  const std::int64_t matrix = piece / row_blocks_;
  const std::int64_t in_matrix = piece % row_blocks_ * rows_of_block;
  const std::int64_t rows = std::min(rows_ - in_matrix, rows_of_block);
  const std::int64_t first = matrix * rows_ + in_matrix;
  double room[norm_block];
  double* const column_sums =
      row_blocks_ == 1 ? room : &column_sums_[std::size_t(piece * columns_ + first_column)];
  std::fill_n(column_sums, length, 0.0);
  if (column_blocks_ == 1) {
    RunSums sums = {columns_, &row_sums_[std::size_t(first)], column_sums, rows};
    source().add_squares(first * columns_, (first + rows) * columns_, sums);
  } else {
    for (std::int64_t row = first; row < first + rows; ++row) {
      RunSums sums = {length, &row_sums_[std::size_t(row * column_blocks_ + column_block)],
                      column_sums, rows};
      const std::int64_t begin = row * columns_ + first_column;
      source().add_squares(begin, begin + length, sums);
    }
  }
  if (row_blocks_ == 1) step_columns(matrix * columns_ + first_column, length, column_sums);
}

void MatrixReduction::step_rows(std::int64_t piece) noexcept {
  const std::int64_t in_matrix = piece % row_pieces() * states_at_once;
  // Never less than one, which clang-tidy does not see by itself.
  const std::int64_t count = std::clamp<std::int64_t>(rows_ - in_matrix, 1, states_at_once);
  const std::int64_t first = piece / row_pieces() * rows_ + in_matrix;
  double sums[states_at_once];
  for (std::int64_t k = 0; k < count; ++k) {
    sums[k] = sum_in_pairs(&row_sums_[std::size_t((first + k) * column_blocks_)],
                           std::size_t(column_blocks_));
  }
  step_states(row_state_, first, count, sums, columns_, [](const char*) {});
  state_sums_[std::size_t(piece)] = sum_in_pairs(sums, std::size_t(count));
}

void MatrixReduction::add_blocks(std::int64_t piece) noexcept {
  const std::int64_t matrix = piece / column_pieces();
  const std::int64_t first = piece % column_pieces() * states_at_once;
  const std::int64_t count = std::min(columns_ - first, states_at_once);
  double* const sums = &column_sums_[std::size_t(matrix * row_blocks_ * columns_ + first)];
  // As sum_in_pairs, of many at once.
  for (std::int64_t left = row_blocks_; left > 1; left = (left + 1) / 2) {
    for (std::int64_t block = 0; block < left / 2; ++block) {
      double* const to = sums + block * columns_;
      const double* const from = sums + 2 * block * columns_;
      for (std::int64_t k = 0; k < count; ++k) to[k] = from[k] + from[columns_ + k];
    }
    if (left % 2 == 1) std::copy_n(sums + (left - 1) * columns_, count, sums + left / 2 * columns_);
  }
  step_columns(matrix * columns_ + first, count, sums);
}

void MatrixReduction::step_columns(std::int64_t first, std::int64_t count, double* sums) noexcept {
  for (std::int64_t k = 0; k < count; k += states_at_once) {
    const std::int64_t n = std::min(count - k, states_at_once);
    step_states(column_state_, first + k, n, sums + k, rows_, [&](const char* states) {
      reducing().column_factors(states, n, coefficients(), column_factors_.at(first + k));
    });
  }
}

void MatrixReduction::find_mean(std::int64_t matrix) noexcept {
  double* const sums = &state_sums_[std::size_t(matrix * row_pieces())];
  sums[0] = sum_in_pairs(sums, std::size_t(row_pieces())) / double(rows_);
}

void MatrixReduction::factor_rows(std::int64_t piece) noexcept {
  const std::int64_t matrix = piece / row_pieces();
  const std::int64_t in_matrix = piece % row_pieces() * states_at_once;
  const std::int64_t count = std::min(rows_ - in_matrix, states_at_once);
  const std::int64_t first = matrix * rows_ + in_matrix;
  double states[states_at_once];
  Cursor cursor;
  cursor.go(row_state_, first);
  cursor.gather(count, states);
  reducing().row_factors(states, state_sums_[std::size_t(matrix * row_pieces())], count,
                         coefficients(), row_factors_.at(first));
}

}  // namespace instep
