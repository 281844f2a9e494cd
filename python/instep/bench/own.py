"""The package's own contenders: the optimizers, and the step functions with their reference."""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING

import instep
from instep.bench.arrays import as_list
from instep.bench.contenders import Contender, Stepper, each_in_turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from instep.bench.cases import Case


def _optimizer(case: Case) -> Stepper:
    instep.set_num_threads(case.threads)
    params, grads = case.arrays()
    optimizer = case.rule.optimizer(params, **case.rule.options)
    return Stepper(each_in_turn(optimizer.step, grads), lambda: as_list(params))


def _functional(case: Case) -> Stepper:
    instep.set_num_threads(case.threads)
    return _step_function(getattr(instep.functional, case.rule.reference.__name__), case)


def _reference(case: Case) -> Stepper:
    return _step_function(case.rule.reference, case)


def _step_function(function: Callable[..., None], case: Case) -> Stepper:
    params, grads = case.arrays()
    rule = case.rule
    states = rule.reference_states(params) | rule.new_scalars(params)
    step = functools.partial(function, params, **states, **rule.reference_options)
    numbers = itertools.count(1)
    call = each_in_turn(lambda grad: step(grad, step=next(numbers)), grads)
    return Stepper(call, lambda: as_list(params))


INSTEP = Contender("instep", _optimizer)
FUNCTIONAL = Contender("functional", _functional)
REFERENCE = Contender("numpy", _reference)
