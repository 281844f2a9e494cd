#include "engine/copy_elements.hpp"

#include <algorithm>
#include <cstring>

#include "engine/cursor.hpp"

namespace instep {

void copy_elements(const Stream& from, const Stream& to, std::int64_t size) noexcept {
  if (size == 0) return;
  const std::int64_t item = to.item_size();
  if (from.direct() && to.direct()) {
    std::memcpy(to.data(), from.data(), std::size_t(size * item));
    return;
  }
  constexpr std::int64_t block_bytes = 4096;
  char block[block_bytes];
  Cursor source, target;
  source.go(from, 0);
  target.go(to, 0);
  for (std::int64_t at = 0, n; at < size; at += n) {
    n = std::min(size - at, block_bytes / item);
    source.gather(n, block);
    target.scatter(n, block);
    source.advance(n);
    target.advance(n);
  }
}

}  // namespace instep
