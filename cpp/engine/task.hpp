// One parameter's step: its arrays, the loop that steps them, and how a range of it is stepped.
#pragma once

#include <cstdint>

#include "engine/direct_arrays.hpp"
#include "engine/stream.hpp"
#include "kernels/table.hpp"

namespace instep {

class Task {
 public:
  Loop loop = nullptr;
  const Coefficients* coefficients = nullptr;

  // What is done to the gradient first, block by block; null: nothing. It is not, where the
  // gradient is of another type than the parameter.
  ConditionGradient condition_grad = nullptr;
  Condition condition = {};

  Task() = default;
  Task(std::int64_t size, std::int64_t item_size) : size_(size) { arrays_.item_size = item_size; }

  // The parameter comes first, then the states that the loop uses.
  void add_written(Stream stream) noexcept;
  void set_grad(Stream stream) noexcept;
  DType grad_dtype() const { return grad_.dtype(); }

  std::int64_t size() const { return size_; }
  std::int64_t item_size() const { return arrays_.item_size; }
  std::int64_t bytes_per_element() const { return arrays_.bytes_per_element(); }
  std::int64_t bytes() const { return size_ * bytes_per_element(); }

  // Elements from `at` on before the parameter's next cache line, where it lies contiguously.
  std::int64_t lead_in(std::int64_t at) const noexcept { return arrays_.lead_in(at); }

  // Steps the elements from `begin` on before `end`. Allocates nothing.
  void step(std::int64_t begin, std::int64_t end) const noexcept;

 private:
  struct Scratch;

  void find_direct() noexcept;
  void step_tiles(std::int64_t begin, std::int64_t end) const noexcept;
  void step_blocks(std::int64_t begin, std::int64_t end, Scratch& scratch,
                   const char* gathered_grad) const noexcept;

  // What a step of direct streams needs, close together: of many small parameters in one call, the
  // next one's is not in L1.
  std::int64_t size_ = 0;
  bool direct_ = true;
  DirectArrays arrays_;  // which begin as the streams do

  Stream written_[max_written], grad_;
};

}  // namespace instep
