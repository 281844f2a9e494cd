// What is to be copied to arrays, all of it once all of it has been checked.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/stream.hpp"

namespace instep {

class PendingCopies {
 public:
  // Both streams have `size` elements in the same order.
  void add(const Stream& from, const Stream& to, std::int64_t size);

  // Copies all of it, without the GIL where that pays. Allocates nothing.
  void run() const;

 private:
  struct Copy {
    Stream from, to;
    std::int64_t size = 0;
  };

  std::vector<Copy> copies_;
  std::int64_t bytes_ = 0;
};

}  // namespace instep
