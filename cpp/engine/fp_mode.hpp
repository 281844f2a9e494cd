// The floating-point mode of a step: IEEE default (round to nearest, subnormals kept, or taken for
// and flushed to zero where that is asked for), whatever the calling thread or another library's
// threads were set to; the mode found is restored.
#pragma once

#include <cfenv>
#include <cstdint>

#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

namespace instep {

class StepMode {
 public:
  StepMode(const StepMode&) = delete;
  StepMode& operator=(const StepMode&) = delete;

#if defined(__x86_64__) || defined(_M_X64)
  explicit StepMode(bool flush_subnormals = false)
      : found_(_mm_getcsr()), mode_(flush_subnormals ? default_mode | flush : default_mode) {
    if ((found_ & ~raised_flags) != mode_) _mm_setcsr(mode_);
  }
  ~StepMode() {
    if ((found_ & ~raised_flags) != mode_) _mm_setcsr(found_);
  }

 private:
  static constexpr unsigned raised_flags = 0x003f, default_mode = 0x1f80;
  static constexpr unsigned flush = 0x8040;  // FTZ, DAZ
  unsigned found_, mode_;
#elif defined(__aarch64__) && defined(__GNUC__)
  explicit StepMode(bool flush_subnormals = false)
      : mode_(flush_subnormals ? std::uint64_t(1) << 24 : 0) {  // FZ
    __asm__ volatile("mrs %0, fpcr" : "=r"(found_));
    if (found_ != mode_) set(mode_);
  }
  ~StepMode() {
    if (found_ != mode_) set(found_);
  }

 private:
  static void set(std::uint64_t mode) { __asm__ volatile("msr fpcr, %0" : : "r"(mode)); }
  std::uint64_t found_, mode_;
#else
  // C++ knows no mode that flushes.
  explicit StepMode(bool = false) {
    std::fegetenv(&found_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~StepMode() { std::fesetenv(&found_); }

 private:
  std::fenv_t found_;
#endif
};

}  // namespace instep
