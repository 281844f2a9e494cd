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

// Whether each number of the one type is one of the other, a working type.
constexpr bool widens(DType from, DType to) { return from == to || from != float64; }

}  // namespace instep
