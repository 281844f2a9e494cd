#include <pybind11/pybind11.h>

#include <vector>

#include "bindings/register.hpp"
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

py::dict build_config() {
  using namespace py::literals;
  return py::dict("compiler"_a = INSTEP_COMPILER, "flags"_a = INSTEP_FLAGS,
                  "openmp"_a = INSTEP_OPENMP_RUNTIME,
                  "isa"_a = py::dict("built"_a = names(built_tables()),
                                     "supported"_a = names(supported_tables()),
                                     "chosen"_a = chosen_table().isa));
}

}  // namespace

void register_build_config(py::module_& module) { module.def("build_config", &build_config); }

}  // namespace instep
