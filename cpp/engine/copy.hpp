// Copies between a contiguous block and a row of any stride. By memcpy, word for word, because the
// row may be misaligned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace instep {

// Calls copy(stride) with a constant where the stride is a common one, for which the compiler makes
// vectors: a third of the time for every other element, measured.
template <class Word, class Copy>
void with_stride(std::int64_t stride, Copy copy) {
  constexpr std::int64_t word = sizeof(Word);
  switch (stride) {
    case 2 * word:
      return copy(std::integral_constant<std::int64_t, 2 * word>());
    case 3 * word:
      return copy(std::integral_constant<std::int64_t, 3 * word>());
    case 4 * word:
      return copy(std::integral_constant<std::int64_t, 4 * word>());
    case -word:
      return copy(std::integral_constant<std::int64_t, -word>());
    default:
      return copy(stride);
  }
}

template <class Word>
void gather_row(const char* __restrict row, std::int64_t stride, std::int64_t n,
                char* __restrict block) {
  // Most rows: to choose among the strides would cost more than a short one.
  if (stride == std::int64_t(sizeof(Word))) {
    std::memcpy(block, row, std::size_t(n) * sizeof(Word));
    return;
  }
  with_stride<Word>(stride, [=](auto known) {
    for (std::int64_t i = 0; i < n; ++i) {
      std::memcpy(block + i * std::int64_t(sizeof(Word)), row + i * known, sizeof(Word));
    }
  });
}

template <class Word>
void scatter_row(char* __restrict row, std::int64_t stride, std::int64_t n,
                 const char* __restrict block) {
  if (stride == std::int64_t(sizeof(Word))) {
    std::memcpy(row, block, std::size_t(n) * sizeof(Word));
    return;
  }
  with_stride<Word>(stride, [=](auto known) {
    for (std::int64_t i = 0; i < n; ++i) {
      std::memcpy(row + i * known, block + i * std::int64_t(sizeof(Word)), sizeof(Word));
    }
  });
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

}  // namespace instep
