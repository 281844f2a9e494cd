#include "engine/task.hpp"

#include <algorithm>
#include <utility>

#include "engine/cursor.hpp"
#include "engine/parallel.hpp"
#include "kernels/prefetch.hpp"

namespace instep {
namespace {

constexpr std::int64_t block_bytes = 2048;

// Blocks of all arrays lie in L1; the odd distance keeps them from colliding modulo 4096 bytes.
constexpr std::int64_t block_distance = block_bytes + 13 * cache_line;

// A tile is as high as a cache line is wide, and so wide that the pieces of the other arrays' rows
// are long ones: four times as wide as would fit L1 took half the time past it.
constexpr std::int64_t tile_columns = 1024;

struct Tile {
  // Rows begin at different places modulo the distance at which addresses collide.
  static constexpr std::int64_t row_bytes(std::int64_t item_size) {
    return tile_columns * item_size + cache_line;
  }
  // As many rows as elements in a cache line.
  alignas(cache_line) char bytes[(tile_columns + cache_line / 2) * cache_line];
};

}  // namespace

// A block for each array that cannot be worked on in place, and for the conditioned gradient.
struct Task::Scratch {
  char* of_written(int k) { return bytes + k * block_distance; }
  char* of_grad() { return bytes + max_written * block_distance; }
  char* of_conditioned_grad() { return bytes + (max_written + 1) * block_distance; }

  alignas(cache_line) char bytes[(max_written + 2) * block_distance];
};

void Task::add_written(Stream stream) noexcept {
  written_[arrays_.written_count] = std::move(stream);
  arrays_.add_written(written_[arrays_.written_count].data());
  find_direct();
}

void Task::set_grad(Stream stream) noexcept {
  arrays_.grad = stream.data();
  grad_ = std::move(stream);
  find_direct();
}

void Task::find_direct() noexcept {
  direct_ = grad_.direct();
  for (const Stream& each : written_) direct_ = direct_ && each.direct();
}

void Task::step(std::int64_t begin, std::int64_t end) const noexcept {
  if (!direct_ || condition_grad != nullptr) {
    step_tiles(begin, end);
    return;
  }
  arrays_.step(loop, *coefficients, begin, end);
}

// Row after row where the gradient is met across its cache lines (in C order for a parameter in
// Fortran order, for one): tiles as high as a cache line is wide are gathered first, so that each
// line, and each page, is met once.
void Task::step_tiles(std::int64_t begin, std::int64_t end) const noexcept {
  static_assert(sizeof(Scratch) + sizeof(Tile) + (max_written + 3) * sizeof(Cursor) <= most_stack);
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

// Block after block: each up to the next end of a row of an array that is used in place, and no
// more than fits the scratch where one is gathered. The gradient of the whole range may have been
// gathered already; else that is null.
void Task::step_blocks(std::int64_t begin, std::int64_t end, Scratch& scratch,
                       const char* gathered_grad) const noexcept {
  if (begin == end) return;
  const std::int64_t block = block_bytes / item_size();
  const auto most = [block](const Stream& stream, const Cursor& cursor) {
    return stream.in_rows() ? cursor.run() : block;
  };
  const auto meet = [](const Stream& stream, const Cursor& cursor, std::int64_t n, char* room) {
    if (stream.in_rows()) {
      cursor.prefetch_next_row();
      return cursor.element();
    }
    cursor.gather(n, room);
    return room;
  };
  Cursor cursors[max_written], grad_cursor;
  for (int k = 0; k < arrays_.written_count; ++k) cursors[k].go(written_[k], begin);
  if (gathered_grad == nullptr) grad_cursor.go(grad_, begin);
  for (std::int64_t at = begin, n; at < end; at += n) {
    n = end - at;
    for (int k = 0; k < arrays_.written_count; ++k) n = std::min(n, most(written_[k], cursors[k]));
    if (gathered_grad == nullptr) n = std::min(n, most(grad_, grad_cursor));
    if (condition_grad != nullptr) n = std::min(n, block);
    void* written[max_written];
    for (int k = 0; k < arrays_.written_count; ++k) {
      written[k] = meet(written_[k], cursors[k], n, scratch.of_written(k));
    }
    const char* grad = gathered_grad == nullptr ? meet(grad_, grad_cursor, n, scratch.of_grad())
                                                : gathered_grad + (at - begin) * grad_.item_size();
    if (condition_grad != nullptr) {
      condition_grad(grad, scratch.of_conditioned_grad(), n, condition);
      grad = scratch.of_conditioned_grad();
    }
    loop(written, grad, n, *coefficients);
    for (int k = 0; k < arrays_.written_count; ++k) {
      if (!written_[k].in_rows()) cursors[k].scatter(n, written[k]);
      cursors[k].advance(n);
    }
    if (gathered_grad == nullptr) grad_cursor.advance(n);
  }
}

}  // namespace instep
