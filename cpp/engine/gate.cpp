#include "engine/gate.hpp"

#include <condition_variable>
#include <mutex>
#include <new>
#include <stdexcept>
#include <system_error>

// Where processes fork: neither on Windows nor in WebAssembly.
#if !defined(_WIN32) && !defined(__EMSCRIPTEN__)
#define INSTEP_FORKS
#include <pthread.h>
#ifdef _OPENMP
#include <omp.h>
#endif
#endif

namespace instep {
namespace {

struct Monitor {
  std::mutex mutex;
  std::condition_variable changed;
  std::int64_t inside = 0;
  bool closed = false;
};

// Never destroyed: daemon threads may step while the process exits.
alignas(Monitor) unsigned char storage[sizeof(Monitor)];
Monitor& monitor = *new (storage) Monitor;

std::atomic<int> waiting{0};
// How many forks lie between this process and the one that guards them.
std::atomic<std::uint32_t> generation{0};

#ifdef INSTEP_FORKS

void before_fork() {
  std::unique_lock<std::mutex> lock(monitor.mutex);
  monitor.closed = true;
  monitor.changed.wait(lock, [] { return monitor.inside == 0; });
  lock.release();
}

void after_fork_in_parent() {
  monitor.closed = false;
  monitor.mutex.unlock();
  monitor.changed.notify_all();
}

// The threads that waited on the mutex and the condition do not exist here, and glibc's condition
// variables wait for waiters to leave; so both begin anew.
void after_fork_in_child() {
  new (storage) Monitor;
  waiting = 0;
  ++generation;
}

// The handlers before a fork run in reverse order. LLVM's OpenMP runtime registers one when it is
// first called, which takes the lock that a step needs to start its threads: ours, which waits for
// the steps, must come before it, and so be registered after it.
int register_handlers() noexcept {
#ifdef _OPENMP
  omp_get_max_threads();
#endif
  return pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

#endif

// Distinguishes threads, and with the generation also the threads of a parent from a child's own.
std::uint64_t this_thread() {
  static std::atomic<std::uint32_t> last{0};
  thread_local const std::uint32_t id = ++last;
  return (std::uint64_t(generation) << 32) | id;
}

}  // namespace

void guard_forks() {
#ifdef INSTEP_FORKS
  static const int error = register_handlers();
  if (error != 0) throw std::system_error(error, std::generic_category(), "pthread_atfork");
#endif
}

void Gate::enter() {
  std::unique_lock<std::mutex> lock(monitor.mutex);
  monitor.changed.wait(lock, [] { return !monitor.closed; });
  ++monitor.inside;
}

void Gate::leave() {
  const std::scoped_lock lock(monitor.mutex);
  if (--monitor.inside == 0 && monitor.closed) monitor.changed.notify_all();
}

bool forked() { return generation.load(std::memory_order_relaxed) != 0; }

bool Turn::try_take() {
  const std::uint64_t me = this_thread();
  std::uint64_t owner = 0;
  if (owner_.compare_exchange_strong(owner, me)) return true;
  if (owner == me) {
    throw std::logic_error("the optimizer is in the middle of a step of this very thread");
  }
  const bool left_behind = (owner >> 32) != (me >> 32);
  return left_behind && owner_.compare_exchange_strong(owner, me);
}

void Turn::take() {
  std::unique_lock<std::mutex> lock(monitor.mutex);
  // Counted before it looks, as give() frees before it counts: one of the two sees the other.
  ++waiting;
  monitor.changed.wait(lock, [this] { return try_take(); });
  --waiting;
}

void Turn::give() {
  owner_ = 0;
  if (waiting > 0) {
    {
      const std::scoped_lock lock(monitor.mutex);
    }
    monitor.changed.notify_all();
  }
}

}  // namespace instep
