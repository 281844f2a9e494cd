#include "kernels/make_table.hpp"

const instep::Table instep::table_x86_64_v3 = instep::make_table("x86-64-v3");
