// One parameter's step: its arrays, the loop that steps them, and how a range of it is stepped.
#pragma once

#include <cstdint>
#include <utility>

#include "engine/direct_arrays.hpp"
#include "engine/placement.hpp"
#include "engine/stream.hpp"
#include "engine/written.hpp"
#include "kernels/table.hpp"

namespace instep {

struct Scratch;

class Task {
 public:
  const Kernel* kernel = nullptr;
  const Coefficients* coefficients = nullptr;

  // What is done to the gradient first, block by block; null: nothing. It is not, where the
  // gradient is of another type than the working type.
  ConditionGradient condition_grad = nullptr;
  Condition condition = {};

  // Of this step, where it rounds by chance.
  std::uint64_t random_key = 0;

  Task() = default;
  Task(std::int64_t size, DType working) : size_(size) {
    written_.working = working;
    arrays_.item_size = instep::item_size(working);
  }

  // The parameter comes first, then the states that the loop uses. What is stored in 16 bits is
  // rounded to nearest or, by chance, by the random bits of its slot.
  void add_written(Stream stream, int slot, bool by_chance) noexcept;
  // Of the working type, in the place of a state.
  void add_read(Stream stream, int slot) noexcept;
  // What is cut off where the parameter stores the upper half of float32.
  void set_rest(Stream stream) noexcept;
  // What gets the parameter, rounded to its type.
  void set_copy(Stream stream) noexcept;
  // Where something is rounded by chance.
  void set_indices(Indices indices) noexcept { written_.indices = std::move(indices); }
  void set_grad(Stream stream) noexcept;
  DType grad_dtype() const { return grad_.dtype(); }

  std::int64_t size() const { return size_; }
  DType working() const { return written_.working; }
  // Of the working type, by which the work is measured.
  std::int64_t bytes_per_element() const { return bytes_per_element_; }
  std::int64_t bytes() const { return size_ * bytes_per_element(); }
  bool rounds_by_chance() const { return written_.by_chance != 0; }

  // Elements from `at` on before the parameter's next cache line, where it lies contiguously.
  std::int64_t lead_in(std::int64_t at) const noexcept {
    const Stream& param = written_.streams[param_place];
    return elements_to_line(param.data() + (at * param.item_size()), param.item_size());
  }

  // Steps the elements from `begin` on before `end`. Allocates nothing.
  void step(std::int64_t begin, std::int64_t end) const noexcept;

  // Goes on with the sums of the squares of what the rule reduces, by the elements from `begin` on
  // before `end`. Writes nothing else; allocates nothing.
  void add_squares(std::int64_t begin, std::int64_t end, RunSums& sums) const noexcept;

  // The sums of the squares, of the parameter and of what the kernel measures, of the blocks from
  // `begin` on before `end`, which come in C order. Writes nothing else; allocates nothing.
  void sum_squares(std::int64_t begin, std::int64_t end, BlockSums sums) const noexcept;

  // Does to its elements what another does to the same.
  void work_as(const Task& other) noexcept;

  // Writes the parameter, as it is, to what gets it. Allocates nothing.
  void write_copy() const noexcept;

 private:
  void find_direct() noexcept;
  void step_tiles(std::int64_t begin, std::int64_t end) const noexcept;
  void step_blocks(std::int64_t begin, std::int64_t end, Scratch& scratch,
                   const char* gathered_grad) const noexcept;
  template <class Each>
  void each_block(std::int64_t begin, std::int64_t end, Scratch& scratch, const char* gathered_grad,
                  Each each) const noexcept;

  // What a step of direct streams needs, close together: of many small parameters in one call, the
  // next one's is not in L1.
  std::int64_t size_ = 0, bytes_per_element_ = 0;
  bool direct_ = true, written_direct_ = true;
  DirectArrays arrays_;  // which begin as the streams do

  Written written_;
  Stream grad_;
};

}  // namespace instep
