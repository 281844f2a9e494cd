// What makes fork safe beside running steps.
//
// A step that has let go of the GIL passes the gate; fork closes it and waits until all that are
// inside have left, so that a child never sees an array half stepped. Nobody inside may wait for
// the GIL, which the forking thread holds. In the child OpenMP is never entered again: libgomp
// would wait for threads that fork did not copy
// (https://github.com/scikit-learn/scikit-learn/issues/19272).
#pragma once

#include <atomic>
#include <cstdint>

namespace instep {

// To be called before there are steps. Throws std::system_error where the system has no room for
// what must happen at a fork.
void guard_forks();

class Gate {
 public:
  Gate() { enter(); }
  ~Gate() { leave(); }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

 private:
  static void enter();
  static void leave();
};

// Whether this process was forked after guard_forks was called.
bool forked();

// One thread's turn with an object; others wait. After a fork, a turn of a thread that the child
// does not have is over.
class Turn {
 public:
  // False when another thread has it. Throws std::logic_error when the calling thread has it.
  bool try_take();
  // Waits; with the GIL, that would stop the thread whose turn it is.
  void take();
  // Has the turn.
  void give();

 private:
  std::atomic<std::uint64_t> owner_{0};
};

}  // namespace instep
