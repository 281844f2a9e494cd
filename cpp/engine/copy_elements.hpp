// Copies of whole arrays.
#pragma once

#include <cstdint>

#include "engine/stream.hpp"

namespace instep {

// Copies `size` elements, which both streams have in the same order, bit for bit or, to a working
// type, widened exactly. The streams share no memory. Allocates nothing.
void copy_elements(const Stream& from, const Stream& to, std::int64_t size) noexcept;

}  // namespace instep
