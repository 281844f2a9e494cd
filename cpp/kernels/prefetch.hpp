// The line of memory that a processor moves at once, and how to ask for one. In an anonymous
// namespace, as the kernels' files may not share a function (see rules/rule.hpp).
#pragma once

#include <stdint.h>

#ifdef _M_X64
#include <xmmintrin.h>
#endif

namespace instep {
namespace {

constexpr int64_t cache_line = 64;

// Asks for the cache line of an address, which need not be valid, ahead of its use.
inline void prefetch(const void* address) {
#ifdef __GNUC__
  __builtin_prefetch(address);
#elif defined(_M_X64)
  _mm_prefetch(static_cast<const char*>(address), _MM_HINT_T0);
#else
  (void)address;
#endif
}

}  // namespace
}  // namespace instep
