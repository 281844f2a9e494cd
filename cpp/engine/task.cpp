#include "engine/task.hpp"

#include <algorithm>
#include <utility>

#include "engine/cursor.hpp"
#include "engine/parallel.hpp"
#include "engine/placement.hpp"
#include "kernels/prefetch.hpp"
#include "kernels/select.hpp"

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
  char* of_written(int k) { return blocks + k * block_distance; }
  char* of_grad() { return blocks + max_written * block_distance; }
  char* of_conditioned_grad() { return blocks + (max_written + 1) * block_distance; }

  alignas(cache_line) char blocks[(max_written + 2) * block_distance];
  // Of one array at a time: as it is stored, where that is neither contiguous nor the working type.
  alignas(cache_line) char stored[block_bytes];
  alignas(cache_line) char rest[block_bytes / 2];
  // Of one pair of slots at a time.
  alignas(cache_line) std::uint32_t random[block_bytes / sizeof(std::uint32_t)];
};

// Where a pass stands in the arrays that are written, and their blocks in the working type.
class Task::Blocks {
 public:
  Blocks(const Task& task, std::int64_t begin, Scratch& scratch) : task_(task), scratch_(scratch) {
    for (int k = 0; k < task.arrays_.written_count; ++k) cursors_[k].go(task.written_[k], begin);
    if (task.has_rest_) rest_.go(task.rest_, begin);
    if (task.has_copy_) copy_.go(task.copy_, begin);
    if (task.rounds_by_chance()) indices_.go(task.indices_.stream, begin);
  }

  // The next elements, of at most n, that have one block of each array.
  std::int64_t most(std::int64_t n) const {
    for (int k = 0; k < task_.arrays_.written_count; ++k) {
      n = std::min(n, most_of(task_.written_[k], cursors_[k]));
    }
    if (task_.has_rest_) n = std::min(n, most_of(task_.rest_, rest_));
    if (task_.has_copy_) n = std::min({n, most_of(task_.copy_, copy_), most_in_block()});
    return n;
  }
  std::int64_t most_of(const Stream& stream, const Cursor& cursor) const {
    if (!stream.in_rows()) return most_in_block();
    return is_narrow(stream) ? std::min(cursor.run(), most_in_block()) : cursor.run();
  }
  std::int64_t most_in_block() const { return block_bytes / instep::item_size(task_.working_); }

  // The elements as they are stored: in place or, where that is not contiguous, gathered.
  static char* meet(const Stream& stream, const Cursor& cursor, std::int64_t n, char* room) {
    if (stream.in_rows()) {
      cursor.prefetch_next_row();
      return cursor.element();
    }
    cursor.gather(n, room);
    return room;
  }

  void load(std::int64_t n) {
    for (int k = 0; k < task_.arrays_.written_count; ++k) load(k, n);
  }
  void* const* get() const { return blocks_; }

  void store(std::int64_t n) {
    for (int k = 0; k < task_.arrays_.written_count; ++k) {
      store(k, n);
      if (k == param_place && task_.has_copy_) store_copy(n);
    }
    filled_pair_ = -1;
  }
  void load_param(std::int64_t n) { load(param_place, n); }

  // The stored parameter, whose block may be another number.
  void store_copy(std::int64_t n) {
    const StorageLoops& loops = chosen_table().storage;
    const Stream& param = task_.written_[param_place];
    if (is_narrow(param) && !task_.has_rest_) load(param_place, n);
    char* const to = room_of(task_.copy_, copy_);
    loops.to_nearest[task_.copy_.dtype()][task_.working_](blocks_[param_place], to, n);
    finish(task_.copy_, copy_, n, to);
  }

  void advance(std::int64_t n) {
    for (int k = 0; k < task_.arrays_.written_count; ++k) cursors_[k].advance(n);
    if (task_.has_rest_) rest_.advance(n);
    if (task_.has_copy_) copy_.advance(n);
    if (task_.rounds_by_chance()) indices_.advance(n);
  }

 private:
  bool is_narrow(const Stream& stream) const { return stream.dtype() != task_.working_; }

  void load(int k, std::int64_t n) {
    const Stream& stream = task_.written_[k];
    if (!is_narrow(stream)) {
      blocks_[k] = meet(stream, cursors_[k], n, scratch_.of_written(k));
      return;
    }
    const StorageLoops& loops = chosen_table().storage;
    const char* const stored = meet(stream, cursors_[k], n, scratch_.stored);
    blocks_[k] = scratch_.of_written(k);
    if (k == param_place && task_.has_rest_) {
      loops.join(stored, meet(task_.rest_, rest_, n, scratch_.rest), blocks_[k], n);
    } else {
      loops.widen[stream.dtype()](stored, blocks_[k], n);
    }
  }

  void store(int k, std::int64_t n) {
    const Stream& stream = task_.written_[k];
    if (!is_narrow(stream)) {
      if (!stream.in_rows()) cursors_[k].scatter(n, blocks_[k]);
      return;
    }
    const StorageLoops& loops = chosen_table().storage;
    char* const to = room_of(stream, cursors_[k]);
    if (k == param_place && task_.has_rest_) {
      char* const rest = task_.rest_.in_rows() ? rest_.element() : scratch_.rest;
      loops.split(blocks_[k], to, rest, n);
      finish(task_.rest_, rest_, n, rest);
    } else if (task_.is_by_chance(k)) {
      const int slot = task_.slots_[k];
      loops.by_chance[stream.dtype()][slot % 2](blocks_[k], random(slot / 2, n), to, n);
    } else {
      loops.to_nearest[stream.dtype()][task_.working_](blocks_[k], to, n);
    }
    finish(stream, cursors_[k], n, to);
  }

  char* room_of(const Stream& stream, const Cursor& cursor) {
    return stream.in_rows() ? cursor.element() : scratch_.stored;
  }
  static void finish(const Stream& stream, const Cursor& cursor, std::int64_t n, const char* room) {
    if (!stream.in_rows()) cursor.scatter(n, room);
  }

  const std::uint32_t* random(int pair, std::int64_t n) {
    if (pair != filled_pair_) {
      random_words(task_.random_key, pair, task_.indices_, indices_, n, scratch_.random);
      filled_pair_ = pair;
    }
    return scratch_.random;
  }

  const Task& task_;
  Scratch& scratch_;
  Cursor cursors_[max_written], rest_, copy_, indices_;
  void* blocks_[max_written] = {};
  int filled_pair_ = -1;
};

void Task::add_written(Stream stream, int slot, bool by_chance) noexcept {
  const int k = arrays_.written_count;
  const bool narrow = size_ > 0 && stream.dtype() != working_;
  slots_[k] = slot;
  if (narrow && by_chance) by_chance_ |= 1u << k;
  written_direct_ = written_direct_ && stream.direct() && !narrow;
  arrays_.add_written(stream.data());
  bytes_per_element_ = arrays_.bytes_per_element();
  written_[k] = std::move(stream);
  find_direct();
}

void Task::set_rest(Stream stream) noexcept {
  rest_ = std::move(stream);
  has_rest_ = true;
}

void Task::set_copy(Stream stream) noexcept {
  copy_ = std::move(stream);
  has_copy_ = true;
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
  arrays_.step(loop, *coefficients, begin, end);
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

// Block after block: each up to the next end of a row of an array that is used in place, and no
// more than fits the scratch where one is gathered or converted. The gradient of the whole range
// may have been gathered already; else that is null.
void Task::step_blocks(std::int64_t begin, std::int64_t end, Scratch& scratch,
                       const char* gathered_grad) const noexcept {
  if (begin == end) return;
  Blocks blocks(*this, begin, scratch);
  Cursor grad_cursor;
  if (gathered_grad == nullptr) grad_cursor.go(grad_, begin);
  for (std::int64_t at = begin, n; at < end; at += n) {
    n = blocks.most(end - at);
    if (gathered_grad == nullptr && !grad_.in_rows()) n = std::min(n, blocks.most_in_block());
    if (gathered_grad == nullptr && grad_.in_rows()) n = std::min(n, grad_cursor.run());
    if (condition_grad != nullptr) n = std::min(n, blocks.most_in_block());
    blocks.load(n);
    const char* grad = gathered_grad == nullptr
                           ? Blocks::meet(grad_, grad_cursor, n, scratch.of_grad())
                           : gathered_grad + (at - begin) * grad_.item_size();
    if (condition_grad != nullptr) {
      condition_grad(grad, scratch.of_conditioned_grad(), n, condition);
      grad = scratch.of_conditioned_grad();
    }
    loop(blocks.get(), grad, n, *coefficients);
    blocks.store(n);
    blocks.advance(n);
    if (gathered_grad == nullptr) grad_cursor.advance(n);
  }
}

void Task::write_copy() const noexcept {
  if (!has_copy_ || size_ == 0) return;
  Scratch scratch;
  Blocks blocks(*this, 0, scratch);
  for (std::int64_t at = 0, n; at < size_; at += n) {
    n = blocks.most(size_ - at);
    blocks.load_param(n);
    blocks.store_copy(n);
    blocks.advance(n);
  }
}

}  // namespace instep
