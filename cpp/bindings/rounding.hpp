// How the arrays of a parameter are rounded to 16 bits.
#pragma once

#include <cstdint>

namespace instep {

struct Rounding {
  unsigned by_chance = 0;   // a bit for each slot that is rounded so
  std::int64_t number = 0;  // of the parameter, of which its random bits are a function
  // The index of its first element, in C order, among those of which the array is a part.
  std::int64_t first_index = 0;
};

}  // namespace instep
