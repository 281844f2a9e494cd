#include "bindings/overlap.hpp"

#include <algorithm>

namespace instep {
namespace {

// Steps of NumPy's solver of bounded Diophantine equations before it gives up.
constexpr int solver_work = 100'000;

}  // namespace

WrittenMemory::Extent WrittenMemory::extent(PyObject* array, const Label& label, const char* role) {
  const auto [low, high] = bounds(array);
  return {low, high, array, label, role};
}

void WrittenMemory::check_pair(const Extent& a, const Extent& b) {
  const py::object shares_memory = py::module_::import("numpy").attr("shares_memory");
  std::string verdict = "share memory";
  try {
    if (!shares_memory(py::handle(a.array), py::handle(b.array), solver_work).cast<bool>()) return;
  } catch (py::error_already_set& error) {
    if (!error.matches(py::module_::import("numpy.exceptions").attr("TooHardError"))) throw;
    verdict = "may share memory (too hard to decide)";
  }
  throw py::value_error(a.label.with(a.role) + " and " + b.label.with(b.role) + " " + verdict +
                        "; expected separate arrays, pass a copy of one");
}

void WrittenMemory::add(PyObject* array, const Label& label, const char* role) {
  const Extent added = extent(array, label, role);
  if (added.low < added.high) extents_.push_back(added);
}

void WrittenMemory::settle() {
  std::stable_sort(extents_.begin(), extents_.end(),
                   [](const Extent& a, const Extent& b) { return a.low < b.low; });
  highest_.clear();
  for (std::size_t i = 0; i < extents_.size(); ++i) {
    for (std::size_t j = i; j > 0 && highest_[j - 1] > extents_[i].low; --j) {
      if (extents_[j - 1].high > extents_[i].low) check_pair(extents_[j - 1], extents_[i]);
    }
    highest_.push_back(std::max(extents_[i].high, i > 0 ? highest_[i - 1] : 0));
  }
}

void WrittenMemory::check_read(PyObject* array, const Label& label, const char* role) const {
  const Extent read = extent(array, label, role);
  if (read.low == read.high) return;
  for (std::size_t j = beginning_below(read.high); j > 0 && highest_[j - 1] > read.low; --j) {
    if (extents_[j - 1].high > read.low) check_pair(extents_[j - 1], read);
  }
}

bool WrittenMemory::is_apart(const Bounds& bounds) const {
  if (bounds.low == bounds.high) return true;
  const std::size_t j = beginning_below(bounds.high);
  return j == 0 || highest_[j - 1] <= bounds.low;
}

std::size_t WrittenMemory::beginning_below(std::uintptr_t address) const {
  return std::size_t(
      std::lower_bound(extents_.begin(), extents_.end(), address,
                       [](const Extent& e, std::uintptr_t high) { return e.low < high; }) -
      extents_.begin());
}

}  // namespace instep
