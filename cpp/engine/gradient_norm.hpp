// The norm of all elements of several arrays, whose sums are added in pairs. It is right wherever
// it can be represented, although squares may not.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/norm_blocks.hpp"
#include "engine/stream.hpp"
#include "kernels/table.hpp"

namespace instep {

class GradientNorm {
 public:
  struct Place {
    std::size_t array = 0;
    std::int64_t element = 0;  // in C order
  };

  explicit GradientNorm(const GradientLoops& loops) : loops_(&loops) {}

  void clear();
  // The stream's elements come in C order, and are widened to the working type `dtype`. May throw.
  void add(const Stream& stream, std::int64_t size, DType dtype);

  // The norm of the conditioned elements. Guarded, it is not finite where an element is not once it
  // is scaled. Allocates nothing.
  double norm(const Condition& condition, bool guarded, bool flush_subnormals) noexcept;

  // The sums of the squares of each block of the conditioned elements, `rescale` times each, of one
  // array after another. Guarded, one is not finite where an element is not once it is scaled.
  // Allocates nothing.
  const std::vector<double>& block_sums(const Condition& condition, double rescale, bool guarded,
                                        bool flush_subnormals) noexcept;

  // The first element that is not finite once it is scaled. To be asked after `norm`.
  // Allocates nothing.
  std::optional<Place> find_not_finite(double scale) const noexcept;

 private:
  struct Array {
    Stream stream;
    std::int64_t size = 0;
    DType dtype = float32;
    double sum = 0.0;
  };

  double sum(const Condition& condition, double rescale, bool guarded,
             bool flush_subnormals) noexcept;
  void sum_blocks(const Array& array, std::int64_t begin, std::int64_t end, double* sums,
                  const Condition& condition, double rescale, bool guarded) const noexcept;

  const GradientLoops* loops_;
  std::vector<Array> arrays_;
  NormBlocks blocks_;
  std::vector<double> block_sums_;
  std::vector<double> sums_;  // of the arrays
  std::int64_t bytes_ = 0;
};

}  // namespace instep
