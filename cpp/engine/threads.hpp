// How many threads a step may use.
#pragma once

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

// Whether so many bytes of work are too few for two threads.
bool indivisible(std::int64_t bytes);

// How many threads share so many bytes of work now.
int threads_for(std::int64_t bytes);

}  // namespace instep
