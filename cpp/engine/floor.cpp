#include "engine/floor.hpp"

#include <algorithm>

#include "engine/placement.hpp"

namespace instep {

void Floor::run_part(std::int64_t begin, std::int64_t end) const {
  void* parts[max_arrays];
  for (int k = 0; k < array_count; ++k) {
    parts[k] = static_cast<char*>(arrays[k]) + begin * item_size;
  }
  loop(parts, end - begin, Coefficients());
}

void Floor::run() const {
  const std::int64_t lead = std::min(size, elements_to_line(arrays[0], item_size));
  run_part(0, lead);
  if (threads == 1) {
    run_part(lead, size);
    return;
  }
  const std::int64_t per_line = cache_line / item_size;
  const std::int64_t lines = (size - lead) / per_line;
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) schedule(static, 1)
#endif
  for (int share = 0; share < threads; ++share) {
    const bool last = share == threads - 1;
    run_part(lead + lines * share / threads * per_line,
             last ? size : lead + lines * (share + 1) / threads * per_line);
  }
}

}  // namespace instep
