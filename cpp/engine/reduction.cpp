#include "engine/reduction.hpp"

#include <algorithm>

#include "engine/cursor.hpp"
#include "engine/parallel.hpp"
#include "engine/sum_in_pairs.hpp"

namespace instep {

Reduction::Reduction(std::int64_t rows, std::int64_t columns, bool row_by_row, DType working)
    : rows_(rows),
      columns_(columns),
      column_blocks_((columns + norm_block - 1) / norm_block),
      // What is summed is met again in L1.
      rows_at_once_(std::clamp<std::int64_t>(norm_block / columns, 1, most_rows_at_once)),
      row_by_row_(row_by_row),
      working_(working),
      sums_(column_blocks_ == 1 ? 0 : std::size_t(rows * column_blocks_)),
      factors_((std::size_t(rows * item_size(working)) + sizeof(double) - 1) / sizeof(double)) {}

void Reduction::prepare(const Task& step) noexcept {
  source_.work_as(step);
  step_ = &step;
}

void Reduction::run(std::int64_t piece) noexcept {
  if (column_blocks_ > 1) {
    const std::int64_t row = piece / column_blocks_, column = piece % column_blocks_ * norm_block;
    source_.sum_runs(row * columns_ + column, 1, std::min(columns_ - column, norm_block),
                     &sums_[std::size_t(piece)]);
    return;
  }
  const std::int64_t first = piece * rows_at_once_, rows = std::min(rows_ - first, rows_at_once_);
  double sums[most_rows_at_once];
  source_.sum_runs(first * columns_, rows, columns_, sums);
  step_states(first, rows, sums);
  if (steps_all()) step_->step(first * columns_, (first + rows) * columns_);
}

void Reduction::run_later(std::int64_t piece) noexcept {
  const std::int64_t first = piece * rows_at_once_, rows = std::min(rows_ - first, rows_at_once_);
  double sums[most_rows_at_once];
  for (std::int64_t k = 0; k < rows; ++k) {
    sums[k] = sum_in_pairs(&sums_[std::size_t((first + k) * column_blocks_)],
                           std::size_t(column_blocks_));
  }
  step_states(first, rows, sums);
}

void Reduction::step_states(std::int64_t first, std::int64_t rows, const double* sums) noexcept {
  double means[most_rows_at_once], states[most_rows_at_once];
  for (std::int64_t k = 0; k < rows; ++k) means[k] = sums[k] / double(columns_);
  const Reducing& reducing = *source_.kernel->reducing;
  Cursor cursor;
  cursor.go(state_, first);
  cursor.gather(rows, states);
  reducing.take(states, means, rows, *source_.coefficients);
  cursor.scatter(rows, states);
  reducing.row_factors(states, rows, *source_.coefficients,
                       factors() + first * item_size(working_));
}

void Reductions::run(bool flush_subnormals) const noexcept {
  if (reductions_.empty()) return;
  for (const Each& each : reductions_) each.reduction->prepare(*each.step);
  share_pieces(
      flush_subnormals, [](const Reduction& each) { return each.pieces(); },
      [](Reduction& each, std::int64_t piece) { each.run(piece); });
  share_pieces(
      flush_subnormals, [](const Reduction& each) { return each.later_pieces(); },
      [](Reduction& each, std::int64_t piece) { each.run_later(piece); });
}

// Gives each thread one run of the pieces of all, the same at every call.
template <class Pieces, class Run>
void Reductions::share_pieces(bool flush_subnormals, Pieces pieces, Run run) const noexcept {
  std::int64_t all = 0;
  for (const Each& each : reductions_) all += pieces(*each.reduction);
  if (all == 0) return;
  share_out(bytes_, flush_subnormals, [&](int share, int shares) noexcept {
    const std::int64_t begin = all * share / shares, end = all * (share + 1) / shares;
    std::int64_t first = 0;
    for (const Each& each : reductions_) {
      const std::int64_t count = pieces(*each.reduction);
      const std::int64_t last = std::min(end - first, count);
      for (std::int64_t piece = std::max(begin - first, std::int64_t(0)); piece < last; ++piece) {
        run(*each.reduction, piece);
      }
      first += count;
    }
  });
}

}  // namespace instep
