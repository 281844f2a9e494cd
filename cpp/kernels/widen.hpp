// Numbers of storage types as those of a working type, exactly: integer arithmetic, since the
// processors' own conversions flush subnormal numbers, some always and some by their mode. Included
// like loops.hpp.
#pragma once

#include <stdint.h>
#include <string.h>

namespace instep {
namespace {

struct Float16 {
  uint16_t bits;
};

struct BFloat16 {
  uint16_t bits;
};

inline float from_bits(uint32_t bits) {
  float number;
  memcpy(&number, &bits, sizeof number);
  return number;
}

inline uint32_t bits_of(float number) {
  uint32_t bits;
  memcpy(&bits, &number, sizeof bits);
  return bits;
}

// Of the upper half of float32's bits.
inline float widened(BFloat16 stored) { return from_bits(uint32_t(stored.bits) << 16); }

inline float widened(Float16 stored) {
  const uint32_t sign = uint32_t(stored.bits & 0x8000) << 16, magnitude = stored.bits & 0x7fff;
  // The distance of the exponents' zeros, and of their highest values, which say "no number".
  const uint32_t rebased = (magnitude << 13) + (112u << 23);
  const uint32_t normal = magnitude < 0x7c00 ? rebased : rebased + (112u << 23);
  // A subnormal one is a whole number of 2^-24.
  const uint32_t subnormal = bits_of(float(int32_t(magnitude)) * 0x1p-24f);
  return from_bits(sign | (magnitude < 0x0400 ? subnormal : normal));
}

inline float widened(float stored) { return stored; }
inline double widened(double stored) { return stored; }

}  // namespace
}  // namespace instep
