// The rows of an array that a row-sparse gradient names, each once, and the sums of what it holds
// for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/stream.hpp"
#include "kernels/table.hpp"

namespace instep {

class TouchedRows {
 public:
  TouchedRows() = default;
  TouchedRows(const TouchedRows&) = delete;
  TouchedRows& operator=(const TouchedRows&) = delete;

  // Copies `count` row numbers, which may name a row more than once; `named` may be misaligned.
  // Where one is not from 0 up to, not including, `length`, returns its position, and holds no rows
  // then. May throw.
  std::optional<std::int64_t> assign(const void* named, std::int64_t count, std::int64_t length);

  // The different rows, in order of first appearance.
  std::int64_t count() const { return std::int64_t(rows_.size()); }
  const std::int64_t* rows() const { return rows_.data(); }

  // `values` holds `row_size` elements for each row that was named. Returns a stream that holds
  // them for each of `rows`, those of one row added up in order of appearance: `values` itself, or
  // memory of this object, in which they have been widened to the working type `dtype` first. May
  // throw.
  Stream sum(const Stream& values, std::int64_t row_size, DType dtype, const GradientLoops& loops);

  // The memory of what was summed; null where nothing had to be.
  char* sums() { return places_.empty() ? nullptr : sums_.data(); }

 private:
  std::vector<std::int64_t> rows_;
  std::vector<std::int64_t> places_;  // in `rows_`, of each row that was named; empty: they differ
  std::vector<char> sums_;
};

}  // namespace instep
