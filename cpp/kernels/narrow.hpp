// Numbers of a working type as those of a storage type: to nearest, ties to even, or up or down by
// random bits, in proportion to how near each is. Integer arithmetic, as in widen.hpp. Included
// like loops.hpp.
#pragma once

#include <stdint.h>

#include "kernels/widen.hpp"

namespace instep {
namespace {

constexpr uint32_t infinite = 0x7f800000;

// From here on rounding by chance would make some numbers of bfloat16 infinite.
constexpr uint32_t least_cut_bfloat16 = 0x7f7f0000;

// From here on float16 is normal; below, it is a whole number of 2^-24.
constexpr uint32_t least_normal_float16 = 0x38800000;

// What float32's bits are to be less by to have float16's exponent.
constexpr uint32_t rebase_float16 = 112u << 23;

// Without a branch, which keeps a loop from being vectorized.
inline uint32_t choose(bool condition, uint32_t yes, uint32_t no) {
  const uint32_t mask = 0u - uint32_t(condition);
  return (yes & mask) | (no & ~mask);
}

inline uint32_t smaller(uint32_t a, uint32_t b) { return a < b ? a : b; }

inline void to_nearest(float number, float& stored) { stored = number; }
inline void to_nearest(double number, double& stored) { stored = number; }

// Of all but NaNs, some of which would be carried to a number.
inline uint16_t upper_to_nearest(uint32_t bits) {
  return uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

inline void to_nearest(float number, BFloat16& stored) {
  const uint32_t bits = bits_of(number);
  const bool is_nan = (bits & 0x7fffffff) > infinite;
  stored.bits = uint16_t(choose(is_nan, (bits >> 16) | 0x40, upper_to_nearest(bits)));
}

inline void to_nearest(float number, Float16& stored) {
  const uint32_t bits = bits_of(number), magnitude = bits & 0x7fffffff;
  const uint32_t half_below = 0x0fff + ((magnitude >> 13) & 1);
  const uint32_t normal = smaller((magnitude + half_below - rebase_float16) >> 13, 0x7c00);
  // The addition rounds to a whole number.
  const uint32_t subnormal = bits_of((from_bits(magnitude) * 0x1p24f) + 0x1p23f) - bits_of(0x1p23f);
  const uint32_t finite = magnitude < least_normal_float16 ? subnormal : normal;
  const uint32_t nan = ((magnitude >> 13) & 0x03ff) | 0x7e00;
  stored.bits = uint16_t(((bits >> 16) & 0x8000) | (magnitude > infinite ? nan : finite));
}

// The neighbour in float32 whose last bit is 1 where the number is none: what is rounded once more
// is then what would have been rounded once.
inline float to_odd(double number) {
  const auto nearest = float(number);
  const double back = nearest;
  const uint32_t inexact = back != number;
  const uint32_t away = inexact & (uint32_t(back > number) ^ uint32_t(number < 0));
  return from_bits((bits_of(nearest) - away) | inexact);
}

inline void to_nearest(double number, float& stored) { stored = float(number); }

template <class Stored>
inline void to_nearest(double number, Stored& stored) {
  to_nearest(to_odd(number), stored);
}

// `random` holds 16 random bits. What is finite stays so: the numbers of the highest magnitude are
// cut, as those are that are none.
inline void by_chance(float number, uint32_t random, BFloat16& stored) {
  const uint32_t bits = bits_of(number), magnitude = bits & 0x7fffffff;
  const uint32_t quiet = choose(magnitude > infinite, 0x40, 0);
  const uint32_t cut = (bits >> 16) | quiet, moved = (bits + random) >> 16;
  stored.bits = uint16_t(choose(magnitude < least_cut_bfloat16, moved, cut));
}

inline void by_chance(float number, uint32_t random, Float16& stored) {
  const uint32_t bits = bits_of(number), magnitude = bits & 0x7fffffff;
  const uint32_t normal = smaller((magnitude + (random >> 3) - rebase_float16) >> 13, 0x7bff);
  // Exact, all of it. Clamped, since a conversion of what is no int32 would be undefined.
  const float scaled = from_bits(smaller(magnitude, least_normal_float16)) * 0x1p24f;
  const auto whole = int32_t(scaled);
  const float chance = (float(int32_t(random)) + 0.5f) * 0x1p-16f;
  const uint32_t subnormal = uint32_t(whole) + uint32_t(scaled - float(whole) > chance);
  const uint32_t finite = choose(magnitude < least_normal_float16, subnormal, normal);
  const uint32_t nan = ((magnitude >> 13) & 0x03ff) | 0x7e00;
  const uint32_t other = choose(magnitude > infinite, nan, 0x7c00);
  stored.bits = uint16_t(((bits >> 16) & 0x8000) | choose(magnitude < infinite, finite, other));
}

}  // namespace
}  // namespace instep
