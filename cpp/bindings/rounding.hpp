// How a call rounds what it stores in 16 bits.
#pragma once

#include <cstdint>

namespace instep {

// What random bits are a function of, beside the step's number and the place of an element.
struct Randomness {
  std::uint64_t seed = 0;
  std::int64_t first_parameter = 0;  // the number of the call's first
};

}  // namespace instep
