// What each instruction set's file exports. Included by those files alone.
#pragma once

#include "kernels/exchange.hpp"
#include "kernels/floors.hpp"
#include "kernels/gradients.hpp"
#include "kernels/loops.hpp"
#include "kernels/rows.hpp"
#include "kernels/storage.hpp"

namespace instep {
namespace {

constexpr Table make_table(const char* isa) noexcept {
  return {isa,
          Registry<AllRules>::rules,
          sizeof(Registry<AllRules>::rules) / sizeof(Registry<AllRules>::rules[0]),
          gradient_loops,
          rows,
          storage_loops,
          {exchange_kernel<float>, exchange_kernel<double>},
          floors};
}

}  // namespace
}  // namespace instep
