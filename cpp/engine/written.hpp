// What a task writes: a parameter and its states, as they are stored, and what goes with them.
#pragma once

#include <cstdint>

#include "engine/random_words.hpp"
#include "engine/stream.hpp"
#include "kernels/table.hpp"

namespace instep {

struct Written {
  DType working = float32;  // in which it is stepped

  // The parameter comes first, then the states that the loop uses.
  int count = 0;
  Stream streams[max_written];
  int slots[max_written] = {};
  unsigned by_chance = 0;  // a bit for each of them that is rounded so
  unsigned only_read = 0;  // a bit for each of them that the loop only reads

  // Whether something is stored in another way than it is computed, or in two places.
  bool converts = false;

  // What is cut off where the parameter stores the upper half of float32.
  Stream rest;
  bool has_rest = false;

  // What gets the parameter, rounded to its type.
  Stream copy;
  bool has_copy = false;

  // Where something is rounded by chance.
  Indices indices;

  bool is_narrow(const Stream& stream) const { return stream.dtype() != working; }
  bool is_only_read(int k) const { return (only_read >> k & 1u) != 0; }
  bool is_by_chance(int k) const { return (by_chance >> k & 1u) != 0; }
};

}  // namespace instep
