#include "engine/copy_elements.hpp"

#include <algorithm>
#include <cstring>

#include "engine/cursor.hpp"
#include "engine/fp_mode.hpp"
#include "kernels/prefetch.hpp"
#include "kernels/select.hpp"

namespace instep {

void copy_elements(const Stream& from, const Stream& to, std::int64_t size) noexcept {
  if (size == 0) return;
  const std::int64_t item = to.item_size();
  const ConditionGradient widen =
      from.dtype() == to.dtype() ? nullptr
                                 : chosen_table().gradients.condition[from.dtype()][to.dtype()];
  if (widen == nullptr && from.direct() && to.direct()) {
    std::memcpy(to.data(), from.data(), std::size_t(size * item));
    return;
  }
  const StepMode mode;
  constexpr std::int64_t block_bytes = 4096;
  alignas(cache_line) char block[block_bytes], wide[block_bytes];
  Cursor source, target;
  source.go(from, 0);
  target.go(to, 0);
  for (std::int64_t at = 0, n; at < size; at += n) {
    n = std::min(size - at, block_bytes / item);
    source.gather(n, block);
    if (widen != nullptr) widen(block, wide, n, unconditioned);
    target.scatter(n, widen == nullptr ? block : wide);
    source.advance(n);
    target.advance(n);
  }
}

}  // namespace instep
