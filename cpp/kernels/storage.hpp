// Loops between storage types and working types, and the random bits by which some round. Included
// like loops.hpp.
#pragma once

#include <stdint.h>

#include "kernels/loops.hpp"
#include "kernels/narrow.hpp"

namespace instep {
namespace {

template <class Stored>
INSTEP_WIDEST void widen(const void* from, void* to, int64_t n) {
  const auto* const stored = static_cast<const Stored*>(from);
  auto* const number = static_cast<float*>(to);
  INSTEP_NO_OVERLAP
  for (int64_t i = 0; i < n; ++i) number[i] = widened(stored[i]);
}

// Rounds n numbers as if none had a magnitude of `limit` or more, of which quick(i) returns that of
// the i-th, and all of them again where one has: the looks at each that this saves are a third of
// the time.
template <class Quick, class Exact>
inline void round_twice(int64_t n, uint32_t limit, Quick quick, Exact exact) {
  uint32_t largest = 0;
  INSTEP_NO_OVERLAP
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t magnitude = quick(i);
    largest = largest > magnitude ? largest : magnitude;
  }
  if (largest < limit) return;
  INSTEP_NO_OVERLAP
  for (int64_t i = 0; i < n; ++i) exact(i);
}

template <class T, class Stored>
INSTEP_WIDEST void narrow_to_nearest(const void* from, void* to, int64_t n) {
  const auto* const number = static_cast<const T*>(from);
  auto* const stored = static_cast<Stored*>(to);
  INSTEP_NO_OVERLAP
  for (int64_t i = 0; i < n; ++i) to_nearest(number[i], stored[i]);
}

template <>
INSTEP_WIDEST void narrow_to_nearest<float, BFloat16>(const void* from, void* to, int64_t n) {
  const auto* const number = static_cast<const float*>(from);
  auto* const stored = static_cast<BFloat16*>(to);
  round_twice(
      n, infinite + 1,
      [=](int64_t i) {
        const uint32_t bits = bits_of(number[i]);
        stored[i].bits = upper_to_nearest(bits);
        return bits & 0x7fffffff;
      },
      [=](int64_t i) { to_nearest(number[i], stored[i]); });
}

template <class Stored, int shift>
INSTEP_WIDEST void narrow_by_chance(const void* from, const uint32_t* random, void* to, int64_t n) {
  const auto* const number = static_cast<const float*>(from);
  auto* const stored = static_cast<Stored*>(to);
  INSTEP_NO_OVERLAP
  for (int64_t i = 0; i < n; ++i) by_chance(number[i], (random[i] >> shift) & 0xffff, stored[i]);
}

template <int shift>
INSTEP_WIDEST void narrow_to_bfloat16_by_chance(const void* from, const uint32_t* random, void* to,
                                                int64_t n) {
  const auto* const number = static_cast<const float*>(from);
  auto* const stored = static_cast<BFloat16*>(to);
  const auto bits_at = [=](int64_t i) { return (random[i] >> shift) & 0xffff; };
  round_twice(
      n, least_cut_bfloat16,
      [=](int64_t i) {
        const uint32_t bits = bits_of(number[i]);
        stored[i].bits = uint16_t((bits + bits_at(i)) >> 16);
        return bits & 0x7fffffff;
      },
      [=](int64_t i) { by_chance(number[i], bits_at(i), stored[i]); });
}

// A permutation of 32 bits by multiplications (the constants are those of Chris Wellons' lowbias32)
// between which the second half of the key is added. The multiplication before them keeps
// neighbours apart: without it they correlate.
INSTEP_WIDEST void random_bits(const RandomRun& run, uint32_t* to, int64_t n) {
  constexpr uint32_t golden = 0x9E3779B9;
  const uint32_t start = (run.index * golden) + run.low_key, stride = run.stride * golden;
  const uint32_t high_key = run.high_key;
  const auto count = uint32_t(n);
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t x = start + (i * stride);
    x = (x ^ (x >> 16)) * 0x7feb352du;
    x = ((x ^ (x >> 15)) + high_key) * 0x846ca68bu;
    to[i] = x ^ (x >> 16);
  }
}

// The upper half rounds to nearest, ties away from zero: no 16 bits could hold what ties to even
// would leave.
INSTEP_WIDEST void split(const void* master, void* upper, void* rest, int64_t n) {
  const auto* const number = static_cast<const float*>(master);
  auto* const stored = static_cast<BFloat16*>(upper);
  auto* const left = static_cast<uint16_t*>(rest);
  round_twice(
      n, infinite + 1,
      [=](int64_t i) {
        const uint32_t bits = bits_of(number[i]);
        stored[i].bits = uint16_t((bits + 0x8000) >> 16);
        left[i] = uint16_t(bits);
        return bits & 0x7fffffff;
      },
      [=](int64_t i) {
        const uint32_t bits = bits_of(number[i]);
        const bool is_nan = (bits & 0x7fffffff) > infinite;
        stored[i].bits = uint16_t(choose(is_nan, (bits >> 16) | 0x40, (bits + 0x8000) >> 16));
        left[i] = uint16_t(choose(is_nan, 0, bits));
      });
}

// Clamped: somebody may have written another number to the upper half meanwhile.
INSTEP_WIDEST void join(const void* upper, const void* rest, void* master, int64_t n) {
  const auto* const stored = static_cast<const BFloat16*>(upper);
  const auto* const left = static_cast<const int16_t*>(rest);
  auto* const number = static_cast<float*>(master);
  INSTEP_NO_OVERLAP
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t bits = uint32_t(stored[i].bits) << 16, magnitude = bits & 0x7fffffff;
    const int32_t sum = int32_t(magnitude) + left[i];
    // Where it runs over to a negative one, which no number does, the upper half is a NaN.
    const uint32_t clamped = smaller(uint32_t(sum < 0 ? 0 : sum), infinite);
    number[i] = from_bits((bits & 0x80000000) | (magnitude > infinite ? magnitude : clamped));
  }
}

constexpr StorageLoops storage_loops = {
    {nullptr, nullptr, widen<Float16>, widen<BFloat16>},
    {{narrow_to_nearest<float, float>, narrow_to_nearest<double, float>},
     {nullptr, narrow_to_nearest<double, double>},
     {narrow_to_nearest<float, Float16>, narrow_to_nearest<double, Float16>},
     {narrow_to_nearest<float, BFloat16>, narrow_to_nearest<double, BFloat16>}},
    {{nullptr, nullptr},
     {nullptr, nullptr},
     {narrow_by_chance<Float16, 0>, narrow_by_chance<Float16, 16>},
     {narrow_to_bfloat16_by_chance<0>, narrow_to_bfloat16_by_chance<16>}},
    random_bits,
    join,
    split};

}  // namespace
}  // namespace instep
