// One array as the engine meets it: its elements in an order that all arrays of a step share, that
// in which the parameter lies in memory. An array that lies the same way is one run which the
// kernel works on directly; any other is met in runs, or gathered block by block and scattered
// back. Of the slowest axis a stream may meet chosen rows alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/dtype.hpp"

namespace instep {

// An order of elements: axes from the slowest to the fastest, each forwards or backwards.
class Order {
 public:
  Order() = default;
  // That in which an array of these strides lies in memory.
  Order(int ndim, const std::ptrdiff_t* shape, const std::ptrdiff_t* strides);
  // That of the axes, the last the fastest.
  static Order of_c(int ndim, const std::ptrdiff_t* shape);

  struct Axis {
    int axis = 0;
    bool backwards = false;
  };
  const std::vector<Axis>& axes() const { return axes_; }

  // Whether axis 0 is the slowest, forwards.
  bool has_rows_first() const {
    return !axes_.empty() && axes_.front().axis == 0 && !axes_.front().backwards;
  }
  // Whether it is that of the axes.
  bool is_c() const;

  // The same, but with axis 0 as the slowest, forwards, even if its length is 1.
  Order rows_first() const;

  // How an array without gaps lies in this order: the strides of its axes, and how far from the
  // lowest address the element lies whose index is 0 on all of them.
  struct Layout {
    std::vector<std::ptrdiff_t> strides;
    std::ptrdiff_t origin = 0;
  };
  Layout contiguous(int ndim, const std::ptrdiff_t* shape, std::int64_t item_size) const;

 private:
  std::vector<Axis> axes_;
};

class Stream {
 public:
  struct Axis {
    std::int64_t length = 0, stride = 0;
  };

  Stream() = default;
  Stream(void* data, const std::ptrdiff_t* shape, const std::ptrdiff_t* strides, DType dtype,
         const Order& order)
      : Stream(data, shape, strides, dtype, order, nullptr) {}

  // The given rows of an array: axis 0, which comes first in the order, has shape[0] of them. They
  // must stay where they are as long as the stream is used.
  Stream(void* data, const std::ptrdiff_t* shape, const std::ptrdiff_t* strides, DType dtype,
         const Order& order, const std::int64_t* rows);

  // The whole array is one contiguous, aligned run.
  bool direct() const { return direct_; }

  // The array is met in contiguous, aligned rows that are long enough to be worked on in place.
  bool in_rows() const { return in_rows_; }

  // The elements that follow one another lie in cache lines of their own, and those of the next row
  // beside them.
  bool crosses_lines() const;

  char* data() const { return data_; }
  DType dtype() const { return dtype_; }
  std::int64_t item_size() const { return instep::item_size(dtype_); }

  // At least one, from the slowest to the fastest; neighbours that make one run are one axis. With
  // chosen rows at least two, the first of them the rows.
  const std::vector<Axis>& axes() const { return axes_; }

  // Null where all are met, one after another.
  const std::int64_t* rows() const { return rows_; }

 private:
  char* data_ = nullptr;
  const std::int64_t* rows_ = nullptr;
  DType dtype_ = float32;
  bool direct_ = true, in_rows_ = true;
  std::vector<Axis> axes_;
};

}  // namespace instep
