// Whether arrays share memory: what is written must share none with any other array of the call.
#pragma once

#include <cstdint>
#include <vector>

#include "bindings/array.hpp"

namespace instep {

// The memory that a call writes.
class WrittenMemory {
 public:
  // The array must outlive this object; `role` is a literal or as long-lived.
  void add(PyObject* array, const Label& label, const char* role);

  // Sorts what was added. Raises ValueError when two of the arrays share memory, or when that is
  // too hard to decide.
  void settle();

  // Raises ValueError when `array`, which is only read, shares memory with what is written.
  void check_read(PyObject* array, const Label& label, const char* role) const;

  // Whether nothing is written within these bounds.
  bool is_apart(const Bounds& bounds) const;

 private:
  struct Extent {
    std::uintptr_t low = 0, high = 0;  // the bytes in [low, high)
    PyObject* array = nullptr;
    Label label;
    const char* role = nullptr;
  };

  // The number of extents that begin below an address.
  std::size_t beginning_below(std::uintptr_t address) const;

  static Extent extent(PyObject* array, const Label& label, const char* role);
  static void check_pair(const Extent& a, const Extent& b);

  std::vector<Extent> extents_;          // by low
  std::vector<std::uintptr_t> highest_;  // of the extents up to each
};

}  // namespace instep
