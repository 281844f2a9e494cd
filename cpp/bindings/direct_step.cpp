#include "bindings/direct_step.hpp"
#include "bindings/array_arguments.hpp"

#include <algorithm>
#include <vector>

#include "bindings/gil.hpp"
#include "engine/direct_arrays.hpp"
#include "engine/fp_mode.hpp"
#include "engine/threads.hpp"

namespace instep {
namespace {

constexpr int max_arrays = first_state_argument + max_states + max_scalars;

struct Extent {
  std::uintptr_t low, high;  // the bytes in [low, high)
  bool written;
};

// Whether what is written meets nothing else.
bool are_apart(Extent* first, Extent* last) {
  std::sort(first, last, [](const Extent& a, const Extent& b) { return a.low < b.low; });
  std::uintptr_t read_end = 0, written_end = 0;
  for (; first != last; ++first) {
    if (first->low < written_end || (first->written && first->low < read_end)) return false;
    std::uintptr_t& end = first->written ? written_end : read_end;
    end = std::max(end, first->high);
  }
  return true;
}

int array_count(const Rule& rule) {
  return first_state_argument + rule.state_count + rule.scalar_count;
}

// A parameter with its gradient, states and scalars.
struct Part {
  DirectArrays arrays;
  double* scalars[max_scalars] = {};
  std::int64_t size = 0;
  DType dtype = float32;
};

class Arrangement {
 public:
  Arrangement(const PlainTypes& types, const Rule& rule) : types_(types), rule_(rule) {}

  // Reads one parameter's arrays, appending to `extents`; false where they are no usual ones.
  bool read(PyObject* const* arrays, Part& part, Extent*& extents) {
    if (!is_plain(arrays[param_argument]) || !is_plain(arrays[grad_argument])) return false;
    const auto& param = fields(arrays[param_argument]);
    if (param.descr == types_.dtypes[float32].ptr()) {
      part.dtype = float32;
    } else if (param.descr == types_.dtypes[float64].ptr()) {
      part.dtype = float64;
    } else {
      return false;
    }
    part.arrays.grad = fields(arrays[grad_argument]).data;
    part.size = element_count(arrays[param_argument]);
    part.arrays.item_size = item_size(part.dtype);
    int contiguous = contiguous_flags;
    unsigned present = 0;
    for (int k = 0; k < first_state_argument + rule_.state_count; ++k) {
      const bool is_grad = k == grad_argument, is_state = k >= first_state_argument;
      if (is_state && arrays[k] == Py_None) {
        if ((rule_.required_states >> (k - first_state_argument) & 1u) != 0) return false;
        continue;
      }
      if (!is_plain(arrays[k])) return false;
      const auto& array = fields(arrays[k]);
      const auto address = reinterpret_cast<std::uintptr_t>(array.data);
      contiguous &= array.flags;
      if (array.descr != param.descr || array.nd != param.nd ||
          !std::equal(array.dimensions, array.dimensions + array.nd, param.dimensions) ||
          contiguous == 0 || address % std::uintptr_t(part.arrays.item_size) != 0 ||
          (!is_grad && (array.flags & writeable_flag) == 0)) {
        return false;
      }
      if (!is_grad) part.arrays.add_written(array.data);
      if (is_state) present |= 1u << (k - first_state_argument);
      *extents++ = {address, address + std::uintptr_t(part.size * part.arrays.item_size), !is_grad};
    }
    bytes_ += part.size * part.arrays.bytes_per_element();
    present_ = present;
    return read_scalars(arrays + first_state_argument + rule_.state_count, part, extents);
  }

  bool is_small() const { return bytes_ < least_bytes_to_release_gil && indivisible(bytes_); }

  // The states that exist, which are the same of all parameters.
  unsigned present() const { return present_; }

 private:
  bool read_scalars(PyObject* const* arrays, Part& part, Extent*& extents) const {
    for (int k = 0; k < rule_.scalar_count; ++k) {
      if (!is_plain(arrays[k])) return false;
      const auto& array = fields(arrays[k]);
      const auto address = reinterpret_cast<std::uintptr_t>(array.data);
      if (array.descr != types_.dtypes[float64].ptr() || array.nd != 0 ||
          address % sizeof(double) != 0 || (array.flags & writeable_flag) == 0) {
        return false;
      }
      part.scalars[k] = reinterpret_cast<double*>(array.data);
      *extents++ = {address, address + sizeof(double), true};
    }
    return true;
  }

  bool is_plain(PyObject* array) const { return Py_TYPE(array) == types_.array; }

  const PlainTypes& types_;
  const Rule& rule_;
  std::int64_t bytes_ = 0;
  unsigned present_ = 0;
};

void run(const Rule& rule, unsigned present, const Part* first, const Part* last,
         const double* options, std::int64_t step) noexcept {
  const StepMode mode;
  Coefficients coefficients[working_count];
  Loop loops[working_count] = {};
  for (; first != last; ++first) {
    if (first->size == 0 && rule.scalar_count == 0) continue;
    const DType dtype = first->dtype;
    if (loops[dtype] == nullptr || rule.scalar_count > 0) {
      const Kernel& kernel = rule.kernels[rule.variant(options, present)][dtype];
      double scalars[max_scalars] = {};
      for (int k = 0; k < rule.scalar_count; ++k) scalars[k] = *first->scalars[k];
      kernel.prepare(options, step, 1.0, scalars, coefficients[dtype]);
      for (int k = 0; k < rule.scalar_count; ++k) *first->scalars[k] = scalars[k];
      loops[dtype] = kernel.loop;
    }
    if (first->size > 0) first->arrays.step(loops[dtype], coefficients[dtype], 0, first->size);
  }
}

// Whether no other thread changes its length.
bool is_steady(PyObject* sequence) {
#ifndef Py_GIL_DISABLED
  if (PyList_CheckExact(sequence)) return true;
#endif
  return PyTuple_CheckExact(sequence);
}

bool step_sequences(const PlainTypes& types, const Rule& rule, PyObject* const* sequences,
                    const double* options, std::int64_t step) {
  const int count = array_count(rule);
  const auto length = std::size_t(PySequence_Fast_GET_SIZE(sequences[param_argument]));
  PyObject** items[max_arrays] = {};
  for (int k = 0; k < count; ++k) {
    if (k >= first_state_argument && sequences[k] == Py_None) continue;
    if (!is_steady(sequences[k])) return false;
    if (std::size_t(PySequence_Fast_GET_SIZE(sequences[k])) != length) return false;
    items[k] = PySequence_Fast_ITEMS(sequences[k]);
  }
  Arrangement arrangement(types, rule);
  std::vector<Part> parts(length);
  std::vector<Extent> extents(length * std::size_t(count));
  Extent* end = extents.data();
  for (std::size_t i = 0; i < length; ++i) {
    PyObject* arrays[max_arrays];
    for (int k = 0; k < count; ++k) {
      arrays[k] = items[k] == nullptr ? Py_None : items[k][i];
      if (arrays[k] == Py_None && items[k] != nullptr) return false;
    }
    if (!arrangement.read(arrays, parts[i], end)) return false;
  }
  if (!arrangement.is_small() || !are_apart(extents.data(), end)) return false;
  run(rule, arrangement.present(), parts.data(), parts.data() + length, options, step);
  return true;
}

}  // namespace

bool step_directly(const PlainTypes& types, const Rule& rule, PyObject* const* arrays,
                   const double* options, std::int64_t step) {
  if (rule.several_passes) return false;
  if (is_steady(arrays[param_argument])) return step_sequences(types, rule, arrays, options, step);
  Arrangement arrangement(types, rule);
  Part part;
  Extent extents[max_arrays];
  Extent* end = extents;
  if (!arrangement.read(arrays, part, end) || !arrangement.is_small() || !are_apart(extents, end)) {
    return false;
  }
  run(rule, arrangement.present(), &part, &part + 1, options, step);
  return true;
}

}  // namespace instep
