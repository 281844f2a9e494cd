// Where the arrays of one parameter lie in memory, as far as it decides the speed of a step.
#pragma once

#include <cstdint>

#include "kernels/prefetch.hpp"

namespace instep {

// Addresses that agree modulo this collide in a processor's caches and in its order of loads after
// stores.
constexpr std::int64_t collision_bytes = 4096;

// From this size on a direct run is begun in two parts, so that the second starts at a cache line
// of the parameter; below it, the two calls cost more than vectors that straddle lines.
constexpr std::int64_t least_bytes_to_align = 4096;

// Elements from there on that lie before the next start of a cache line.
inline std::int64_t elements_to_line(const void* address, std::int64_t item_size) {
  const auto place = std::int64_t(reinterpret_cast<std::uintptr_t>(address) % cache_line);
  return (cache_line - place) % cache_line / item_size;
}

// An array's address modulo `modulus`, a power of two.
struct Placement {
  std::int64_t phase = 0, modulus = 1;

  // Bytes from there on before the next such address.
  std::int64_t distance_from(const void* address) const {
    const auto begin = reinterpret_cast<std::uintptr_t>(address);
    return std::int64_t((std::uintptr_t(phase) - begin) % std::uintptr_t(modulus));
  }
};

// The best place for the k-th of so many states of a parameter of that address and size: in the
// parameter's phase within a cache line, so that all of them are aligned at once, and as far as can
// be from the other arrays modulo `collision_bytes`. Measured with Adam in cache: 0.35 ns an
// element with all arrays as malloc places them, 0.29 ns so.
constexpr Placement place_state(std::int64_t address, std::int64_t bytes, std::int64_t item_size,
                                int k, int states) {
  if (bytes < least_bytes_to_align) return {0, cache_line};
  const std::int64_t distance = collision_bytes / (states + 1) / cache_line * cache_line;
  return {(address / item_size * item_size + (k + 1) * distance) % collision_bytes,
          collision_bytes};
}

}  // namespace instep
