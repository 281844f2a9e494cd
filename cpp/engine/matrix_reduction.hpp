// Of states with one number for each row and for each column of matrices: the means of squares over
// rows and columns, the new states, and their factors, those of rows by the mean of the new states
// of the matrix. The squares of a row are summed as those of any row; of a column, in blocks of so
// many rows one after another, the blocks in pairs.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/reduction.hpp"

namespace instep {

class MatrixReduction final : public Reduction {
 public:
  // May throw.
  MatrixReduction(std::int64_t matrices, std::int64_t rows, std::int64_t columns, DType working);

  void set_state(StateShape shape, Stream stream) noexcept override {
    (shape == StateShape::rows ? row_state_ : column_state_) = std::move(stream);
  }
  char* factors(StateShape shape) override {
    return (shape == StateShape::rows ? row_factors_ : column_factors_).data();
  }

  std::int64_t pieces(int turn) const override;
  void run(int turn, std::int64_t piece) noexcept override;

 private:
  // A matrix of one block is stepped in one piece, with others.
  bool is_small() const { return row_blocks_ == 1 && column_blocks_ == 1; }
  std::int64_t row_pieces() const { return (rows_ + states_at_once - 1) / states_at_once; }
  std::int64_t column_pieces() const { return (columns_ + states_at_once - 1) / states_at_once; }

  void step_small(std::int64_t piece) noexcept;
  void sum_block(std::int64_t piece) noexcept;
  void step_rows(std::int64_t piece) noexcept;
  void add_blocks(std::int64_t piece) noexcept;
  void step_columns(std::int64_t first, std::int64_t count, double* sums) noexcept;
  void find_mean(std::int64_t matrix) noexcept;
  void factor_rows(std::int64_t piece) noexcept;

  std::int64_t matrices_, rows_, columns_, row_blocks_, column_blocks_, matrices_at_once_;
  Stream row_state_, column_state_;
  // Where a matrix has several blocks: for each row those of its blocks; for each of several blocks
  // of rows those of its columns; for each matrix those of its pieces of new states, then their
  // mean.
  std::vector<double> row_sums_, column_sums_, state_sums_;
  Factors row_factors_, column_factors_;
};

}  // namespace instep
