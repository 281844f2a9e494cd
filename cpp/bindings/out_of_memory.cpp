#include "bindings/out_of_memory.hpp"

#include <exception>
#include <stdexcept>
#include <utility>

namespace instep {

void register_memory_errors() {
  pybind11::register_local_exception_translator([](std::exception_ptr error) {
    try {
      std::rethrow_exception(std::move(error));
    } catch (const std::runtime_error&) {
      if (!memory_error_is_set()) throw;
    }
  });
}

}  // namespace instep
