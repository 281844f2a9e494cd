// How one array becomes contiguous blocks and goes back.
//
// All arrays of a step are met in one order of elements, that in which the parameter lies in
// memory; an array that lies the same way is one run that the kernel works on directly, any other
// is gathered block by block and, where it is written, scattered back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace instep {

// An order of elements: axes from the slowest to the fastest, each forwards or backwards.
class Order {
 public:
  Order() = default;
  Order(int ndim, const std::ptrdiff_t* shape, const std::ptrdiff_t* strides);

  struct Axis {
    int axis;
    bool backwards;
  };
  const std::vector<Axis>& axes() const { return axes_; }

 private:
  std::vector<Axis> axes_;
};

class Stream {
 public:
  Stream() = default;
  Stream(void* data, const std::ptrdiff_t* shape, const std::ptrdiff_t* strides,
         std::int64_t item_size, const Order& order);

  // The whole array is one contiguous, aligned run.
  bool direct() const { return direct_; }

  // How many elements from `index` on lie in one contiguous, aligned run; 0: too few to bother.
  std::int64_t run(std::int64_t index) const { return row_ == 0 ? 0 : row_ - index % row_; }

  char* data() const { return data_; }
  // The element at `index`, for one that starts or lies in a run.
  char* at(std::int64_t index) const;

  void gather(std::int64_t index, std::int64_t n, void* block) const;
  void scatter(std::int64_t index, std::int64_t n, const void* block) const;

 private:
  struct Axis {
    std::int64_t length, stride;
  };

  template <class Copy>
  void walk(std::int64_t index, std::int64_t n, Copy copy) const;

  char* data_ = nullptr;
  std::int64_t item_size_ = 0;
  std::int64_t row_ = 0;
  bool direct_ = true;
  std::vector<Axis> axes_;  // from the slowest to the fastest; empty where direct
};

}  // namespace instep
