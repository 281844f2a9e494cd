#include "engine/touched_rows.hpp"

#include <algorithm>
#include <cstring>
#include <functional>

#include "engine/cursor.hpp"
#include "engine/fp_mode.hpp"

namespace instep {
namespace {

// Finds the places of rows in a list: a hash table of open addresses, at most half full.
class Places {
 public:
  explicit Places(std::size_t most) {
    while ((std::size_t(1) << bits_) < 2 * most) ++bits_;
    table_.assign(std::size_t(1) << bits_, -1);
  }

  // The place of a row in `rows`, to which it is added where it is new.
  std::int64_t find(std::int64_t row, std::vector<std::int64_t>& rows) {
    auto k = std::size_t((std::uint64_t(row) * 0x9E3779B97F4A7C15u) >> (64 - bits_));
    for (; table_[k] >= 0; k = (k + 1) & (table_.size() - 1)) {
      if (rows[std::size_t(table_[k])] == row) return table_[k];
    }
    table_[k] = std::int64_t(rows.size());
    rows.push_back(row);
    return table_[k];
  }

 private:
  int bits_ = 1;
  std::vector<std::int64_t> table_;
};

template <class T>
void add(char* to, const char* from, std::int64_t n) {
  T* const sum = reinterpret_cast<T*>(to);
  const T* const term = reinterpret_cast<const T*>(from);
  for (std::int64_t i = 0; i < n; ++i) sum[i] = sum[i] + term[i];
}

}  // namespace

std::optional<std::int64_t> TouchedRows::assign(const void* named, std::int64_t count,
                                                std::int64_t length) {
  places_.clear();
  // Copied before they are looked at: whoever owns the array may be changing it.
  rows_.resize(std::size_t(count));
  if (count > 0) std::memcpy(rows_.data(), named, rows_.size() * sizeof(rows_[0]));
  const auto bad = std::find_if(rows_.begin(), rows_.end(),
                                [length](std::int64_t row) { return row < 0 || row >= length; });
  if (bad != rows_.end()) {
    const std::int64_t position = bad - rows_.begin();
    rows_.clear();
    return position;
  }
  if (std::is_sorted(rows_.begin(), rows_.end(), std::less_equal<>())) return {};  // all different
  std::vector<std::int64_t> different;
  different.reserve(rows_.size());
  places_.reserve(rows_.size());
  Places places(rows_.size());
  for (const std::int64_t row : rows_) places_.push_back(places.find(row, different));
  if (different.size() == rows_.size()) places_.clear();
  rows_.swap(different);
  return {};
}

Stream TouchedRows::sum(const Stream& values, std::int64_t row_size, DType dtype,
                        const GradientLoops& loops) {
  if (places_.empty()) return values;
  const StepMode mode;
  const std::int64_t item = item_size(dtype), row_bytes = row_size * item;
  const ConditionGradient widen =
      values.dtype() == dtype ? nullptr : loops.condition[values.dtype()][dtype];
  sums_.resize(std::size_t((count() + (widen == nullptr ? 1 : 2)) * row_bytes));
  char* const next = sums_.data() + count() * row_bytes;
  Cursor cursor;
  cursor.go(values, 0);
  std::int64_t begun = 0;
  for (const std::int64_t place : places_) {
    char* const row = sums_.data() + place * row_bytes;
    const char* value = cursor.element();
    if (!values.direct()) {
      cursor.gather(row_size, next);
      value = next;
    }
    if (widen != nullptr) {
      widen(value, next + row_bytes, row_size, unconditioned);
      value = next + row_bytes;
    }
    if (place == begun) {
      std::memcpy(row, value, std::size_t(row_bytes));
      ++begun;
    } else {
      dtype == float32 ? add<float>(row, value, row_size) : add<double>(row, value, row_size);
    }
    cursor.advance(row_size);
  }
  const auto size = std::ptrdiff_t(count() * row_size), stride = std::ptrdiff_t(item);
  return Stream(sums_.data(), &size, &stride, dtype, Order(1, &size, &stride));
}

}  // namespace instep
