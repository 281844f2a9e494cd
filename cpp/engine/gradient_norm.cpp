#include "engine/gradient_norm.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/cursor.hpp"
#include "engine/fp_mode.hpp"
#include "engine/parallel.hpp"
#include "engine/placement.hpp"

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

}  // namespace

void GradientNorm::clear() {
  arrays_.clear();
  blocks_.clear();
  sums_.clear();
  bytes_ = 0;
}

void GradientNorm::add(const Stream& stream, std::int64_t size, DType dtype) {
  arrays_.push_back({stream, size, dtype, 0.0});
  blocks_.add(size);
  block_sums_.resize(blocks_.count());
  sums_.push_back(0.0);
  bytes_ += size * stream.item_size();
}

double GradientNorm::norm(const Condition& condition, bool guarded,
                          bool flush_subnormals) noexcept {
  const double squares = sum(condition, 1.0, guarded, flush_subnormals);
  const double rescale = rescaling(squares);
  if (rescale == 1.0) return std::sqrt(squares);
  return std::sqrt(sum(condition, rescale, guarded, flush_subnormals)) / rescale;
}

const std::vector<double>& GradientNorm::block_sums(const Condition& condition, double rescale,
                                                    bool guarded, bool flush_subnormals) noexcept {
  share_out(bytes_, flush_subnormals, [&](int share, int shares) noexcept {
    blocks_.each(
        share, shares, [&](std::size_t k, std::size_t block, std::int64_t begin, std::int64_t end) {
          sum_blocks(arrays_[k], begin, end, &block_sums_[block], condition, rescale, guarded);
        });
  });
  return block_sums_;
}

double GradientNorm::sum(const Condition& condition, double rescale, bool guarded,
                         bool flush_subnormals) noexcept {
  block_sums(condition, rescale, guarded, flush_subnormals);
  const StepMode mode(flush_subnormals);
  for (std::size_t k = 0; k < arrays_.size(); ++k) {
    sums_[k] = arrays_[k].sum = blocks_.sum(k, block_sums_.data());
  }
  return sum_in_pairs(sums_.data(), sums_.size());
}

void GradientNorm::sum_blocks(const Array& array, std::int64_t begin, std::int64_t end,
                              double* sums, const Condition& condition, double rescale,
                              bool guarded) const noexcept {
  Block room;
  Cursor cursor;
  for (cursor.go(array.stream, begin); begin < end;) {
    const Piece piece(cursor, array.stream, end - begin, room);
    loops_->sum_squares[array.stream.dtype()][array.dtype](piece.elements, piece.n, sums, condition,
                                                           rescale, guarded);
    cursor.advance(piece.n);
    begin += piece.n;
    sums += piece.n / norm_block;
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
