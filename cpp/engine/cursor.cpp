#include "engine/cursor.hpp"

#include <algorithm>
#include <cstdlib>

#include "engine/copy.hpp"
#include "engine/placement.hpp"

namespace instep {
namespace {

// Lines of memory of a tile that are on their way while one is copied.
constexpr std::int64_t lines_ahead = 32;

// Chosen rows that are on their way while one is copied.
constexpr std::int64_t rows_ahead = 16;

// Of each of them; more is a row of far apart elements, each in a line of its own.
constexpr std::int64_t most_bytes_ahead = 512;

}  // namespace

// Copies the positions in use alone.
Cursor& Cursor::operator=(const Cursor& other) {
  if (this == &other) return *this;
  stream_ = other.stream_;
  element_ = other.element_;
  last_ = other.last_;
  if (stream_ != nullptr) std::copy_n(other.position_, last_ + 1, position_);
  return *this;
}

void Cursor::go(const Stream& stream, std::int64_t index) {
  stream_ = &stream;
  element_ = stream.data();
  last_ = int(stream.axes().size()) - 1;
  for (int k = last_; k > 0; --k) {
    const Stream::Axis& axis = stream.axes()[std::size_t(k)];
    position_[k] = index % axis.length;
    element_ += position_[k] * axis.stride;
    index /= axis.length;
  }
  position_[0] = index;
  element_ += (stream.rows() == nullptr ? index : stream.rows()[index]) * stream.axes()[0].stride;
}

void Cursor::advance(std::int64_t n) {
  for (int k = last_; k > 0; --k) {
    const Stream::Axis& axis = stream_->axes()[std::size_t(k)];
    position_[k] += n;
    element_ += n * axis.stride;
    if (position_[k] < axis.length) return;
    // A division would be most of the cost of a row.
    n = position_[k] < 2 * axis.length ? 1 : position_[k] / axis.length;
    position_[k] -= n * axis.length;
    element_ -= n * axis.length * axis.stride;
  }
  const Stream::Axis& axis = stream_->axes()[0];
  position_[0] += n;
  if (const std::int64_t* const rows = stream_->rows()) {
    if (position_[0] >= axis.length) return;  // at the end, where there is no row to go to
    n = rows[position_[0]] - rows[position_[0] - n];
  }
  element_ += n * axis.stride;
}

// Calls piece(row, count, first) for each piece of an innermost row in the n elements.
template <class Piece>
void Cursor::walk(std::int64_t n, Piece piece) const {
  if (stream_->rows() != nullptr && last_ == 1) {
    walk_chosen_rows(n, piece);
    return;
  }
  std::int64_t count = std::min(run(), n);
  piece(element_, count, 0);
  if (count == n) return;
  Cursor at = *this;
  for (std::int64_t first = count; first < n; first += count) {
    at.advance(count);
    count = std::min(inner().length, n - first);
    piece(at.element_, count, first);
  }
}

// The processor cannot foresee where the next of the chosen rows lies.
template <class Piece>
void Cursor::walk_chosen_rows(std::int64_t n, Piece piece) const {
  const Stream::Axis slow = stream_->axes()[0], fast = inner();
  const std::int64_t* const rows = stream_->rows();
  char* const base = stream_->data();
  const std::int64_t reach = (fast.length - 1) * std::abs(fast.stride) + stream_->item_size();
  const std::int64_t lines = std::min<std::int64_t>(reach, most_bytes_ahead);
  std::int64_t column = position_[1];
  for (std::int64_t first = 0, count, at = position_[0]; first < n; first += count, ++at) {
    if (at + rows_ahead < slow.length) {
      const char* const ahead = base + rows[at + rows_ahead] * slow.stride;
      for (std::int64_t byte = 0; byte < lines; byte += cache_line) prefetch(ahead + byte);
      prefetch(ahead + lines - 1);
    }
    count = std::min(fast.length - column, n - first);
    piece(base + rows[at] * slow.stride + column * fast.stride, count, first);
    column = 0;
  }
}

void Cursor::gather(std::int64_t n, void* block) const {
  char* const to = static_cast<char*>(block);
  const std::int64_t stride = inner().stride, item = stream_->item_size();
  walk(n, [=](const char* row, std::int64_t count, std::int64_t first) {
    if (item == 4) {
      gather_row<std::uint32_t>(row, stride, count, to + first * item);
    } else {
      gather_row<std::uint64_t>(row, stride, count, to + first * item);
    }
  });
}

void Cursor::scatter(std::int64_t n, const void* block) const {
  const char* const from = static_cast<const char*>(block);
  const std::int64_t stride = inner().stride, item = stream_->item_size();
  walk(n, [=](char* row, std::int64_t count, std::int64_t first) {
    if (item == 4) {
      scatter_row<std::uint32_t>(row, stride, count, from + first * item);
    } else {
      scatter_row<std::uint64_t>(row, stride, count, from + first * item);
    }
  });
}

void Cursor::prefetch_next_row() const {
  if (last_ == 0) return;
  std::int64_t to_next = 1;
  if (last_ == 1 && stream_->rows() != nullptr) {
    if (rows() == 1) return;
    const std::int64_t* const row = stream_->rows() + position_[0];
    to_next = row[1] - row[0];
  }
  const std::int64_t gap =
      to_next * stream_->axes()[std::size_t(last_ - 1)].stride - inner().length * inner().stride;
  // Where this is the last row before a slower axis turns, it is a wrong guess and costs nothing.
  const char* const row = element_ + run() * inner().stride + gap;
  for (int line = 0; line < 8; ++line) prefetch(row + line * cache_line);
}

void Cursor::gather_tile(std::int64_t rows, std::int64_t columns, char* tile,
                         std::int64_t tile_row_bytes) const {
  const std::int64_t line_stride = inner().stride, item = stream_->item_size();
  const std::int64_t row_stride = stream_->axes()[std::size_t(last_ - 1)].stride;
  for (std::int64_t column = 0; column < columns; ++column) {
    const char* const line = element_ + column * line_stride;
    prefetch(line + lines_ahead * line_stride);
    char* const to = tile + column * item;
    if (item == 4) {
      spread_line<std::uint32_t>(line, row_stride, rows, to, tile_row_bytes);
    } else {
      spread_line<std::uint64_t>(line, row_stride, rows, to, tile_row_bytes);
    }
  }
}

}  // namespace instep
