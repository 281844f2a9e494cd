#include "bindings/rules.hpp"

#include <cstdlib>
#include <stdexcept>

#include "kernels/select.hpp"

namespace instep {

const Table& table() {
  static const Table& chosen = [&]() -> const Table& {
    const char* isa = std::getenv("INSTEP_ISA");
    return select_table(isa == nullptr ? "" : isa);
  }();
  return chosen;
}

const Rule& find_rule(const std::string& name) {
  for (int k = 0; k < table().rule_count; ++k) {
    if (name == table().rules[k].name) return table().rules[k];
  }
  throw std::invalid_argument("there is no rule '" + name + "'");
}

}  // namespace instep
