#include "bindings/pending_copies.hpp"

#include "bindings/gil.hpp"
#include "engine/copy_elements.hpp"

namespace instep {

void PendingCopies::add(const Stream& from, const Stream& to, std::int64_t size) {
  copies_.push_back({from, to, size});
  bytes_ += size * to.item_size();
}

void PendingCopies::run() const {
  without_gil(bytes_, [this] {
    for (const Copy& each : copies_) copy_elements(each.from, each.to, each.size);
  });
}

}  // namespace instep
