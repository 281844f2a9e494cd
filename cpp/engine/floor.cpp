#include "engine/floor.hpp"

#include <algorithm>

#include "engine/parallel.hpp"
#include "engine/placement.hpp"

namespace instep {

void Floor::run() const noexcept {
  if (read_before > 0) run_pass(takes_roots ? &Floor::run_part : &Floor::read_part);
  run_pass(&Floor::run_part);
}

void Floor::run_pass(Part part) const noexcept {
  const std::int64_t lead = std::min(size, elements_to_line(written[param_place], item_size));
  (this->*part)(0, lead);
  const std::int64_t per_line = cache_line / item_size;
  const std::int64_t lines = (size - lead) / per_line;
  on_threads(threads, [&](int share, int shares) noexcept {
    const bool last = share == shares - 1;
    (this->*part)(lead + lines * share / shares * per_line,
                  last ? size : lead + lines * (share + 1) / shares * per_line);
  });
}

void Floor::run_part(std::int64_t begin, std::int64_t end) const noexcept {
  const std::int64_t offset = begin * item_size;
  void* parts[max_written];
  for (int k = 0; k < written_count; ++k) parts[k] = static_cast<char*>(written[k]) + offset;
  loop(parts, static_cast<const char*>(grad) + offset, end - begin, Coefficients());
}

void Floor::read_part(std::int64_t begin, std::int64_t end) const noexcept {
  const void* parts[max_written + 1] = {written[param_place], grad};
  std::copy(written + first_state_place, written + written_count, parts + 2);
  for (int k = 0; k < read_before; ++k) {
    parts[k] = static_cast<const char*>(parts[k]) + begin * item_size;
  }
  read(parts, (end - begin) * item_size);
}

}  // namespace instep
