// The arrays that a task writes, block by block in its working type: in place where they lie so,
// else gathered and widened into L1, and narrowed and scattered back.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/cursor.hpp"
#include "engine/written.hpp"
#include "kernels/prefetch.hpp"

namespace instep {

constexpr std::int64_t block_bytes = 2048;

// A block for each array that cannot be worked on in place, and for the conditioned gradient.
struct Scratch {
  // Blocks of all arrays lie in L1; the odd distance keeps them from colliding modulo 4096 bytes.
  static constexpr std::int64_t block_distance = block_bytes + 13 * cache_line;

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

// The elements of a stream from a cursor on, as they are stored: in place or, where that is not
// contiguous, gathered into the room.
inline char* stored_elements(const Stream& stream, const Cursor& cursor, std::int64_t n,
                             char* room) {
  if (stream.in_rows()) {
    cursor.prefetch_next_row();
    return cursor.element();
  }
  cursor.gather(n, room);
  return room;
}

// Where no array is converted, all of it is inline: blocks may be as short as a row. Allocates
// nothing.
class Blocks {
 public:
  Blocks(const Written& written, std::uint64_t random_key, std::int64_t begin, Scratch& scratch)
      : written_(written), random_key_(random_key), scratch_(scratch) {
    for (int k = 0; k < written.count; ++k) cursors_[k].go(written.streams[k], begin);
    if (written.converts) go(begin);
  }

  // So many of the next n elements make one block of each array.
  std::int64_t most(std::int64_t n) const {
    for (int k = 0; k < written_.count; ++k) {
      n = std::min(n, most_of(written_.streams[k], cursors_[k]));
    }
    return written_.converts ? most_converted(n) : n;
  }
  std::int64_t most_of(const Stream& stream, const Cursor& cursor) const {
    return stream.in_rows() ? cursor.run() : most_in_block();
  }
  std::int64_t most_in_block() const { return block_bytes / item_size(written_.working); }

  // The next n elements.
  void* const* load(std::int64_t n) {
    for (int k = 0; k < written_.count; ++k) {
      const Stream& stream = written_.streams[k];
      if (written_.converts && written_.is_narrow(stream)) {
        widen(k, n);
      } else {
        blocks_[k] = stored_elements(stream, cursors_[k], n, scratch_.of_written(k));
      }
    }
    return blocks_;
  }

  // Of n elements, so many that what follows them begins at a cache line where it is used in place,
  // if others are converted.
  std::int64_t most_to_line(std::int64_t n) const {
    return written_.converts ? most_to_line_converted(n) : n;
  }

  // Whether some of the blocks that were loaded are converted, and all begin at cache lines.
  bool begin_at_lines() const {
    if (!written_.converts) return false;
    std::uintptr_t addresses = 0;
    for (int k = 0; k < written_.count; ++k) {
      addresses |= reinterpret_cast<std::uintptr_t>(blocks_[k]);
    }
    return addresses % cache_line == 0;
  }

  void store(std::int64_t n) {
    for (int k = 0; k < written_.count; ++k) {
      const Stream& stream = written_.streams[k];
      if (written_.converts && written_.is_narrow(stream)) {
        narrow(k, n);
      } else if (!stream.in_rows() && !written_.is_only_read(k)) {
        cursors_[k].scatter(n, blocks_[k]);
      }
    }
    if (written_.has_copy) store_copy(n);
  }

  // Writes the parameter, as it is, to what gets it.
  void copy_param(std::int64_t n);

  void advance(std::int64_t n) {
    for (int k = 0; k < written_.count; ++k) cursors_[k].advance(n);
    if (written_.converts) advance_converted(n);
  }

 private:
  void go(std::int64_t begin);
  std::int64_t most_converted(std::int64_t n) const;
  std::int64_t most_to_line_converted(std::int64_t n) const;
  void advance_converted(std::int64_t n);
  void widen(int k, std::int64_t n);
  void narrow(int k, std::int64_t n);
  void store_copy(std::int64_t n);
  const std::uint32_t* random(int pair, std::int64_t n);

  const Written& written_;
  const std::uint64_t random_key_;
  Scratch& scratch_;
  Cursor cursors_[max_written], rest_, copy_, indices_;
  void* blocks_[max_written] = {};
  int filled_pair_ = -1;  // whose random bits of this block there are
};

}  // namespace instep
