#include "engine/random_words.hpp"

#include <algorithm>

#include "kernels/select.hpp"

namespace instep {
namespace {

// Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// Elements from `index` on, `stride` apart, before the upper half of the index is another.
std::int64_t before_turn(std::int64_t index, std::int64_t stride) {
  const std::int64_t lower = index & 0xffffffff;
  if (stride > 0) return ((std::int64_t(1) << 32) - lower + stride - 1) / stride;
  return stride == 0 ? INT64_MAX : lower / -stride + 1;
}

}  // namespace

std::uint64_t random_key(std::uint64_t seed, std::int64_t step, std::int64_t parameter) {
  return mixed(mixed(mixed(seed) ^ std::uint64_t(step)) ^ std::uint64_t(parameter));
}

void random_words(std::uint64_t key, int pair, const Indices& indices, Cursor at, std::int64_t n,
                  std::uint32_t* words) noexcept {
  const auto fill = chosen_table().storage.random_bits;
  const std::int64_t stride = indices.stream.axes().back().stride;
  for (std::int64_t count; n > 0; n -= count, words += count) {
    const std::int64_t index = indices.first_index + (at.element() - indices.first);
    count = std::min({n, at.run(), before_turn(index, stride)});
    const std::uint64_t keys = mixed(key ^ std::uint64_t((4 * (index >> 32)) + pair));
    fill({std::uint32_t(keys), std::uint32_t(keys >> 32), std::uint32_t(index),
          std::uint32_t(stride)},
         words, count);
    at.advance(count);
  }
}

}  // namespace instep
