#include "engine/reduction.hpp"

#include <algorithm>

#include "engine/cursor.hpp"
#include "engine/parallel.hpp"
#include "engine/sum_in_pairs.hpp"
#include "kernels/lanes.hpp"

namespace instep {
namespace {

// So many rows are summed, and their states stepped, at once.
constexpr std::int64_t rows_at_once = 64;

std::int64_t blocks_of(std::int64_t count, std::int64_t block) {
  return (count + block - 1) / block;
}

// Gives each piece to the next thread that is free.
template <class Pieces, class Work>
void share_pieces(const std::vector<Reductions::Each>& reductions, std::int64_t bytes,
                  bool flush_subnormals, Pieces pieces, Work work) noexcept {
  std::atomic<std::int64_t> next{0};
  share_out(bytes, flush_subnormals, [&](int, int) noexcept {
    std::int64_t first = 0;  // of a reduction, among all
    auto each = reductions.begin();
    for (std::int64_t piece; each != reductions.end();) {
      piece = next.fetch_add(1, std::memory_order_relaxed);
      while (each != reductions.end() && piece - first >= pieces(*each->reduction)) {
        first += pieces(*each->reduction);
        ++each;
      }
      if (each != reductions.end()) work(*each->reduction, piece - first);
    }
  });
}

}  // namespace

Reduction::Reduction(std::int64_t rows, std::int64_t columns, DType working)
    : rows_(rows),
      columns_(columns),
      row_blocks_(blocks_of(rows, rows_at_once)),
      column_blocks_(blocks_of(columns, norm_block)),
      working_(working),
      sums_(std::size_t(rows * column_blocks_)),
      factors_(std::size_t(blocks_of(rows * item_size(working), sizeof(double)))) {}

void Reduction::prepare(const Task& step) noexcept {
  source_.kernel = step.kernel;
  source_.coefficients = step.coefficients;
  source_.condition_grad = step.condition_grad;
  source_.condition = step.condition;
}

std::int64_t Reduction::end_of_block(std::int64_t row_block) const {
  return std::min(rows_, (row_block + 1) * rows_at_once);
}

void Reduction::sum(std::int64_t piece) noexcept {
  const std::int64_t row_block = piece / column_blocks_, column_block = piece % column_blocks_;
  const std::int64_t first = row_block * rows_at_once, last = end_of_block(row_block);
  double lanes[rows_at_once * norm_lanes] = {};
  if (column_blocks_ == 1) {
    source_.add_squares(first * columns_, last * columns_, columns_, lanes);
  } else {
    const std::int64_t begin = column_block * norm_block;
    const std::int64_t end = std::min(columns_, begin + norm_block);
    for (std::int64_t row = first; row < last; ++row) {
      source_.add_squares(row * columns_ + begin, row * columns_ + end, columns_,
                          lanes + (row - first) * norm_lanes);
    }
  }
  for (std::int64_t row = first; row < last; ++row) {
    sums_[std::size_t(row * column_blocks_ + column_block)] =
        sum_lanes(lanes + (row - first) * norm_lanes);
  }
}

void Reduction::step(std::int64_t piece) noexcept {
  const std::int64_t first = piece * rows_at_once, n = end_of_block(piece) - first;
  double means[rows_at_once], states[rows_at_once];
  for (std::int64_t k = 0; k < n; ++k) {
    double* const sums = sums_.data() + (first + k) * column_blocks_;
    means[k] = sum_in_pairs(sums, std::size_t(column_blocks_)) / double(columns_);
  }
  Cursor cursor;
  cursor.go(state_, first);
  cursor.gather(n, states);
  const Reducing& reducing = *source_.kernel->reducing;
  reducing.take(states, means, n, *source_.coefficients);
  cursor.scatter(n, states);
  reducing.row_factors(states, n, *source_.coefficients, factors() + first * item_size(working_));
}

void Reductions::run(bool flush_subnormals) const noexcept {
  if (reductions_.empty()) return;
  for (const Each& each : reductions_) each.reduction->prepare(*each.step);
  share_pieces(
      reductions_, bytes_, flush_subnormals,
      [](const Reduction& each) { return each.sum_pieces(); },
      [](Reduction& each, std::int64_t piece) { each.sum(piece); });
  share_pieces(
      reductions_, bytes_, flush_subnormals,
      [](const Reduction& each) { return each.step_pieces(); },
      [](Reduction& each, std::int64_t piece) { each.step(piece); });
}

}  // namespace instep
