// The rules of the instruction set that this process uses.
#pragma once

#include <string>

#include "kernels/table.hpp"

namespace instep {

// Chosen at the first call, which the module makes when it is imported. Throws
// std::invalid_argument where INSTEP_ISA asks for what is not possible.
const Table& table();

const Rule& find_rule(const std::string& name);

}  // namespace instep
