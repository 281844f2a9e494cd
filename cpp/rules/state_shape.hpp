// Of which shape a state is, beside its parameter.
#pragma once

namespace instep {

enum class StateShape : unsigned char {
  whole,    // its parameter's
  row,      // one number for each index of the first axis, or one in all where there is no axis
  rows,     // that of a mean over the last axis, which stays with a length of 1
  columns,  // that of a mean over the axis before it, likewise
  vector,   // its parameter's, where that has less than two axes: the others have rows and columns
};

namespace {

// Whether a state has other numbers than its parameter.
constexpr bool is_reduced(StateShape shape) {
  return shape == StateShape::row || shape == StateShape::rows || shape == StateShape::columns;
}

// Whether a parameter of so many axes has a state of this shape, where its rule has.
constexpr bool exists(StateShape shape, int axes) {
  if (shape == StateShape::rows || shape == StateShape::columns) return axes >= 2;
  return shape != StateShape::vector || axes < 2;
}

}  // namespace
}  // namespace instep
