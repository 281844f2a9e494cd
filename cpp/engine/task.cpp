#include "engine/task.hpp"

#include <algorithm>
#include <utility>

#include "engine/blocks.hpp"
#include "engine/cursor.hpp"
#include "engine/parallel.hpp"
#include "kernels/lanes.hpp"

namespace instep {
namespace {

// A tile is as high as a cache line is wide, and so wide that the pieces of the other arrays' rows
// are long ones: four times as wide as would fit L1 took half the time past it.
constexpr std::int64_t tile_columns = 992;

struct Tile {
  // Rows begin at different places modulo the distance at which addresses collide.
  static constexpr std::int64_t row_bytes(std::int64_t item_size) {
    return tile_columns * item_size + cache_line;
  }
  // As many rows as elements in a cache line.
  alignas(cache_line) char bytes[(tile_columns + cache_line / 2) * cache_line];
};

}  // namespace

void Task::add_written(Stream stream, int slot, bool by_chance) noexcept {
  const int k = written_.count++;
  const bool narrow = size_ > 0 && written_.is_narrow(stream);
  written_.slots[k] = slot;
  if (narrow && by_chance) written_.by_chance |= 1u << k;
  written_.converts = written_.converts || narrow;
  written_direct_ = written_direct_ && stream.direct() && !narrow;
  arrays_.add_written(stream.data());
  bytes_per_element_ = arrays_.bytes_per_element();
  written_.streams[k] = std::move(stream);
  find_direct();
}

void Task::add_read(Stream stream, int slot) noexcept {
  written_.only_read |= 1u << written_.count;
  add_written(std::move(stream), slot, false);
}

void Task::set_rest(Stream stream) noexcept {
  written_.rest = std::move(stream);
  written_.has_rest = true;
}

void Task::set_copy(Stream stream) noexcept {
  written_.copy = std::move(stream);
  written_.has_copy = written_.converts = true;
  written_direct_ = false;
  find_direct();
}

void Task::set_grad(Stream stream) noexcept {
  arrays_.grad = stream.data();
  grad_ = std::move(stream);
  find_direct();
}

void Task::find_direct() noexcept { direct_ = written_direct_ && grad_.direct(); }

void Task::step(std::int64_t begin, std::int64_t end) const noexcept {
  if (!direct_ || condition_grad != nullptr) {
    step_tiles(begin, end);
    return;
  }
  arrays_.step(kernel->loop, *coefficients, begin, end);
}

// Row after row where the gradient is met across its cache lines (in C order for a parameter in
// Fortran order, for one): tiles as high as a cache line is wide are gathered first, so that each
// line, and each page, is met once.
void Task::step_tiles(std::int64_t begin, std::int64_t end) const noexcept {
  static_assert(sizeof(Scratch) + sizeof(Tile) + sizeof(Blocks) + 3 * sizeof(Cursor) <= most_stack);
  Scratch scratch;
  if (!grad_.crosses_lines()) {
    step_blocks(begin, end, scratch, nullptr);
    return;
  }
  Tile tile;
  const std::int64_t row_bytes = Tile::row_bytes(grad_.item_size());
  const std::int64_t row = grad_.axes().back().length;
  const std::int64_t first_row = std::min(end, (begin + row - 1) / row * row);
  const std::int64_t last_row = std::max(first_row, end / row * row);
  step_blocks(begin, first_row, scratch, nullptr);
  Cursor grad;
  for (std::int64_t top = first_row, rows; top < last_row; top += rows * row) {
    grad.go(grad_, top);
    rows = std::min({(last_row - top) / row, grad.rows(), cache_line / grad_.item_size()});
    for (std::int64_t left = 0; left < row; left += tile_columns) {
      const std::int64_t columns = std::min(tile_columns, row - left);
      grad.gather_tile(rows, columns, tile.bytes, row_bytes);
      for (std::int64_t k = 0; k < rows; ++k) {
        const std::int64_t at = top + k * row + left;
        step_blocks(at, at + columns, scratch, tile.bytes + k * row_bytes);
      }
      grad.advance(columns);
    }
  }
  step_blocks(last_row, end, scratch, nullptr);
}

void Task::step_blocks(std::int64_t begin, std::int64_t end, Scratch& scratch,
                       const char* gathered_grad) const noexcept {
  each_block(begin, end, scratch, gathered_grad,
             [this](Blocks& blocks, void* const* written, const char* grad, std::int64_t n) {
               const Loop loop = blocks.begin_at_lines() ? kernel->wide : kernel->loop;
               loop(written, grad, n, *coefficients);
               blocks.store(n);
             });
}

void Task::add_squares(std::int64_t begin, std::int64_t end, RunSums& sums) const noexcept {
  Scratch scratch;
  each_block(begin, end, scratch, nullptr,
             [&](Blocks&, void* const* written, const char* grad, std::int64_t n) {
               kernel->reducing->add_squares(written, grad, n, *coefficients, sums);
             });
}

void Task::sum_squares(std::int64_t begin, std::int64_t end, BlockSums sums) const noexcept {
  Scratch scratch;
  each_block(begin, end, scratch, nullptr,
             [&](Blocks&, void* const* written, const char* grad, std::int64_t n) {
               kernel->measure(written, grad, n, *coefficients, sums);
             });
  if (sums.position > 0) end_block(sums);
}

void Task::work_as(const Task& other) noexcept {
  kernel = other.kernel;
  coefficients = other.coefficients;
  condition_grad = other.condition_grad;
  condition = other.condition;
  random_key = other.random_key;
}

// Block after block: each up to the next end of a row of an array that is used in place, and no
// more than fits the scratch where one is gathered or converted. The gradient of the whole range
// may have been gathered already; else that is null.
template <class Each>
void Task::each_block(std::int64_t begin, std::int64_t end, Scratch& scratch,
                      const char* gathered_grad, Each each) const noexcept {
  if (begin == end) return;
  Blocks blocks(written_, random_key, begin, scratch);
  Cursor grad_cursor;
  if (gathered_grad == nullptr) grad_cursor.go(grad_, begin);
  for (std::int64_t at = begin, n; at < end; at += n) {
    n = blocks.most(end - at);
    if (at == begin) n = blocks.most_to_line(n);
    if (gathered_grad == nullptr && !grad_.in_rows()) n = std::min(n, blocks.most_in_block());
    if (gathered_grad == nullptr && grad_.in_rows()) n = std::min(n, grad_cursor.run());
    if (condition_grad != nullptr) n = std::min(n, blocks.most_in_block());
    void* const* const written = blocks.load(n);
    const char* grad = gathered_grad == nullptr
                           ? stored_elements(grad_, grad_cursor, n, scratch.of_grad())
                           : gathered_grad + (at - begin) * grad_.item_size();
    if (condition_grad != nullptr) {
      condition_grad(grad, scratch.of_conditioned_grad(), n, condition);
      grad = scratch.of_conditioned_grad();
    }
    each(blocks, written, grad, n);
    blocks.advance(n);
    if (gathered_grad == nullptr) grad_cursor.advance(n);
  }
}

void Task::write_copy() const noexcept {
  if (!written_.has_copy || size_ == 0) return;
  Scratch scratch;
  Blocks blocks(written_, random_key, 0, scratch);
  for (std::int64_t at = 0, n; at < size_; at += n) {
    n = blocks.most(size_ - at);
    blocks.copy_param(n);
    blocks.advance(n);
  }
}

}  // namespace instep
