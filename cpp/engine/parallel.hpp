// Parallel regions: how the threads of a step begin, and what each of them is given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "engine/crowding.hpp"
#include "engine/fp_mode.hpp"
#include "engine/threads.hpp"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace instep {

// What a part's large objects may take of its thread's stack: where nobody says how large that is,
// musl makes it 128 KiB.
constexpr std::size_t most_stack = 96 << 10;

// Calls part(share, shares) on each of so many threads, or on fewer where OpenMP gives fewer.
template <class Part>
void on_threads([[maybe_unused]] int threads, Part part) noexcept {
  static_assert(std::is_nothrow_invocable_v<Part, int, int>,
                "nothing could catch what leaves a parallel region");
#ifdef _OPENMP
  if (threads > 1) {
#pragma omp parallel num_threads(threads)
    part(omp_get_thread_num(), omp_get_num_threads());
    return;
  }
#endif
  part(0, 1);
}

// Calls part(share, shares) on as many threads as so many bytes of work deserve now, each in the
// floating-point mode of a step.
template <class Part>
void share_out(std::int64_t bytes, bool flush_subnormals, Part part) noexcept {
  const int threads = threads_for(bytes);
  if (threads == 1) {
    const StepMode mode(flush_subnormals);
    part(0, 1);
    return;
  }
  RegionWatch watch(threads, bytes);
  on_threads(threads, [part, flush_subnormals, &watch](int share, int shares) noexcept {
    const StepMode mode(flush_subnormals);
    part(share, shares);
    if (share == 0) watch.caller_is_done();
  });
}

}  // namespace instep
