#include "engine/work.hpp"

#include <algorithm>
#include <cstddef>

#include "engine/crowding.hpp"
#include "engine/fp_mode.hpp"
#include "engine/threads.hpp"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace instep {
namespace {

// The element at which the line is cut near `bytes` into the task.
std::int64_t cut(const Task& task, std::int64_t bytes) {
  const std::int64_t index = bytes / task.bytes_per_element();
  return std::min(task.size(), index + task.lead_in(index));
}

}  // namespace

void Work::clear() {
  tasks_.clear();
  ends_.clear();
  bytes_ = 0;
}

void Work::reserve(std::size_t tasks) {
  tasks_.reserve(tasks);
  ends_.reserve(tasks);
}

void Work::add(const Task& task) {
  bytes_ += task.bytes();
  tasks_.push_back(&task);
  ends_.push_back(bytes_);
}

void Work::run(bool flush_subnormals) const {
  const int threads = threads_for(bytes_);
  if (threads == 1) {
    const StepMode mode(flush_subnormals);
    for (const Task* task : tasks_) task->step(0, task->size());
    return;
  }
#ifdef _OPENMP
  Region region(threads, bytes_);
#pragma omp parallel num_threads(threads)
  {
    const StepMode mode(flush_subnormals);
    run_share(omp_get_thread_num(), omp_get_num_threads());
    if (omp_get_thread_num() == 0) region.caller_is_done();
  }
#endif
}

void Work::run_share(int share, int shares) const {
  const std::int64_t begin = bytes_ / shares * share + bytes_ % shares * share / shares;
  const std::int64_t end = bytes_ / shares * (share + 1) + bytes_ % shares * (share + 1) / shares;
  for (auto k = std::size_t(std::upper_bound(ends_.begin(), ends_.end(), begin) - ends_.begin());
       k < tasks_.size(); ++k) {
    const Task& task = *tasks_[k];
    const std::int64_t start = ends_[k] - task.bytes();
    if (start >= end) break;
    const std::int64_t from = start < begin ? cut(task, begin - start) : 0;
    const std::int64_t to = end < ends_[k] ? cut(task, end - start) : task.size();
    if (from < to) task.step(from, to);
  }
}

}  // namespace instep
