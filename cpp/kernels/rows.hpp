// Copies between a contiguous block and a row of any stride, word by word, because the row may be
// misaligned. Included like loops.hpp.
#pragma once

#include <stdint.h>
#include <string.h>

#include "kernels/table.hpp"

namespace instep {
namespace {

template <int64_t bytes>
struct KnownStride {
  constexpr operator int64_t() const { return bytes; }
};

// Calls copy(stride) with a constant where the stride is a common one, for which the compiler makes
// vectors: a third of the time for every other element, measured.
template <class Word, class Copy>
void with_stride(int64_t stride, Copy copy) {
  constexpr int64_t word = sizeof(Word);
  switch (stride) {
    case 2 * word:
      return copy(KnownStride<2 * word>());
// SSE2 alone cannot put a word into a vector: GCC stores it and loads the vector, at three times
// the time of copies one by one.
#if !defined(__SSE2__) || defined(__SSE4_1__)
    case 3 * word:
      return copy(KnownStride<3 * word>());
#endif
    case 4 * word:
      return copy(KnownStride<4 * word>());
    case -word:
      return copy(KnownStride<-word>());
    default:
      return copy(stride);
  }
}

template <class Word>
void gather_row(const char* __restrict row, int64_t stride, int64_t n, char* __restrict block) {
  with_stride<Word>(stride, [=](auto known) {
    for (int64_t i = 0; i < n; ++i) {
      memcpy(block + i * int64_t(sizeof(Word)), row + i * known, sizeof(Word));
    }
  });
}

template <class Word>
void scatter_row(char* __restrict row, int64_t stride, int64_t n, const char* __restrict block) {
  with_stride<Word>(stride, [=](auto known) {
    for (int64_t i = 0; i < n; ++i) {
      memcpy(row + i * known, block + i * int64_t(sizeof(Word)), sizeof(Word));
    }
  });
}

constexpr Rows rows = {
    {gather_row<uint32_t>, gather_row<uint64_t>, gather_row<uint16_t>, gather_row<uint16_t>},
    {scatter_row<uint32_t>, scatter_row<uint64_t>, scatter_row<uint16_t>, scatter_row<uint16_t>}};

}  // namespace
}  // namespace instep
