// What several processes gather of which each has a part of the gradients, to know their norm.
#include <algorithm>

#include "bindings/array.hpp"
#include "bindings/gil.hpp"
#include "bindings/register.hpp"
#include "engine/gradient_norm.hpp"
#include "engine/stream.hpp"
#include "kernels/select.hpp"

namespace instep {
namespace {

py::array block_sums(const py::object& grad, double scale, double bound, double rescale,
                     bool guarded, bool flush_subnormals) {
  const DType dtype = check_array(grad.ptr(), Label(), "gradient");
  if (dtype >= working_count) throw py::type_error("gradient: expected dtype float32 or float64");
  const auto& array = fields(grad.ptr());
  const std::int64_t size = element_count(grad.ptr());
  GradientNorm norm(chosen_table().gradients);
  if (size > 0) {
    norm.add(Stream(array.data, array.dimensions, array.strides, dtype,
                    Order::of_c(array.nd, array.dimensions)),
             size, dtype);
  }
  const std::vector<double>* sums = nullptr;
  without_gil(size * item_size(dtype),
              [&] { sums = &norm.block_sums({scale, bound}, rescale, guarded, flush_subnormals); });
  py::array_t<double> result(static_cast<py::ssize_t>(sums->size()));
  std::copy(sums->begin(), sums->end(), result.mutable_data());
  return result;
}

}  // namespace

void register_block_sums(py::module_& module) {
  module.def("block_sums", &block_sums, py::arg("grad"), py::arg("scale"), py::arg("bound"),
             py::arg("rescale"), py::arg("guarded"), py::arg("flush_subnormals"),
             "The sums of the squares of each 4,096 of an array's elements, multiplied by `scale`, "
             "clamped to `bound`, and multiplied by `rescale`. Guarded, one is not finite where an "
             "element is not once it is scaled.");
}

}  // namespace instep
