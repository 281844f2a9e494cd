// The floors that the benchmark measures steps against. Private, and trusting: the caller vouches
// for the arrays.
#include <pybind11/stl.h>

#include <vector>

#include "bindings/array.hpp"
#include "bindings/array_arguments.hpp"
#include "bindings/fast_method.hpp"
#include "bindings/gil.hpp"
#include "bindings/register.hpp"
#include "engine/floor.hpp"
#include "kernels/select.hpp"

namespace instep {
namespace {

// The arrays are param, grad and states.
Floor make_floor(const std::vector<py::object>& arrays, int roots, int read_before, int threads) {
  if (arrays.size() < (roots == 0 ? 2 : 3) || arrays.size() > max_written + 1 || roots > 2) {
    throw py::value_error("expected 2 to 6 arrays, 3 for a floor with a root");
  }
  if (read_before < 0) throw py::value_error("read_before: expected a number of arrays");
  Floor floor;
  const DType dtype = check_array(arrays[param_argument].ptr(), Label(), "param");
  if (dtype >= working_count) throw py::type_error("param: expected dtype float32 or float64");
  for (std::size_t k = 0; k < arrays.size(); ++k) {
    check_like(arrays[k].ptr(), arrays[param_argument].ptr(), Label(), "array");
    void* const data = fields(arrays[k].ptr()).data;
    if (k == grad_argument) {
      floor.grad = data;
    } else {
      floor.written[floor.written_count++] = data;
    }
  }
  const Floors& floors = chosen_table().floors;
  floor.loop = roots == 0 ? floors.traffic[arrays.size() - first_state_argument][dtype]
                          : floors.divide_root[roots - 1][dtype];
  floor.takes_roots = roots > 0;
  floor.read_before = read_before;
  floor.read = floors.read;
  floor.size = element_count(arrays[param_argument].ptr());
  floor.item_size = item_size(dtype);
  floor.threads = threads;
  return floor;
}

PyObject* run(PyObject* self, PyObject*) noexcept {
  return none_or_raise([self] {
    const auto& floor = held<Floor>(self);
    without_gil(floor.bytes(), [&] { floor.run(); });
  });
}

PyMethodDef run_method = {"run", run, METH_NOARGS, "run($self, /)\n--\n\nRun the loop once."};

}  // namespace

void register_floor(py::module_& module) {
  py::class_<Floor> type(module, "Floor");
  type.def(py::init(&make_floor), py::arg("arrays"), py::arg("roots"), py::arg("read_before"),
           py::arg("threads"), py::keep_alive<1, 2>());
  type.def_property_readonly("bytes", &Floor::bytes);
  add_method(type, run_method);
}

}  // namespace instep
