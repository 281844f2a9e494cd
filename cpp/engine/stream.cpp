#include "engine/stream.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace instep {
namespace {

// A row shorter than this is gathered with its neighbours: a call of the kernel costs more.
constexpr std::int64_t shortest_row = 64;

constexpr int max_axes = 64;  // NumPy's NPY_MAXDIMS

}  // namespace

Order::Order(int ndim, const std::ptrdiff_t* shape, const std::ptrdiff_t* strides) {
  for (int axis = 0; axis < ndim; ++axis) {
    if (shape[axis] != 1) axes_.push_back({axis, strides[axis] < 0});
  }
  std::stable_sort(axes_.begin(), axes_.end(), [strides](const Axis& a, const Axis& b) {
    return std::abs(strides[a.axis]) > std::abs(strides[b.axis]);
  });
}

Stream::Stream(void* data, const std::ptrdiff_t* shape, const std::ptrdiff_t* strides,
               std::int64_t item_size, const Order& order)
    : data_(static_cast<char*>(data)), item_size_(item_size) {
  std::int64_t size = 1;
  bool aligned = true;
  for (const Order::Axis& each : order.axes()) {
    const std::int64_t length = shape[each.axis];
    std::int64_t stride = strides[each.axis];
    if (each.backwards) {
      data_ += (length - 1) * stride;
      stride = -stride;
    }
    size *= length;
    aligned = aligned && stride % item_size == 0;
    if (!axes_.empty() && axes_.back().stride == stride * length) {
      axes_.back() = {axes_.back().length * length, stride};
    } else {
      axes_.push_back({length, stride});
    }
  }
  if (axes_.empty()) axes_.push_back({1, item_size});
  aligned = aligned && reinterpret_cast<std::uintptr_t>(data_) % std::uintptr_t(item_size) == 0;
  const Axis& inner = axes_.back();
  const bool runs = aligned && inner.stride == item_size;
  direct_ = runs && axes_.size() == 1;
  if (direct_) {
    row_ = size;
    axes_.clear();
  } else if (runs && inner.length >= shortest_row) {
    row_ = inner.length;
  }
}

char* Stream::at(std::int64_t index) const {
  if (direct_) return data_ + index * item_size_;
  char* element = data_;
  for (auto axis = axes_.rbegin(); axis != axes_.rend(); ++axis) {
    element += index % axis->length * axis->stride;
    index /= axis->length;
  }
  return element;
}

// Calls copy(row, stride, count, first) for each piece of an innermost row in [index, index + n).
template <class Copy>
void Stream::walk(std::int64_t index, std::int64_t n, Copy copy) const {
  const int last = int(axes_.size()) - 1;
  std::int64_t position[max_axes];
  char* element = data_;
  for (int k = last; k >= 0; --k) {
    position[k] = index % axes_[k].length;
    element += position[k] * axes_[k].stride;
    index /= axes_[k].length;
  }
  const Axis inner = axes_[last];
  for (std::int64_t first = 0; first < n;) {
    const std::int64_t count = std::min(inner.length - position[last], n - first);
    copy(element, inner.stride, count, first);
    first += count;
    position[last] += count;
    element += count * inner.stride;
    for (int k = last; k > 0 && position[k] == axes_[k].length; --k) {
      element += axes_[k - 1].stride - axes_[k].length * axes_[k].stride;
      position[k] = 0;
      ++position[k - 1];
    }
  }
}

namespace {

// By memcpy, because the array may be misaligned.
template <class Word>
void copy(char* to, std::int64_t to_stride, const char* from, std::int64_t from_stride,
          std::int64_t n) {
  constexpr std::int64_t size = sizeof(Word);
  if (to_stride == size && from_stride == size) {
    std::memcpy(to, from, std::size_t(n * size));
    return;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    std::memcpy(to + i * to_stride, from + i * from_stride, sizeof(Word));
  }
}

template <class Word>
struct Gather {
  char* block;
  void operator()(char* row, std::int64_t stride, std::int64_t n, std::int64_t first) const {
    copy<Word>(block + first * std::int64_t(sizeof(Word)), sizeof(Word), row, stride, n);
  }
};

template <class Word>
struct Scatter {
  const char* block;
  void operator()(char* row, std::int64_t stride, std::int64_t n, std::int64_t first) const {
    copy<Word>(row, stride, block + first * std::int64_t(sizeof(Word)), sizeof(Word), n);
  }
};

}  // namespace

void Stream::gather(std::int64_t index, std::int64_t n, void* block) const {
  char* to = static_cast<char*>(block);
  if (item_size_ == 4) {
    walk(index, n, Gather<std::uint32_t>{to});
  } else {
    walk(index, n, Gather<std::uint64_t>{to});
  }
}

void Stream::scatter(std::int64_t index, std::int64_t n, const void* block) const {
  const char* from = static_cast<const char*>(block);
  if (item_size_ == 4) {
    walk(index, n, Scatter<std::uint32_t>{from});
  } else {
    walk(index, n, Scatter<std::uint64_t>{from});
  }
}

}  // namespace instep
