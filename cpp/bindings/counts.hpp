// What a parameter's steps change beside arrays.
#pragma once

#include <cstdint>

#include "bindings/watched.hpp"
#include "kernels/table.hpp"

namespace instep {

struct Counts {
  Watched<std::int64_t> steps = 0;            // how often it was stepped
  Watched<double> scalars[max_scalars] = {};  // as many as its rule has
};

}  // namespace instep
