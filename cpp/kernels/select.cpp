#include "kernels/select.hpp"

#include <cstdlib>
#include <stdexcept>

#ifdef INSTEP_X86_64
#ifdef _MSC_VER
#include <immintrin.h>
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

namespace instep {
namespace {

#ifdef INSTEP_X86_64

struct Registers {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(unsigned leaf) {
  Registers r;
#ifdef _MSC_VER
  int out[4];
  __cpuid(out, static_cast<int>(leaf & 0x80000000u));
  if (static_cast<unsigned>(out[0]) < leaf) return r;
  __cpuidex(out, static_cast<int>(leaf), 0);
  r = {unsigned(out[0]), unsigned(out[1]), unsigned(out[2]), unsigned(out[3])};
#else
  __get_cpuid_count(leaf, 0, &r.eax, &r.ebx, &r.ecx, &r.edx);
#endif
  return r;
}

// The register state that the operating system saves. A processor may have AVX where the system
// does not keep its registers over a context switch.
unsigned saved_state() {
#ifdef _MSC_VER
  return static_cast<unsigned>(_xgetbv(0));
#else
  unsigned eax, edx;
  __asm__ volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
  return eax;
#endif
}

constexpr unsigned bits(std::initializer_list<int> positions) {
  unsigned mask = 0;
  for (int position : positions) mask |= 1u << position;
  return mask;
}

bool all(unsigned value, unsigned mask) { return (value & mask) == mask; }

// The levels of the x86-64 psABI, by the bits of Intel's manual, volume 2A, CPUID.
bool has_v3() {
  const Registers one = cpuid(1), seven = cpuid(7), extended = cpuid(0x80000001u);
  // FMA, SSE4.1, SSE4.2, MOVBE, OSXSAVE, AVX, F16C; BMI1, AVX2, BMI2; LZCNT; XMM and YMM saved.
  return all(one.ecx, bits({12, 19, 20, 22, 27, 28, 29})) && all(seven.ebx, bits({3, 5, 8})) &&
         all(extended.ecx, bits({5})) && all(saved_state(), bits({1, 2}));
}

bool has_v4() {
  // AVX512 F, DQ, CD, BW, VL; opmask and both ZMM parts saved.
  return has_v3() && all(cpuid(7).ebx, bits({16, 17, 28, 30, 31})) &&
         all(saved_state(), bits({5, 6, 7}));
}

#endif

std::string names(const std::vector<const Table*>& tables) {
  std::string result;
  for (const Table* table : tables)
    result += (result.empty() ? "" : ", ") + std::string(table->isa);
  return result;
}

}  // namespace

std::vector<const Table*> built_tables() {
  return {
      &table_baseline,
#ifdef INSTEP_X86_64
      &table_x86_64_v3,
      &table_x86_64_v4,
#endif
  };
}

std::vector<const Table*> supported_tables() {
  std::vector<const Table*> tables = {&table_baseline};
#ifdef INSTEP_X86_64
  if (has_v3()) tables.push_back(&table_x86_64_v3);
  if (has_v4()) tables.push_back(&table_x86_64_v4);
#endif
  return tables;
}

const Table& select_table(const std::string& isa) {
  const std::vector<const Table*> supported = supported_tables();
  if (isa.empty()) return *supported.back();
  for (const Table* table : supported) {
    if (isa == table->isa) return *table;
  }
  throw std::invalid_argument("INSTEP_ISA is '" + isa +
                              "'; this build on this machine can run: " + names(supported));
}

const Table& chosen_table() {
  static const Table& chosen = []() -> const Table& {
    const char* isa = std::getenv("INSTEP_ISA");
    return select_table(isa == nullptr ? "" : isa);
  }();
  return chosen;
}

const Rule& find_rule(const Table& table, const std::string& name) {
  for (int k = 0; k < table.rule_count; ++k) {
    if (name == table.rules[k].name) return table.rules[k];
  }
  throw std::invalid_argument("there is no rule '" + name + "'");
}

}  // namespace instep
