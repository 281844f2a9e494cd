#include "kernels/make_table.hpp"

const instep::Table instep::table_baseline = instep::make_table("baseline");
