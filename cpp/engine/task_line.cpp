#include "engine/task_line.hpp"

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

void TaskLine::step(bool flush_subnormals) const noexcept {
  share_out(bytes_, flush_subnormals, [this](int share, int shares) noexcept {
    if (shares == 1) {
      for (const Stretch& each : stretches_) each.task->step(0, each.task->size());
    } else {
      step_share(share, shares);
    }
  });
}

void TaskLine::step_share(int share, int shares) const noexcept {
  const std::int64_t begin = bytes_ / shares * share + bytes_ % shares * share / shares;
  const std::int64_t end = bytes_ / shares * (share + 1) + bytes_ % shares * (share + 1) / shares;
  auto each =
      std::upper_bound(stretches_.begin(), stretches_.end(), begin,
                       [](std::int64_t at, const Stretch& stretch) { return at < stretch.end; });
  for (; each != stretches_.end(); ++each) {
    const Task& task = *each->task;
    const std::int64_t start = each->end - task.bytes();
    if (start >= end) break;
    const std::int64_t from = start < begin ? cut(task, begin - start) : 0;
    const std::int64_t to = end < each->end ? cut(task, end - start) : task.size();
    if (from < to) task.step(from, to);
  }
}

}  // namespace instep
