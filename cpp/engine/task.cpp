#include "engine/task.hpp"

#include <algorithm>

#include "engine/cursor.hpp"
#include "engine/placement.hpp"

namespace instep {
namespace {

constexpr std::int64_t block_bytes = 2048;

// Blocks of all arrays lie in L1; the odd distance keeps them from colliding modulo 4096 bytes.
constexpr std::int64_t block_distance = block_bytes + 13 * cache_line;

// A tile has as many columns, each of a cache line, as fit L1 beside the other arrays' blocks.
constexpr std::int64_t tile_columns = 256;
constexpr std::int64_t max_tile_row_bytes = tile_columns * 8 + cache_line;

}  // namespace

std::int64_t Task::lead_in(std::int64_t at) const {
  return elements_to_line(streams[0].data() + at * item_size, item_size);
}

void Task::step(std::int64_t begin, std::int64_t end) const {
  const bool direct = std::all_of(streams, streams + stream_count,
                                  [](const Stream& stream) { return stream.direct(); });
  if (direct) {
    step_runs(begin, end);
  } else {
    step_tiles(begin, end);
  }
}

// All streams are direct.
void Task::step_runs(std::int64_t begin, std::int64_t end) const {
  const auto step_run = [this](std::int64_t from, std::int64_t n) {
    void* arrays[max_arrays];
    for (int k = 0; k < stream_count; ++k) arrays[k] = streams[k].data() + from * item_size;
    loop(arrays, n, *coefficients);
  };
  if ((end - begin) * item_size >= least_bytes_to_align) {
    const std::int64_t lead = lead_in(begin);
    if (lead > 0) step_run(begin, lead);
    begin += lead;
  }
  step_run(begin, end - begin);
}

// Row after row where the gradient is met across its cache lines (in C order for a parameter in
// Fortran order, for one): tiles as high as a cache line is wide are gathered first, so that each
// line, and each page, is met once.
void Task::step_tiles(std::int64_t begin, std::int64_t end) const {
  alignas(cache_line) char scratch[max_arrays * block_distance];
  if (!streams[1].crosses_lines()) {
    step_blocks(begin, end, scratch, nullptr);
    return;
  }
  const std::int64_t row = streams[1].axes().back().length;
  const std::int64_t first_row = std::min(end, (begin + row - 1) / row * row);
  const std::int64_t last_row = std::max(first_row, end / row * row);
  step_blocks(begin, first_row, scratch, nullptr);
  Cursor grad;
  for (std::int64_t top = first_row, rows; top < last_row; top += rows * row) {
    grad.go(streams[1], top);
    rows = std::min({(last_row - top) / row, grad.rows(), cache_line / item_size});
    for (std::int64_t left = 0; left < row; left += tile_columns) {
      alignas(cache_line) char tile[cache_line / 4][max_tile_row_bytes];
      const std::int64_t columns = std::min(tile_columns, row - left);
      grad.gather_tile(rows, columns, tile[0], max_tile_row_bytes);
      for (std::int64_t k = 0; k < rows; ++k) {
        const std::int64_t at = top + k * row + left;
        step_blocks(at, at + columns, scratch, tile[k]);
      }
      grad.advance(columns);
    }
  }
  step_blocks(last_row, end, scratch, nullptr);
}

// Block after block: each up to the next end of a row of an array that is used in place, and no
// more than fits the scratch where one is gathered. `grad` holds the gradient where it has been
// gathered already.
void Task::step_blocks(std::int64_t begin, std::int64_t end, char* scratch, char* grad) const {
  if (begin == end) return;
  const auto is_ready = [grad](int k) { return k == 1 && grad != nullptr; };
  Cursor cursors[max_arrays];
  for (int k = 0; k < stream_count; ++k) {
    if (!is_ready(k)) cursors[k].go(streams[k], begin);
  }
  for (std::int64_t at = begin, n; at < end; at += n) {
    n = end - at;
    for (int k = 0; k < stream_count; ++k) {
      if (is_ready(k)) continue;
      n = std::min(n, streams[k].in_rows() ? cursors[k].run() : block_bytes / item_size);
    }
    void* arrays[max_arrays];
    for (int k = 0; k < stream_count; ++k) {
      if (is_ready(k)) {
        arrays[k] = grad + (at - begin) * item_size;
      } else if (streams[k].in_rows()) {
        arrays[k] = cursors[k].element();
      } else {
        arrays[k] = scratch + k * block_distance;
        cursors[k].gather(n, arrays[k]);
      }
    }
    loop(arrays, n, *coefficients);
    for (int k = 0; k < stream_count; ++k) {
      if (is_ready(k)) continue;
      if (k != 1 && !streams[k].in_rows()) cursors[k].scatter(n, arrays[k]);
      cursors[k].advance(n);
    }
  }
}

}  // namespace instep
