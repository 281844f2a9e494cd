// The types that elements have where they lie, and those in which a step computes.
#pragma once

#include <cstdint>

namespace instep {

// The working types come first.
enum DType { float32, float64, float16, bfloat16, dtype_count };
constexpr int working_count = 2;

constexpr std::int64_t item_size(DType dtype) {
  return dtype == float64 ? 8 : dtype == float32 ? 4 : 2;
}

// In which an array of this type is stepped.
constexpr DType working_type(DType stored) { return stored == float64 ? float64 : float32; }

// Whether each number of the one type is one of the other.
constexpr bool widens(DType from, DType to) {
  return from == to || item_size(from) < item_size(to);
}

}  // namespace instep
