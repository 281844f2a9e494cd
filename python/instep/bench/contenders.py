"""Who is measured: each contender performs the steps of a case in its own way."""

from __future__ import annotations

import functools
import inspect
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from instep.bench.cases import Arrays, Case, Rule


@dataclass(frozen=True)
class Contender:
    """A way to take a case's steps.

    `prepare` returns a function that performs one step for each call, on arrays of its own that
    hold the same numbers as every other contender's.
    """

    name: str
    prepare: Callable[[Case], Callable[[], None]]


def each_in_turn(step: Callable[[Arrays], None], grads: list[Arrays]) -> Callable[[], None]:
    """Return a function that calls `step` with the next of `grads`, over and over."""
    # All in C: about 0.02 µs of each step, and the same for every contender.
    return map(step, itertools.cycle(grads)).__next__


def _optimizer(case: Case) -> Callable[[], None]:
    params, grads = case.arrays()
    return each_in_turn(case.rule.optimizer(params, **case.rule.options).step, grads)


def _reference(case: Case) -> Callable[[], None]:
    params, grads = case.arrays()
    rule = case.rule
    states = {_argument(name): _zeros_like(params) for name in rule.states}
    step = functools.partial(rule.reference, params, **states, **_options(rule))
    if "step" in inspect.signature(rule.reference).parameters:
        numbers = itertools.count(1)
        return each_in_turn(lambda grad: step(grad, step=next(numbers)), grads)
    return each_in_turn(step, grads)


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
REFERENCE = Contender("reference", _reference)
CONTENDERS = (INSTEP, REFERENCE)
