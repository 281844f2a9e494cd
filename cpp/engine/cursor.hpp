// A place in a stream, from which it is worked on in place, gathered or scattered.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/stream.hpp"

namespace instep {

// Allocates nothing.
class Cursor {
 public:
  // Stands at no stream yet.
  Cursor() = default;
  Cursor(const Cursor& other) { *this = other; }
  Cursor& operator=(const Cursor& other);

  // Goes to the element at `index`.
  void go(const Stream& stream, std::int64_t index);
  void advance(std::int64_t n);

  // Elements from here on before the end of the row.
  std::int64_t run() const { return inner().length - position_[last_]; }
  char* element() const { return element_; }

  // For a stream of more than one axis: rows from this one on before the next slower axis turns.
  std::int64_t rows() const {
    return stream_->axes()[std::size_t(last_ - 1)].length - position_[last_ - 1];
  }

  // Copy n elements from here on to a contiguous block, and back.
  void gather(std::int64_t n, void* block) const;
  void scatter(std::int64_t n, const void* block) const;

  // Tells the processor that the start of the next row is wanted soon. It foresees only what
  // follows in memory, and would wait for each row anew.
  void prefetch_next_row() const;

  // Copies so many elements of this row and of each of the rows after it, line by line of memory.
  void gather_tile(std::int64_t rows, std::int64_t columns, char* tile,
                   std::int64_t tile_row_bytes) const;

 private:
  static constexpr int max_axes = 64;  // NumPy's NPY_MAXDIMS

  const Stream::Axis& inner() const { return stream_->axes()[std::size_t(last_)]; }
  void spread(std::int64_t n, char* to) const;
  template <class Piece>
  void walk(std::int64_t n, Piece piece) const;
  template <class Piece>
  void walk_chosen_rows(std::int64_t n, Piece piece) const;

  const Stream* stream_ = nullptr;
  char* element_ = nullptr;
  int last_ = 0;
  // On each axis, of those that the stream has: to set all made tiles a tenth dearer.
  std::int64_t position_[max_axes];
};

}  // namespace instep
