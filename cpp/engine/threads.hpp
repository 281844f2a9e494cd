// How many threads a step may use.
#pragma once

#include <chrono>
#include <cstdint>

namespace instep {

// The private cap; 0: none.
void set_thread_cap(int cap);

// What a large step takes now: the least of the cap, OpenMP's own number for the calling thread
// (OMP_NUM_THREADS, threadpoolctl) and a bound that keeps an absurd number from being fatal; 1 in
// a forked child and without OpenMP. At least 1.
int max_threads();

// A thread gets at least so many bytes of work. Returns the former value.
std::int64_t set_grain(std::int64_t bytes);

// How many threads share so many bytes of work now.
int threads_for(std::int64_t bytes);

// Tells how long the calling thread itself ran its share of a parallel region of so many threads,
// and how long the region took. Where other work occupies the cores (JAX's threads spin a while
// after a gradient, for one), a thread that libgomp woke waits behind it, or spins for milliseconds
// on the very core that the calling thread needs; a few calls then run on one thread, more of them
// each time it happens again.
void report_region(int threads, std::chrono::nanoseconds busy, std::chrono::nanoseconds elapsed);

}  // namespace instep
