// What rules know of whole parameters before they step them: the norm of each, and that of what its
// rule measures of its elements. They are right wherever they can be represented.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/norm_blocks.hpp"
#include "engine/task.hpp"

namespace instep {

class ParameterNorms {
 public:
  struct Norms {
    double param, measured;
  };

  void clear();
  // The task, which must stay where it is, and one of the same elements in C order, null where they
  // come so. May throw.
  void add(const Task& task, std::unique_ptr<Task> in_c_order);

  // Measures what was added, by the tasks' kernels and coefficients, and writes nothing of it.
  // Allocates nothing.
  void measure(bool flush_subnormals) noexcept;

  // Of the k-th that was added, once it was measured.
  Norms norms(std::size_t k) const;

 private:
  struct Array {
    const Task* task = nullptr;
    std::unique_ptr<Task> in_c_order;
    Norms rescale, squares;  // the sums of these, once rescaled
  };

  void sum_squares(bool flush_subnormals) noexcept;

  std::vector<Array> arrays_;
  NormBlocks blocks_;
  std::vector<double> params_, measured_;  // sums of the blocks
  std::int64_t bytes_ = 0;
};

}  // namespace instep
