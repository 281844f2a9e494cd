// Of which shape a state is, beside its parameter.
#pragma once

namespace instep {

enum class StateShape : unsigned char {
  whole,  // its parameter's
  row,    // one number for each index of the first axis, or one in all where there is no axis
};

}  // namespace instep
