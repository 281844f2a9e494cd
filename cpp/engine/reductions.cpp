#include "engine/reductions.hpp"

#include <algorithm>

#include "engine/parallel.hpp"

namespace instep {

void Reductions::run(bool flush_subnormals) const noexcept {
  for (const Each& each : reductions_) each.reduction->prepare(*each.step);
  for (int turn = 0; turn < reduction_turns; ++turn) take_turn(turn, flush_subnormals);
}

// Gives each thread one run of the pieces of all, the same at every call.
void Reductions::take_turn(int turn, bool flush_subnormals) const noexcept {
  std::int64_t all = 0;
  for (const Each& each : reductions_) all += each.reduction->pieces(turn);
  if (all == 0) return;
  share_out(bytes_, flush_subnormals, [this, turn, all](int share, int shares) noexcept {
    const std::int64_t begin = all * share / shares, end = all * (share + 1) / shares;
    std::int64_t first = 0;
    for (const Each& each : reductions_) {
      const std::int64_t count = each.reduction->pieces(turn);
      const std::int64_t last = std::min(end - first, count);
      for (std::int64_t piece = std::max(begin - first, std::int64_t(0)); piece < last; ++piece) {
        each.reduction->run(turn, piece);
      }
      first += count;
    }
  });
}

}  // namespace instep
