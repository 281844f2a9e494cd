#include "engine/floor.hpp"

#include <algorithm>

#include "engine/parallel.hpp"
#include "engine/placement.hpp"

namespace instep {

void Floor::run_part(std::int64_t begin, std::int64_t end) const noexcept {
  void* parts[max_arrays];
  for (int k = 0; k < array_count; ++k) {
    parts[k] = static_cast<char*>(arrays[k]) + begin * item_size;
  }
  loop(parts, end - begin, Coefficients());
}

void Floor::run() const noexcept {
  const std::int64_t lead = std::min(size, elements_to_line(arrays[0], item_size));
  run_part(0, lead);
  const std::int64_t per_line = cache_line / item_size;
  const std::int64_t lines = (size - lead) / per_line;
  on_threads(threads, [&](int share, int shares) noexcept {
    const bool last = share == shares - 1;
    run_part(lead + lines * share / shares * per_line,
             last ? size : lead + lines * (share + 1) / shares * per_line);
  });
}

}  // namespace instep
