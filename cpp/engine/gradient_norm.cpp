#include "engine/gradient_norm.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/cursor.hpp"
#include "engine/fp_mode.hpp"
#include "engine/parallel.hpp"
#include "engine/placement.hpp"
#include "engine/sum_in_pairs.hpp"

namespace instep {
namespace {

// Room for a block that has to be gathered.
struct Block {
  alignas(cache_line) char bytes[norm_block * 8];
};
static_assert(2 * sizeof(Block) + 2 * sizeof(Cursor) <= most_stack);

// The next of at most n elements as they lie in memory, or the next block, gathered.
struct Piece {
  Piece(Cursor& cursor, const Stream& stream, std::int64_t most, Block& room)
      : n(most), elements(cursor.element()) {
    if (stream.in_rows()) {
      n = std::min(most, cursor.run());
      if (n < most) n = n / norm_block * norm_block;
      if (n > 0) return;
    }
    n = std::min(most, norm_block);
    cursor.gather(n, room.bytes);
    elements = room.bytes;
  }

  std::int64_t n;
  const void* elements;
};

// From here on what squares have lost below the smallest normal number is far below the last bit.
constexpr double least_sum = 0x1p-900;

// Brings elements of too small a sum of squares up and, by division, those of an infinite one down.
constexpr double large = 0x1p600;

}  // namespace

void GradientNorm::clear() {
  arrays_.clear();
  blocks_.clear();
  sums_.clear();
  bytes_ = 0;
}

void GradientNorm::add(const Stream& stream, std::int64_t size, DType dtype) {
  arrays_.push_back({stream, size, dtype, blocks_.size(), 0.0});
  blocks_.resize(blocks_.size() + std::size_t((size + norm_block - 1) / norm_block));
  sums_.push_back(0.0);
  bytes_ += size * stream.item_size();
}

double GradientNorm::norm(const Condition& condition, bool guarded,
                          bool flush_subnormals) noexcept {
  const double squares = sum(condition, 1.0, guarded, flush_subnormals);
  if (!(squares < least_sum) && !std::isinf(squares)) return std::sqrt(squares);
  const double rescale = squares < least_sum ? large : 1.0 / large;
  return std::sqrt(sum(condition, rescale, guarded, flush_subnormals)) / rescale;
}

double GradientNorm::sum(const Condition& condition, double rescale, bool guarded,
                         bool flush_subnormals) noexcept {
  share_out(bytes_, flush_subnormals, [&](int share, int shares) noexcept {
    const auto first = std::size_t(share), count = std::size_t(shares);
    sum_blocks(condition, rescale, guarded, blocks_.size() * first / count,
               blocks_.size() * (first + 1) / count);
  });
  const StepMode mode(flush_subnormals);
  for (std::size_t k = 0; k < arrays_.size(); ++k) {
    const std::size_t end = k + 1 < arrays_.size() ? arrays_[k + 1].first_block : blocks_.size();
    arrays_[k].sum =
        sum_in_pairs(blocks_.data() + arrays_[k].first_block, end - arrays_[k].first_block);
    sums_[k] = arrays_[k].sum;
  }
  return sum_in_pairs(sums_.data(), sums_.size());
}

void GradientNorm::sum_blocks(const Condition& condition, double rescale, bool guarded,
                              std::size_t begin, std::size_t end) noexcept {
  Block room;
  auto array = std::upper_bound(
      arrays_.begin(), arrays_.end(), begin,
      [](std::size_t block, const Array& each) { return block < each.first_block; });
  for (std::size_t block = begin; block < end; ++array) {
    const Array& current = *(array - 1);
    const std::size_t stop = array == arrays_.end() ? end : std::min(end, array->first_block);
    if (block == stop) continue;
    std::int64_t at = std::int64_t(block - current.first_block) * norm_block;
    const std::int64_t last =
        std::min(current.size, std::int64_t(stop - current.first_block) * norm_block);
    Cursor cursor;
    for (cursor.go(current.stream, at); at < last;) {
      const Piece piece(cursor, current.stream, last - at, room);
      loops_->sum_squares[current.stream.dtype()][current.dtype](
          piece.elements, piece.n, &blocks_[current.first_block + std::size_t(at / norm_block)],
          condition, rescale, guarded);
      cursor.advance(piece.n);
      at += piece.n;
    }
    block = stop;
  }
}

std::optional<GradientNorm::Place> GradientNorm::find_not_finite(double scale) const noexcept {
  const Condition condition = {scale, std::numeric_limits<double>::infinity()};
  Block room, scaled;
  for (std::size_t k = 0; k < arrays_.size(); ++k) {
    const Array& array = arrays_[k];
    if (std::isfinite(array.sum)) continue;
    Cursor cursor;
    if (array.size > 0) cursor.go(array.stream, 0);
    for (std::int64_t at = 0; at < array.size;) {
      const std::int64_t most = std::min(norm_block, array.size - at);
      const auto [n, elements] = Piece(cursor, array.stream, most, room);
      loops_->condition[array.stream.dtype()][array.dtype](elements, scaled.bytes, n, condition);
      for (std::int64_t i = 0; i < n; ++i) {
        const bool finite = array.dtype == float32
                                ? std::isfinite(reinterpret_cast<const float*>(scaled.bytes)[i])
                                : std::isfinite(reinterpret_cast<const double*>(scaled.bytes)[i]);
        if (!finite) return Place{k, at + i};
      }
      cursor.advance(n);
      at += n;
    }
  }
  return std::nullopt;
}

}  // namespace instep
