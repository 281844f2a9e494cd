// Which of the tables serves this process, and which rule a name means.
#pragma once

#include <string>
#include <vector>

#include "kernels/table.hpp"

namespace instep {

// All tables in the binary, and those that this processor and system can run; lowest first.
std::vector<const Table*> built_tables();
std::vector<const Table*> supported_tables();

// The table called `isa`, or the highest supported one where `isa` is empty. Throws
// std::invalid_argument, saying what is possible, where there is none of that name.
const Table& select_table(const std::string& isa);

// The table that serves this process: at the first call, that which INSTEP_ISA in the environment
// asks for. Throws as select_table does.
const Table& chosen_table();

// Throws std::invalid_argument where there is no rule of that name.
const Rule& find_rule(const Table& table, const std::string& name);

}  // namespace instep
