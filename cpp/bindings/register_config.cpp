// The build's configuration, the rules' words, and the threads.
#include <pybind11/pybind11.h>

#include <string>
#include <vector>

#include <pybind11/stl.h>

#include "bindings/register.hpp"
#include "engine/threads.hpp"
#include "kernels/select.hpp"

#ifdef _MSC_VER
#define INSTEP_STRINGIFY_(x) #x
#define INSTEP_STRINGIFY(x) INSTEP_STRINGIFY_(x)
#define INSTEP_COMPILER "MSVC " INSTEP_STRINGIFY(_MSC_FULL_VER)
#elif defined(__clang__)
#define INSTEP_COMPILER __VERSION__
#else
#define INSTEP_COMPILER "GCC " __VERSION__
#endif

namespace instep {

namespace py = pybind11;

namespace {

py::list names(const std::vector<const Table*>& tables) {
  py::list result;
  for (const Table* table : tables) result.append(table->isa);
  return result;
}

py::tuple words(const char* const* first, int count) {
  py::tuple result(count);
  for (int k = 0; k < count; ++k) result[std::size_t(k)] = first[k];
  return result;
}

py::dict rules() {
  py::dict result;
  const Table& table = chosen_table();
  for (int k = 0; k < table.rule_count; ++k) {
    const Rule& rule = table.rules[k];
    result[rule.name] = py::make_tuple(words(rule.options, rule.option_count),
                                       words(rule.states, rule.state_count));
  }
  return result;
}

py::dict build_config() {
  using namespace py::literals;
  return py::dict("compiler"_a = INSTEP_COMPILER, "flags"_a = INSTEP_FLAGS,
                  "openmp"_a = INSTEP_OPENMP_RUNTIME,
                  "isa"_a = py::dict("built"_a = names(built_tables()),
                                     "supported"_a = names(supported_tables()),
                                     "chosen"_a = chosen_table().isa));
}

}  // namespace

void register_config(py::module_& module) {
  module.def("build_config", &build_config);
  module.def("rules", &rules, "For each rule its options and states, in the core's order.");
  module.def("max_threads", &max_threads);
  module.def("set_thread_cap", &set_thread_cap, py::arg("cap"), "0: no cap.");
  module.def("set_grain", &set_grain, py::arg("n_bytes"),
             "Set the least work of a thread, in bytes; returns the former value.");
}

}  // namespace instep
