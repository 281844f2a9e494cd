#include "engine/stream.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "engine/placement.hpp"

namespace instep {
namespace {

// A row shorter than this is gathered with its neighbours: a call of the kernel costs more.
constexpr std::int64_t shortest_row = 64;

}  // namespace

Order::Order(int ndim, const std::ptrdiff_t* shape, const std::ptrdiff_t* strides) {
  for (int axis = 0; axis < ndim; ++axis) {
    if (shape[axis] != 1) axes_.push_back({axis, strides[axis] < 0});
  }
  std::stable_sort(axes_.begin(), axes_.end(), [strides](const Axis& a, const Axis& b) {
    return std::abs(strides[a.axis]) > std::abs(strides[b.axis]);
  });
}

Order Order::of_c(int ndim, const std::ptrdiff_t* shape) {
  Order order;
  for (int axis = 0; axis < ndim; ++axis) {
    if (shape[axis] != 1) order.axes_.push_back({axis, false});
  }
  return order;
}

bool Order::is_c() const {
  int last = -1;
  for (const Axis& each : axes_) {
    if (each.backwards || each.axis < last) return false;
    last = each.axis;
  }
  return true;
}

Order Order::rows_first() const {
  Order result;
  result.axes_.push_back({0, false});
  std::copy_if(axes_.begin(), axes_.end(), std::back_inserter(result.axes_),
               [](const Axis& each) { return each.axis != 0; });
  return result;
}

Order::Layout Order::contiguous(int ndim, const std::ptrdiff_t* shape,
                                std::int64_t item_size) const {
  Layout layout = {std::vector<std::ptrdiff_t>(std::size_t(ndim)), 0};
  // An axis of length 1, which no order has, gets its stride in C order, as NumPy's new arrays do.
  auto stride = std::ptrdiff_t(item_size);
  for (int axis = ndim; axis-- > 0; stride *= shape[axis])
    layout.strides[std::size_t(axis)] = stride;
  stride = std::ptrdiff_t(item_size);
  for (auto each = axes_.rbegin(); each != axes_.rend(); ++each) {
    layout.strides[std::size_t(each->axis)] = each->backwards ? -stride : stride;
    if (each->backwards) {
      layout.origin += stride * std::max(shape[each->axis] - 1, std::ptrdiff_t(0));
    }
    stride *= shape[each->axis];
  }
  return layout;
}

Stream::Stream(void* data, const std::ptrdiff_t* shape, const std::ptrdiff_t* strides, DType dtype,
               const Order& order, const std::int64_t* rows)
    : data_(static_cast<char*>(data)), rows_(rows), dtype_(dtype) {
  const std::int64_t item = item_size();
  const std::size_t fixed_axes = rows == nullptr ? 0 : 1;
  bool aligned = true;
  for (const Order::Axis& each : order.axes()) {
    const std::int64_t length = shape[each.axis];
    std::int64_t stride = strides[each.axis];
    if (each.backwards) {
      data_ += (length - 1) * stride;
      stride = -stride;
    }
    aligned = aligned && stride % item == 0;
    if (axes_.size() > fixed_axes && axes_.back().stride == stride * length) {
      axes_.back() = {axes_.back().length * length, stride};
    } else {
      axes_.push_back({length, stride});
    }
  }
  if (axes_.size() == fixed_axes) axes_.push_back({1, item});
  aligned = aligned && reinterpret_cast<std::uintptr_t>(data_) % std::uintptr_t(item) == 0;
  const bool contiguous = aligned && axes_.back().stride == item;
  direct_ = contiguous && axes_.size() == 1;
  in_rows_ = direct_ || (contiguous && axes_.back().length >= shortest_row);
}

bool Stream::crosses_lines() const {
  return axes_.size() > 1 && std::abs(axes_.back().stride) >= cache_line &&
         std::abs(axes_[axes_.size() - 2].stride) < cache_line;
}

}  // namespace instep
