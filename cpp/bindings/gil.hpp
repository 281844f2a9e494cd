// Work without the GIL.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>

#include "engine/gate.hpp"

namespace instep {

// Under so many bytes of work the GIL is kept: to release it and take it back costs more.
constexpr std::int64_t least_bytes_to_release_gil = 256 << 10;

// Calls `work`, which needs no GIL and may throw, without it where that pays.
template <class Work>
void without_gil(std::int64_t bytes, Work work) {
  if (bytes < least_bytes_to_release_gil) {
    work();
    return;
  }
  const pybind11::gil_scoped_release release;
  const Gate gate;  // left before the GIL is waited for
  work();
}

}  // namespace instep
