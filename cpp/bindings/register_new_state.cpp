#include <vector>

#include "bindings/array.hpp"
#include "bindings/register.hpp"
#include "engine/placement.hpp"
#include "engine/stream.hpp"

namespace instep {
namespace {

// Memory that nobody has touched comes from the system as zeros, so that the thread which steps a
// part first is the one that places it.
py::array zero_bytes(std::int64_t count) {
  return py::module_::import("numpy").attr("zeros")(count, py::dtype::of<std::uint8_t>());
}

py::array new_state(const py::array& param, int k, int states, const py::dtype& dtype) {
  const auto& p = fields(param.ptr());
  const auto [low, high] = bounds(param.ptr());
  const std::int64_t item = dtype.itemsize(), bytes = param.size() * item;
  // Where there are gaps, its rows start anywhere.
  const bool no_gaps = std::int64_t(high - low) == param.nbytes();
  const Placement place = place_state(no_gaps ? std::int64_t(low) : 0, bytes, item, k, states);
  py::array room = zero_bytes(bytes + place.modulus);

  const Order order(p.nd, p.dimensions, p.strides);
  const Order::Layout layout = order.contiguous(p.nd, p.dimensions, item);
  char* const room_data = static_cast<char*>(room.mutable_data());
  return {dtype, std::vector<py::ssize_t>(p.dimensions, p.dimensions + p.nd), layout.strides,
          room_data + place.distance_from(room_data) + layout.origin, room};
}

}  // namespace

void register_new_state(py::module_& module) {
  module.def(
      "new_state", &new_state, py::arg("param"), py::arg("k"), py::arg("states"), py::arg("dtype"),
      "Zeros for the k-th of so many states of a parameter: in the parameter's order, so that "
      "both are one run to a kernel, and where they do not collide in the caches.");
}

}  // namespace instep
