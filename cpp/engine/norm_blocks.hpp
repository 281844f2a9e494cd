// Norms whose bits depend on no thread, no layout and no cut: squares are summed in blocks of
// elements in C order, and the blocks of an array in pairs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/sum_in_pairs.hpp"
#include "kernels/table.hpp"

namespace instep {

// By what elements are to be multiplied whose squares this is the sum of, so that their sum can be
// represented wherever the norm can: 1 where it is right, and for NaN. From 2^-900 on, what squares
// have lost below the smallest normal number is far below the last bit.
inline double rescaling(double sum) {
  constexpr double least_sum = 0x1p-900, large = 0x1p600;
  return sum < least_sum ? large : std::isinf(sum) ? 1.0 / large : 1.0;
}

// The blocks of several arrays, one after another.
class NormBlocks {
 public:
  void clear() { arrays_.clear(); }
  void add(std::int64_t size) {
    arrays_.push_back({size, count(), count() + std::size_t((size + norm_block - 1) / norm_block)});
  }

  // Of all arrays.
  std::size_t count() const { return arrays_.empty() ? 0 : arrays_.back().end; }

  // The sum of an array's blocks, whose sums stand among those of all; it changes them.
  double sum(std::size_t array, double* sums) const {
    const Array& each = arrays_[array];
    return sum_in_pairs(sums + each.first, each.end - each.first);
  }

  // Calls part(array, block, begin, end) for each array of which a share has blocks: the elements
  // from `begin` on before `end`, in blocks from `block` on.
  template <class Part>
  void each(int share, int shares, Part part) const {
    const auto before = [this, shares](int n) {
      return count() * std::size_t(n) / std::size_t(shares);
    };
    const std::size_t end = before(share + 1);
    std::size_t block = before(share);
    auto array = std::upper_bound(arrays_.begin(), arrays_.end(), block,
                                  [](std::size_t at, const Array& each) { return at < each.end; });
    for (; block < end; ++array) {
      const std::size_t stop = std::min(end, array->end);
      if (block == stop) continue;
      part(std::size_t(array - arrays_.begin()), block,
           std::int64_t(block - array->first) * norm_block,
           std::min(array->size, std::int64_t(stop - array->first) * norm_block));
      block = stop;
    }
  }

 private:
  struct Array {
    std::int64_t size = 0;
    std::size_t first = 0, end = 0;  // blocks
  };
  std::vector<Array> arrays_;
};

}  // namespace instep
