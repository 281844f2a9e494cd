#include "engine/parameter_norms.hpp"

#include <cmath>
#include <utility>

#include "engine/parallel.hpp"

namespace instep {
namespace {

// The squares of float32's numbers are far from the ends of double's range.
double rescaling_of(double sum, DType dtype) { return dtype == float64 ? rescaling(sum) : 1.0; }

}  // namespace

void ParameterNorms::clear() {
  arrays_.clear();
  blocks_.clear();
  bytes_ = 0;
}

void ParameterNorms::add(const Task& task, std::unique_ptr<Task> in_c_order) {
  arrays_.push_back({&task, std::move(in_c_order), {1.0, 1.0}, {0.0, 0.0}});
  blocks_.add(task.size());
  params_.resize(blocks_.count());
  measured_.resize(blocks_.count());
  bytes_ += task.bytes();
}

void ParameterNorms::measure(bool flush_subnormals) noexcept {
  if (arrays_.empty()) return;
  for (const Array& each : arrays_) {
    if (each.in_c_order) each.in_c_order->work_as(*each.task);
  }
  sum_squares(flush_subnormals);
  bool again = false;
  for (Array& each : arrays_) {
    const DType dtype = each.task->working();
    each.rescale = {rescaling_of(each.squares.param, dtype),
                    rescaling_of(each.squares.measured, dtype)};
    again = again || each.rescale.param != 1.0 || each.rescale.measured != 1.0;
  }
  if (again) sum_squares(flush_subnormals);
}

ParameterNorms::Norms ParameterNorms::norms(std::size_t k) const {
  const Array& array = arrays_[k];
  return {std::sqrt(array.squares.param) / array.rescale.param,
          std::sqrt(array.squares.measured) / array.rescale.measured};
}

void ParameterNorms::sum_squares(bool flush_subnormals) noexcept {
  share_out(bytes_, flush_subnormals, [this](int share, int shares) noexcept {
    blocks_.each(share, shares,
                 [this](std::size_t k, std::size_t block, std::int64_t begin, std::int64_t end) {
                   const Array& array = arrays_[k];
                   const Task& task = array.in_c_order ? *array.in_c_order : *array.task;
                   task.sum_squares(begin, end,
                                    {{array.rescale.param, &params_[block]},
                                     {array.rescale.measured, &measured_[block]}});
                 });
  });
  const StepMode mode(flush_subnormals);
  for (std::size_t k = 0; k < arrays_.size(); ++k) {
    arrays_[k].squares = {blocks_.sum(k, params_.data()), blocks_.sum(k, measured_.data())};
  }
}

}  // namespace instep
