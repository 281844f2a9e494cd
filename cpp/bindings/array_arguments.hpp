// Where the arrays stand among the arguments of a step that keeps no states.
#pragma once

namespace instep {

// The states of the rule follow one another from there on.
constexpr int param_argument = 0, grad_argument = 1, first_state_argument = 2;

}  // namespace instep
