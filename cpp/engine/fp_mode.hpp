// The floating-point mode of a step: IEEE default (round to nearest, subnormals kept), whatever
// the calling thread or another library's threads were set to; the mode found is restored.
#pragma once

#include <cfenv>
#include <cstdint>

#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

namespace instep {

class IeeeMode {
 public:
  IeeeMode(const IeeeMode&) = delete;
  IeeeMode& operator=(const IeeeMode&) = delete;

#if defined(__x86_64__) || defined(_M_X64)
  IeeeMode() : found_(_mm_getcsr()) {
    if ((found_ & ~raised_flags) != default_mode) _mm_setcsr(default_mode);
  }
  ~IeeeMode() {
    if ((found_ & ~raised_flags) != default_mode) _mm_setcsr(found_);
  }

 private:
  static constexpr unsigned raised_flags = 0x003f, default_mode = 0x1f80;
  unsigned found_;
#elif defined(__aarch64__) && defined(__GNUC__)
  IeeeMode() {
    __asm__ volatile("mrs %0, fpcr" : "=r"(found_));
    if (found_ != 0) set(0);
  }
  ~IeeeMode() {
    if (found_ != 0) set(found_);
  }

 private:
  static void set(std::uint64_t mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode)); }
  std::uint64_t found_;
#else
  IeeeMode() {
    std::fegetenv(&found_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~IeeeMode() { std::fesetenv(&found_); }

 private:
  std::fenv_t found_;
#endif
};

}  // namespace instep
