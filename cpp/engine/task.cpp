#include "engine/task.hpp"

#include <algorithm>

#include "engine/cursor.hpp"
#include "engine/placement.hpp"

namespace instep {
namespace {

constexpr std::int64_t block_bytes = 2048;

// Blocks of all arrays lie in L1; the odd distance keeps them from colliding modulo 4096 bytes.
constexpr std::int64_t block_distance = block_bytes + 13 * cache_line;

// A tile is as high as a cache line is wide, and so wide that the pieces of the other arrays' rows
// are long ones: four times as wide as would fit L1 took half the time past it.
constexpr std::int64_t tile_columns = 1024;

}  // namespace

void Task::set_stream(int k, Stream stream) noexcept {
  data_[k] = stream.data();
  streams_[k] = std::move(stream);
  direct_ = true;
  for (int each = 0; each < stream_count_; ++each) direct_ = direct_ && streams_[each].direct();
}

std::int64_t Task::lead_in(std::int64_t at) const noexcept {
  return elements_to_line(data_[0] + at * item_size_, item_size_);
}

void Task::step(std::int64_t begin, std::int64_t end) const noexcept {
  if (!direct_ || condition_grad != nullptr) {
    step_tiles(begin, end);
    return;
  }
  if ((end - begin) * item_size_ >= least_bytes_to_align) {
    const std::int64_t aligned = begin + lead_in(begin);
    if (begin < aligned) step_run(begin, aligned);
    begin = aligned;
  }
  step_run(begin, end);
}

// All streams are direct.
void Task::step_run(std::int64_t begin, std::int64_t end) const noexcept {
  void* arrays[max_arrays];
  for (int k = 0; k < stream_count_; ++k) arrays[k] = data_[k] + begin * item_size_;
  loop(arrays, end - begin, *coefficients);
}

// Row after row where the gradient is met across its cache lines (in C order for a parameter in
// Fortran order, for one): tiles as high as a cache line is wide are gathered first, so that each
// line, and each page, is met once.
void Task::step_tiles(std::int64_t begin, std::int64_t end) const noexcept {
  alignas(cache_line) char scratch[max_arrays * block_distance];
  if (!streams_[1].crosses_lines()) {
    step_blocks(begin, end, scratch, nullptr);
    return;
  }
  // Rows of the tile begin at different places modulo the distance at which addresses collide.
  alignas(cache_line) char tile[(tile_columns + cache_line / 4) * cache_line];
  const std::int64_t tile_row_bytes = tile_columns * item_size_ + cache_line;
  const std::int64_t row = streams_[1].axes().back().length;
  const std::int64_t first_row = std::min(end, (begin + row - 1) / row * row);
  const std::int64_t last_row = std::max(first_row, end / row * row);
  step_blocks(begin, first_row, scratch, nullptr);
  Cursor grad;
  for (std::int64_t top = first_row, rows; top < last_row; top += rows * row) {
    grad.go(streams_[1], top);
    rows = std::min({(last_row - top) / row, grad.rows(), cache_line / item_size_});
    for (std::int64_t left = 0; left < row; left += tile_columns) {
      const std::int64_t columns = std::min(tile_columns, row - left);
      grad.gather_tile(rows, columns, tile, tile_row_bytes);
      for (std::int64_t k = 0; k < rows; ++k) {
        const std::int64_t at = top + k * row + left;
        step_blocks(at, at + columns, scratch, tile + k * tile_row_bytes);
      }
      grad.advance(columns);
    }
  }
  step_blocks(last_row, end, scratch, nullptr);
}

// Block after block: each up to the next end of a row of an array that is used in place, and no
// more than fits the scratch where one is gathered. `grad` holds the gradient where it has been
// gathered already.
void Task::step_blocks(std::int64_t begin, std::int64_t end, char* scratch,
                       char* grad) const noexcept {
  if (begin == end) return;
  const auto is_ready = [grad](int k) { return k == 1 && grad != nullptr; };
  Cursor cursors[max_arrays];
  for (int k = 0; k < stream_count_; ++k) {
    if (!is_ready(k)) cursors[k].go(streams_[k], begin);
  }
  for (std::int64_t at = begin, n; at < end; at += n) {
    n = end - at;
    for (int k = 0; k < stream_count_; ++k) {
      if (is_ready(k)) continue;
      n = std::min(n, streams_[k].in_rows() ? cursors[k].run() : block_bytes / item_size_);
    }
    if (condition_grad != nullptr) n = std::min(n, block_bytes / item_size_);
    void* arrays[max_arrays];
    for (int k = 0; k < stream_count_; ++k) {
      if (is_ready(k)) {
        arrays[k] = grad + (at - begin) * item_size_;
      } else if (streams_[k].in_rows()) {
        arrays[k] = cursors[k].element();
        cursors[k].prefetch_next_row();
      } else {
        arrays[k] = scratch + k * block_distance;
        cursors[k].gather(n, arrays[k]);
      }
    }
    if (condition_grad != nullptr) {
      char* const conditioned = scratch + block_distance;
      condition_grad(arrays[1], conditioned, n, condition);
      arrays[1] = conditioned;
    }
    loop(arrays, n, *coefficients);
    for (int k = 0; k < stream_count_; ++k) {
      if (is_ready(k)) continue;
      if (k != 1 && !streams_[k].in_rows()) cursors[k].scatter(n, arrays[k]);
      cursors[k].advance(n);
    }
  }
}

}  // namespace instep
