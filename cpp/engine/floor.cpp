#include "engine/floor.hpp"

#include <algorithm>

#include "engine/parallel.hpp"
#include "engine/placement.hpp"

namespace instep {

void Floor::run() const noexcept {
  const auto loop_over = [this](std::int64_t begin, std::int64_t end) { run_part(begin, end); };
  if (takes_roots && read_before > 0) run_pass(loop_over);
  for (int left = takes_roots ? 0 : read_before, count; left > 0; left -= count) {
    count = std::min(left, written_count + 1);
    run_pass([this, count](std::int64_t begin, std::int64_t end) { read_part(count, begin, end); });
  }
  run_pass(loop_over);
}

template <class Part>
void Floor::run_pass(Part part) const noexcept {
  const std::int64_t lead = std::min(size, elements_to_line(written[param_place], item_size));
  part(0, lead);
  const std::int64_t per_line = cache_line / item_size;
  const std::int64_t lines = (size - lead) / per_line;
  on_threads(threads, [&](int share, int shares) noexcept {
    const bool last = share == shares - 1;
    part(lead + lines * share / shares * per_line,
         last ? size : lead + lines * (share + 1) / shares * per_line);
  });
}

void Floor::run_part(std::int64_t begin, std::int64_t end) const noexcept {
  const std::int64_t offset = begin * item_size;
  void* parts[max_written];
  for (int k = 0; k < written_count; ++k) parts[k] = static_cast<char*>(written[k]) + offset;
  loop(parts, static_cast<const char*>(grad) + offset, end - begin, Coefficients());
}

void Floor::read_part(int count, std::int64_t begin, std::int64_t end) const noexcept {
  const void* parts[max_written + 1] = {written[param_place], grad};
  std::copy(written + first_state_place, written + written_count, parts + 2);
  for (int k = 0; k < count; ++k) {
    parts[k] = static_cast<const char*>(parts[k]) + begin * item_size;
  }
  read[count - 1](parts, (end - begin) * item_size);
}

}  // namespace instep
