// Steps arrays with the kernels alone: no Python, no threads, and of the engine only what decides
// the bits of a norm.
//
//   stepper          lists the instruction sets that this build has and this machine can run
//   stepper ISA      reads requests from standard input and writes the arrays back, in their order
//
// A request is a line and then, raw, the arrays that it names:
//
//   step RULE DTYPE N PRESENT NUMBER SCALE OPTION... SCALAR...
//                                                      param, grad, states; gives param, states
//                                                      and scalars
//   condition STORED DTYPE N SCALE BOUND               grad; gives the conditioned gradient
//   squares STORED DTYPE N SCALE BOUND RESCALE GUARDED grad; gives a sum for each block, in double
//   widen STORED N                                     numbers; gives them in float32
//   nearest STORED DTYPE N                             numbers; gives what is stored
//   chance STORED HALF N                               numbers, random words; gives what is stored
//   random LOW HIGH INDEX STRIDE N                     gives random words
//   split N                                            masters; gives parameters and their rests
//   join N                                             parameters, their rests; gives masters
//   exchange DTYPE N KEPT                              param, state; gives param
//   portable FUNCTION N                                numbers, numbers; gives the function's
//   values
//
// DTYPE is 0 (float32) or 1 (float64), STORED one of these, 2 (float16) or 3 (bfloat16), PRESENT a
// bit for each state, HALF 0 for the lower half of a random word and 1 for the upper, LOW and HIGH
// the halves of a key, and numbers that are not whole are in hexadecimal, exact.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/norm_blocks.hpp"
#include "kernels/lanes.hpp"
#include "kernels/select.hpp"
#include "rules/elementary.hpp"

namespace {

using namespace instep;

// A vector's memory is aligned as any kernel needs it: to its elements.
using Bytes = std::vector<char>;

Bytes read_array(std::size_t bytes) {
  Bytes array(bytes);
  std::cin.read(array.data(), std::streamsize(bytes));
  if (!std::cin) throw std::runtime_error("an array is missing");
  return array;
}

void write_array(const void* array, std::size_t bytes) {
  std::cout.write(static_cast<const char*>(array), std::streamsize(bytes));
}

template <class T>
T next(std::istream& line) {
  T value;
  if (!(line >> value)) throw std::runtime_error("a number is missing");
  return value;
}

// Streams do not read hexadecimal floating-point numbers.
template <>
double next<double>(std::istream& line) {
  return std::strtod(next<std::string>(line).c_str(), nullptr);
}

// As the engine does, with arrays of one block: again where squares cannot be represented.
void adapt(const Kernel& kernel, const double* options, void* const* written, const void* grad,
           std::int64_t n, Coefficients& coefficients) {
  if (n > norm_block) throw std::runtime_error("norms are of one block");
  double param = 0.0, measured = 0.0;
  const auto sum = [&](double rescale_param, double rescale_measured) {
    BlockSums sums = {{rescale_param, &param}, {rescale_measured, &measured}};
    kernel.measure(written, grad, n, coefficients, sums);
    if (sums.position > 0) end_block(sums);
  };
  sum(1.0, 1.0);
  const double of_param = rescaling(param), of_measured = rescaling(measured);
  sum(of_param, of_measured);
  kernel.adapt(options, std::sqrt(param) / of_param, std::sqrt(measured) / of_measured, n,
               coefficients);
}

void step(const Table& table, std::istream& line) {
  const Rule& rule = find_rule(table, next<std::string>(line));
  const auto dtype = DType(next<int>(line));
  const auto n = next<std::int64_t>(line);
  const auto present = next<unsigned>(line);
  const auto number = next<std::int64_t>(line);
  const auto scale = next<double>(line);
  std::vector<double> options;
  for (int k = 0; k < rule.option_count; ++k) options.push_back(next<double>(line));

  const auto bytes = std::size_t(n * item_size(dtype));
  std::vector<Bytes> written = {read_array(bytes)};
  const Bytes grad = read_array(bytes);
  for (int state = 0; state < rule.state_count; ++state) {
    if ((present >> state & 1) != 0) written.push_back(read_array(bytes));
  }
  std::vector<void*> pointers;
  for (Bytes& array : written) pointers.push_back(array.data());
  const Kernel& kernel = rule.kernels[rule.variant(options.data(), present)][dtype];
  Coefficients coefficients = {};
  double scalars[max_scalars] = {};
  for (int k = 0; k < rule.scalar_count; ++k) scalars[k] = next<double>(line);
  kernel.prepare(options.data(), number, scale, scalars, coefficients);
  if (kernel.measure != nullptr) {
    adapt(kernel, options.data(), pointers.data(), grad.data(), n, coefficients);
  }
  kernel.loop(pointers.data(), grad.data(), n, coefficients);
  for (const Bytes& array : written) write_array(array.data(), array.size());
  write_array(scalars, std::size_t(rule.scalar_count) * sizeof(double));
}

void condition(const Table& table, std::istream& line, bool squares) {
  const auto stored = DType(next<int>(line)), dtype = DType(next<int>(line));
  const auto n = next<std::int64_t>(line);
  const Condition how = {next<double>(line), next<double>(line)};
  const double rescale = squares ? next<double>(line) : 1.0;
  const bool guarded = squares && next<int>(line) != 0;
  const Bytes grad = read_array(std::size_t(n * item_size(stored)));
  if (!squares) {
    Bytes result(std::size_t(n * item_size(dtype)));
    table.gradients.condition[stored][dtype](grad.data(), result.data(), n, how);
    write_array(result.data(), result.size());
    return;
  }
  std::vector<double> sums(std::size_t((n + norm_block - 1) / norm_block));
  table.gradients.sum_squares[stored][dtype](grad.data(), n, sums.data(), how, rescale, guarded);
  write_array(sums.data(), sums.size() * sizeof(double));
}

// Reads numbers of one type, and writes what `loop` makes of them in another.
template <class Loop>
void convert(DType from, DType to, std::int64_t n, const Loop& loop) {
  const Bytes numbers = read_array(std::size_t(n * item_size(from)));
  Bytes result(std::size_t(n * item_size(to)));
  loop(numbers.data(), result.data());
  write_array(result.data(), result.size());
}

void widen(const Table& table, std::istream& line) {
  const auto stored = DType(next<int>(line));
  const auto n = next<std::int64_t>(line);
  convert(stored, float32, n, [&](const char* numbers, char* result) {
    table.storage.widen[stored](numbers, result, n);
  });
}

void nearest(const Table& table, std::istream& line) {
  const auto stored = DType(next<int>(line)), dtype = DType(next<int>(line));
  const auto n = next<std::int64_t>(line);
  convert(dtype, stored, n, [&](const char* numbers, char* result) {
    table.storage.to_nearest[stored][dtype](numbers, result, n);
  });
}

void chance(const Table& table, std::istream& line) {
  const auto stored = DType(next<int>(line));
  const auto half = next<int>(line);
  const auto n = next<std::int64_t>(line);
  convert(float32, stored, n, [&](const char* numbers, char* result) {
    std::vector<std::uint32_t> words(std::size_t(n), 0);
    std::cin.read(reinterpret_cast<char*>(words.data()), std::streamsize(n * 4));
    table.storage.by_chance[stored][half](numbers, words.data(), result, n);
  });
}

void random(const Table& table, std::istream& line) {
  RandomRun run = {};
  for (std::uint32_t* each : {&run.low_key, &run.high_key, &run.index, &run.stride}) {
    *each = next<std::uint32_t>(line);
  }
  std::vector<std::uint32_t> words(std::size_t(next<std::int64_t>(line)));
  table.storage.random_bits(run, words.data(), std::int64_t(words.size()));
  write_array(words.data(), words.size() * sizeof(std::uint32_t));
}

void split(const Table& table, std::istream& line) {
  const auto n = next<std::int64_t>(line);
  const Bytes masters = read_array(std::size_t(n * item_size(float32)));
  Bytes params(std::size_t(n * item_size(bfloat16))), rests(params.size());
  table.storage.split(masters.data(), params.data(), rests.data(), n);
  write_array(params.data(), params.size());
  write_array(rests.data(), rests.size());
}

void join(const Table& table, std::istream& line) {
  const auto n = next<std::int64_t>(line);
  const auto bytes = std::size_t(n * item_size(bfloat16));
  const Bytes params = read_array(bytes), rests = read_array(bytes);
  Bytes masters(std::size_t(n * item_size(float32)));
  table.storage.join(params.data(), rests.data(), masters.data(), n);
  write_array(masters.data(), masters.size());
}

void exchange(const Table& table, std::istream& line) {
  const auto dtype = DType(next<int>(line));
  const auto n = next<std::int64_t>(line);
  const auto kept = next<double>(line);
  const auto bytes = std::size_t(n * item_size(dtype));
  Bytes param = read_array(bytes);
  const Bytes state = read_array(bytes);
  Coefficients coefficients;
  std::memcpy(coefficients.bytes, &kept, sizeof kept);
  void* const written[] = {param.data()};
  table.exchanges[dtype].loop(written, state.data(), n, coefficients);
  write_array(param.data(), bytes);
}

void portable(const Table&, std::istream& line) {
  const std::map<std::string, double (*)(double, double)> functions = {
      {"exp", [](double x, double) { return portable_exp(x); }},
      {"log", [](double x, double) { return portable_log(x); }},
      {"pow", portable_pow},
  };
  const auto function = functions.at(next<std::string>(line));
  std::vector<double> x(next<std::size_t>(line)), y(x.size());
  const auto bytes = x.size() * sizeof(double);
  std::memcpy(x.data(), read_array(bytes).data(), bytes);
  std::memcpy(y.data(), read_array(bytes).data(), bytes);
  for (std::size_t k = 0; k < x.size(); ++k) x[k] = function(x[k], y[k]);
  write_array(x.data(), bytes);
}

void serve(const Table& table) {
  const std::map<std::string, void (*)(const Table&, std::istream&)> answers = {
      {"step", step},
      {"condition", [](auto& table, auto& line) { condition(table, line, false); }},
      {"squares", [](auto& table, auto& line) { condition(table, line, true); }},
      {"widen", widen},
      {"nearest", nearest},
      {"chance", chance},
      {"random", random},
      {"split", split},
      {"join", join},
      {"exchange", exchange},
      {"portable", portable},
  };

  for (std::string text; std::getline(std::cin, text);) {
    std::istringstream line(text);
    answers.at(next<std::string>(line))(table, line);
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 1) {
      for (const Table* table : supported_tables()) std::puts(table->isa);
    } else {
      serve(select_table(argv[1]));
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "stepper: %s\n", error.what());
    return 1;
  }
  return 0;
}
