"""The package's own contenders: the optimizers, and the reference as it is written."""

from __future__ import annotations

import functools
import inspect
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

import instep
from instep.bench.contenders import Contender, Stepper, as_list, each_in_turn

if TYPE_CHECKING:
    from instep.bench.cases import Arrays, Case, Rule


def _optimizer(case: Case) -> Stepper:
    instep.set_num_threads(case.threads)
    params, grads = case.arrays()
    optimizer = case.rule.optimizer(params, **case.rule.options)
    return Stepper(each_in_turn(optimizer.step, grads), lambda: as_list(params))


def _reference(case: Case) -> Stepper:
    params, grads = case.arrays()
    rule = case.rule
    states = {_argument(name): _zeros_like(params) for name in rule.states}
    step = functools.partial(rule.reference, params, **states, **_options(rule))
    if "step" in inspect.signature(rule.reference).parameters:
        numbers = itertools.count(1)
        call = each_in_turn(lambda grad: step(grad, step=next(numbers)), grads)
    else:
        call = each_in_turn(step, grads)
    return Stepper(call, lambda: as_list(params))


def _argument(state: str) -> str:
    """Name the argument of a reference function that takes the state `state`."""
    return "state_sum" if state == "sum" else state


def _zeros_like(arrays: Arrays) -> Arrays:
    if isinstance(arrays, list):
        return [np.zeros_like(array) for array in arrays]
    return np.zeros_like(arrays)


def _options(rule: Rule) -> dict[str, Any]:
    """Return the options that make the rule's reference function step as its optimizer does."""
    given = dict(rule.hyperparameters)
    if "betas" in given:
        given["beta1"], given["beta2"] = given.pop("betas")
    accepted = inspect.signature(rule.reference).parameters
    return {name: value for name, value in given.items() if name in accepted}


INSTEP = Contender("instep", _optimizer)
REFERENCE = Contender("numpy", _reference)
