// The random bits by which what is stored in 16 bits is rounded: a function of a seed, the number
// of the step, the parameter and the element, whatever the layout and the cut.
#pragma once

#include <cstdint>

#include "engine/cursor.hpp"
#include "engine/stream.hpp"

namespace instep {

// The arrays of a parameter have slots: each state its place among those of the rule, the parameter
// this one. Of two neighbours, which are a pair, one takes the lower halves of the words and the
// other the upper.
constexpr int param_slot = 4;

// Those of a parameter that goes to its other point, and back, after the step.
constexpr int exchange_slots[] = {5, 6};

// Of all elements of a parameter's arrays in one step, its `step`-th.
std::uint64_t random_key(std::uint64_t seed, std::int64_t step, std::int64_t parameter);

// The indices of a parameter's elements, in C order, as if they were addresses.
struct Indices {
  Stream stream;
  const char* first = nullptr;   // the address that stands for `first_index`
  std::int64_t first_index = 0;  // above 0 where these are a part of a parameter
};

// The words of n elements of a pair of slots; `at` stands in the stream of the indices. Allocates
// nothing.
void random_words(std::uint64_t key, int pair, const Indices& indices, Cursor at, std::int64_t n,
                  std::uint32_t* words) noexcept;

}  // namespace instep
