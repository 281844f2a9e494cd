// The registry of rules: a header and a name for each.
#pragma once

#include "rules/adabelief.hpp"
#include "rules/adadelta.hpp"
#include "rules/adafactor.hpp"
#include "rules/adagrad.hpp"
#include "rules/adam.hpp"
#include "rules/adamax.hpp"
#include "rules/adan.hpp"
#include "rules/ademamix.hpp"
#include "rules/asgd.hpp"
#include "rules/ftrl.hpp"
#include "rules/lamb.hpp"
#include "rules/lars.hpp"
#include "rules/lion.hpp"
#include "rules/nadam.hpp"
#include "rules/radam.hpp"
#include "rules/rmsprop.hpp"
#include "rules/rowwise_adagrad.hpp"
#include "rules/rprop.hpp"
#include "rules/schedule_free_adamw.hpp"
#include "rules/schedule_free_sgd.hpp"
#include "rules/sgd.hpp"

namespace instep {
namespace {

template <class... Rule>
struct RuleList {};

// clang-format off
using AllRules = RuleList<
    Sgd,
    Adam,
    RMSprop,
    Adagrad,
    Adadelta,
    AdaBelief,
    Lion,
    RAdam,
    NAdam,
    Asgd,
    Ftrl,
    Adan,
    RowwiseAdagrad,
    Rprop,
    AdEMAMix,
    ScheduleFreeSgd,
    ScheduleFreeAdamW,
    Adamax,
    Lars,
    Lamb,
    Adafactor
>;
// clang-format on

}  // namespace
}  // namespace instep
