// A turn with an optimizer as Python's `with` statement holds it.
#pragma once

#include <utility>

#include "bindings/optimizer.hpp"

namespace instep {

// Given back when it is left or, where an interrupt comes before that, when it is destroyed.
class HeldTurn {
 public:
  explicit HeldTurn(py::object optimizer)
      : object_(std::move(optimizer)), optimizer_(object_.cast<Optimizer&>()) {}
  ~HeldTurn() { leave(); }
  HeldTurn(const HeldTurn&) = delete;
  HeldTurn& operator=(const HeldTurn&) = delete;

  void enter() {
    optimizer_.take_turn();
    held_ = true;
  }
  void leave() {
    if (std::exchange(held_, false)) optimizer_.give_turn();
  }

 private:
  py::object object_;
  Optimizer& optimizer_;
  bool held_ = false;
};

}  // namespace instep
