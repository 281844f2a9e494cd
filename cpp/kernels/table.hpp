// The table that each instruction set's file exports: what the rules are called, and their loops.
#pragma once

#include <cstdint>
#include <limits>

#include "kernels/dtype.hpp"
#include "rules/state_shape.hpp"

namespace instep {

constexpr int max_states = 4;
constexpr int max_scalars = 3;
constexpr int max_options = 16;

// Room for the coefficients of any rule in any dtype.
struct alignas(16) Coefficients {
  unsigned char bytes[128];
};

// Where the arrays that a step writes stand among them: the parameter, then those states that the
// variant uses.
constexpr int param_place = 0, first_state_place = 1;
constexpr int max_written = first_state_place + max_states;

// One step of n elements. All arrays are contiguous and aligned, and none that is written overlaps
// another.
using Loop = void (*)(void* const* written, const void* grad, std::int64_t n,
                      const Coefficients& coefficients);

// The rule meets `grad_scale` times the gradient. The scalars are the parameter's, and become those
// after the step.
using Prepare = void (*)(const double* options, std::int64_t step, double grad_scale,
                         double* scalars, Coefficients& coefficients);

// Goes on by n elements with the sums of the squares of the parameter and of what the rule has the
// norm of, before anything of the step is written; the arrays are as a loop has them, and only
// read.
struct BlockSums;
using Measure = void (*)(void* const* written, const void* grad, std::int64_t n,
                         const Coefficients& coefficients, BlockSums& sums);

// Completes the coefficients by the norms of the parameter and of what was measured, and the number
// of their elements.
using Adapt = void (*)(const double* options, double param_norm, double measured_norm,
                       std::int64_t size, Coefficients& coefficients);

// How many elements of an array have a sum of squares of their own: a part of what decides the bits
// of a norm.
constexpr std::int64_t norm_block = 4096;

// In double, the square of element i of a block is added to lane i modulo their number, the lanes
// then in pairs: one order of additions for all instruction sets.
constexpr int norm_lanes = 16;

// The sums of the squares of runs of so many elements, one after another, and how far they are.
struct RunSums {
  std::int64_t length;
  double* runs;               // where the sum of the next run goes
  double* columns = nullptr;  // to which the squares are added as well, one for each place in a run
  std::int64_t runs_each = 0;  // after so many, the next columns follow; of no use without them
  std::int64_t run = 0;        // of these
  std::int64_t position = 0;   // in a run that is begun
  double lanes[norm_lanes] = {};
};

// Of states of another shape than their parameter's, from what is reduced to what the loop meets.
struct Reducing {
  // Goes on by n elements with the sums of the squares in double of what the rule reduces. Of the
  // written arrays there is the parameter alone.
  void (*add_squares)(void* const* written, const void* grad, std::int64_t n,
                      const Coefficients& coefficients, RunSums& sums);
  // Steps n states by the means of these squares, and makes these the states.
  void (*take)(void* states, double* means, std::int64_t n, const Coefficients& coefficients);
  // What the loop meets in their place; once for each. Of a matrix' rows, by the mean of all.
  void (*row_factors)(const void* states, double mean, std::int64_t n,
                      const Coefficients& coefficients, void* factors);
  // Likewise, of rules that have a state of columns.
  void (*column_factors)(const void* states, std::int64_t n, const Coefficients& coefficients,
                         void* factors);
};

struct Kernel {
  Loop loop;
  // The same with the widest vectors, for written arrays that all begin at a cache line.
  Loop wide;
  Prepare prepare;
  // Null where the step depends on no norm.
  Measure measure;
  Adapt adapt;
  // Null where all states have their parameter's shape.
  const Reducing* reducing;
};

struct Rule {
  const char* name;
  const char* const* options;
  const char* const* states;
  const StateShape* shapes;    // of the states
  const char* const* scalars;  // numbers that each parameter has beside its step count
  // How much of the parameter is left when it goes to its other point, or back; null: it has one.
  double (*kept)(const double* options, bool back);
  // The index into `kernels` for these options when the states in the bit set `present` exist.
  unsigned (*variant)(const double* options, unsigned present);
  const Kernel (*kernels)[working_count];
  int option_count, state_count, scalar_count;
  unsigned required_states;  // a bit for each state that no variant does without
  unsigned begin_as_param;   // a bit for each state that before the first step is the parameter
  int exchanged_state;       // by which the parameter has another point; -1: it has one
  bool several_passes;       // whether it has states of another shape, or norms
  bool more_than_elements;   // whether it has these, or scalars, or states that begin so
};

// Each element of a gradient is widened to the working type, multiplied by `scale` and then clamped
// to [-bound, bound], both rounded to that type.
struct Condition {
  double scale, bound;
};
constexpr Condition unconditioned = {1.0, std::numeric_limits<double>::infinity()};

// From one array to another or, where both are of the working type, to itself.
using ConditionGradient = void (*)(const void* from, void* to, std::int64_t n, const Condition&);

// By the type of the elements and the working type; null where the one does not widen to the other.
struct GradientLoops {
  ConditionGradient condition[dtype_count][working_count];
  // The sums of the squares of the conditioned elements, multiplied by `rescale` in double, one for
  // each `norm_block` of them; the last block may be a short one. Guarded and with a `rescale` of
  // 1, a sum is not finite where a scaled element is not, although that may have been clamped.
  void (*sum_squares[dtype_count][working_count])(const void* array, std::int64_t n, double* sums,
                                                  const Condition&, double rescale, bool guarded);
};

// The sums of the squares of elements, block after block and with the bits of `sum_squares`, each
// multiplied by `rescale` in double.
struct SquareSums {
  double rescale;
  double* next;  // where the sum of the block goes that is begun
  double lanes[norm_lanes] = {};
};

// Those of the parameter and of what is measured, and how many elements of a block there are.
struct BlockSums {
  SquareSums param, measured;
  std::int64_t position = 0;
};

// Which random bits n elements have: those of a key, by their indices, `stride` apart, modulo 2^32.
struct RandomRun {
  std::uint32_t low_key, high_key, index, stride;
};

// Between float32 or another working type and what is stored.
struct StorageLoops {
  // To float32, exactly; null where that is nothing, or not exact.
  void (*widen[dtype_count])(const void* from, void* to, std::int64_t n);
  // By the type of what is stored and the working type; null for float64 of float32.
  void (*to_nearest[dtype_count][working_count])(const void* from, void* to, std::int64_t n);
  // From float32 by 16 random bits for each element, the lower or the upper half of a word; null
  // but for types of 16 bits.
  void (*by_chance[dtype_count][2])(const void* from, const std::uint32_t* random, void* to,
                                    std::int64_t n);
  void (*random_bits)(const RandomRun& run, std::uint32_t* to, std::int64_t n);
  // A float32 master as bfloat16 and 16 bits that were cut off, signed.
  void (*join)(const void* upper, const void* rest, void* master, std::int64_t n);
  void (*split)(const void* master, void* upper, void* rest, std::int64_t n);
};

// From one point of the parameter to the other, without a step: the state is read in the place of
// the gradient, and the coefficients begin with the double that says how much of the parameter is
// kept.
using Exchanges = Kernel[working_count];

// Reads so many bytes of each array, and returns what depends on all.
using ReadArrays = unsigned char (*)(const void* const* arrays, std::int64_t bytes);

// Loops that no step over the same arrays can beat; their coefficients mean nothing.
struct Floors {
  Loop traffic[max_states + 1][working_count];  // by the number of states
  Loop divide_root[2][working_count];           // one root, two roots
  ReadArrays read[max_written + 1];             // one array and more: what a pass before does
};

// Copies of n elements between a row, in which `stride` bytes lie from one to the next, and a
// contiguous block. Neither need be aligned.
struct Rows {
  void (*gather[dtype_count])(const char* row, std::int64_t stride, std::int64_t n, char* block);
  void (*scatter[dtype_count])(char* row, std::int64_t stride, std::int64_t n, const char* block);
};

struct Table {
  const char* isa;
  const Rule* rules;
  int rule_count;
  GradientLoops gradients;
  Rows rows;
  StorageLoops storage;
  Exchanges exchanges;
  Floors floors;
};

extern const Table table_baseline;
extern const Table table_x86_64_v3;
extern const Table table_x86_64_v4;

}  // namespace instep
