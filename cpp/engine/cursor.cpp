#include "engine/cursor.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "engine/placement.hpp"
#include "kernels/select.hpp"

namespace instep {
namespace {

// Lines of memory of a tile that are on their way while one is copied.
constexpr std::int64_t lines_ahead = 32;

// Chosen rows that are on their way while one is copied.
constexpr std::int64_t rows_ahead = 16;

// Of each of them; more is a row of far apart elements, each in a line of its own.
constexpr std::int64_t most_bytes_ahead = 512;

// Calls copy(word) with a word of the size of an element.
template <class Copy>
void with_word(std::int64_t item_size, Copy copy) {
  if (item_size == 2) return copy(std::uint16_t());
  if (item_size == 4) return copy(std::uint32_t());
  copy(std::uint64_t());
}

// From a line of memory to a column of a tile. A full line of neighbours is by far the most common.
template <class Word>
void spread_line(const char* __restrict line, std::int64_t stride, std::int64_t n,
                 char* __restrict to, std::int64_t to_stride) {
  constexpr std::int64_t word = sizeof(Word), full = 64 / word;
  const auto spread = [=](auto known_stride, auto known_n) {
    for (std::int64_t i = 0; i < known_n; ++i) {
      std::memcpy(to + i * to_stride, line + i * known_stride, sizeof(Word));
    }
  };
  if (stride == word && n == full) {
    spread(std::integral_constant<std::int64_t, word>(),
           std::integral_constant<std::int64_t, full>());
  } else {
    spread(stride, n);
  }
}

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
  // Most rows, and to choose a copy for a short one would cost more than the copy.
  if (stride == item) {
    walk(n, [=](const char* row, std::int64_t count, std::int64_t first) {
      std::memcpy(to + first * item, row, std::size_t(count * item));
    });
    return;
  }
  if (stride == 0 && last_ == 1 && stream_->rows() == nullptr) {
    spread(n, to);
    return;
  }
  const auto copy = chosen_table().rows.gather[stream_->dtype()];
  // What a walk keeps would cost a step of every other element 4 %.
  if (n <= run()) {
    copy(element_, stride, n, to);
    return;
  }
  walk(n, [=](const char* row, std::int64_t count, std::int64_t first) {
    copy(row, stride, count, to + first * item);
  });
}

// One element for each row of two axes.
void Cursor::spread(std::int64_t n, char* to) const {
  const std::int64_t item = stream_->item_size(), to_next = stream_->axes()[0].stride;
  with_word(item, [=](auto word) {
    const char* row = element_;
    char* at = to;
    std::int64_t left = n;
    for (std::int64_t count = std::min(run(), n); left > 0; row += to_next) {
      std::memcpy(&word, row, sizeof word);
      for (std::int64_t i = 0; i < count; ++i) {
        std::memcpy(at + i * std::int64_t(sizeof word), &word, sizeof word);
      }
      at += count * item;
      left -= count;
      count = std::min(inner().length, left);
    }
  });
}

void Cursor::scatter(std::int64_t n, const void* block) const {
  const char* const from = static_cast<const char*>(block);
  const std::int64_t stride = inner().stride, item = stream_->item_size();
  if (stride == item) {
    walk(n, [=](char* row, std::int64_t count, std::int64_t first) {
      std::memcpy(row, from + first * item, std::size_t(count * item));
    });
    return;
  }
  const auto copy = chosen_table().rows.scatter[stream_->dtype()];
  if (n <= run()) {
    copy(element_, stride, n, from);
    return;
  }
  walk(n, [=](char* row, std::int64_t count, std::int64_t first) {
    copy(row, stride, count, from + first * item);
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
    with_word(item, [=](auto word) {
      spread_line<decltype(word)>(line, row_stride, rows, to, tile_row_bytes);
    });
  }
}

}  // namespace instep
