#include "engine/work.hpp"

#include <algorithm>
#include <cstddef>

#include "engine/parallel.hpp"

namespace instep {
namespace {

// The element at which the line is cut near `bytes` into the task.
std::int64_t cut(const Task& task, std::int64_t bytes) {
  const std::int64_t index = bytes / task.bytes_per_element();
  return std::min(task.size(), index + task.lead_in(index));
}

}  // namespace

void Work::clear() {
  line_.clear();
  bytes_ = 0;
}

void Work::reserve(std::size_t tasks) { line_.reserve(tasks); }

void Work::add(const Task& task) {
  bytes_ += task.bytes();
  line_.push_back({&task, bytes_});
}

void Work::run(bool flush_subnormals) const noexcept {
  share_out(bytes_, flush_subnormals, [this](int share, int shares) noexcept {
    if (shares == 1) {
      for (const Stretch& each : line_) each.task->step(0, each.task->size());
    } else {
      run_share(share, shares);
    }
  });
}

void Work::run_share(int share, int shares) const noexcept {
  const std::int64_t begin = bytes_ / shares * share + bytes_ % shares * share / shares;
  const std::int64_t end = bytes_ / shares * (share + 1) + bytes_ % shares * (share + 1) / shares;
  auto each =
      std::upper_bound(line_.begin(), line_.end(), begin,
                       [](std::int64_t at, const Stretch& stretch) { return at < stretch.end; });
  for (; each != line_.end(); ++each) {
    const Task& task = *each->task;
    const std::int64_t start = each->end - task.bytes();
    if (start >= end) break;
    const std::int64_t from = start < begin ? cut(task, begin - start) : 0;
    const std::int64_t to = end < each->end ? cut(task, end - start) : task.size();
    if (from < to) task.step(from, to);
  }
}

}  // namespace instep
