"""What no step over the same arrays can beat: loops of the extension that do less.

The traffic floor reads and writes each array of the step, with one addition each. The root floor
divides and takes roots as often as the rule does, and nothing else. Where a rule measures before it
steps, so do they, in a pass of its own: it reads the same arrays or, where states are among them,
takes the roots as well.
"""

from __future__ import annotations

import timeit
from typing import TYPE_CHECKING

import numpy as np

import instep
from instep import _core
from instep.bench.contenders import Contender, NotOffered, Stepper

if TYPE_CHECKING:
    from instep.bench.arrays import Array
    from instep.bench.cases import Case


def _traffic(case: Case) -> Stepper:
    states = len(case.rule.states)
    param = np.ones(case.elements, case.dtype)
    grad = np.ones_like(param)
    arrays = [param, grad, *(_ones(param, k, states) for k in range(states))]
    return _stepper(arrays, 0, case.rule.read_before, case)


def _root(case: Case) -> Stepper:
    if case.rule.roots == 0:
        raise NotOffered("has no root")
    param = np.ones(case.elements, case.dtype)
    arrays = [param, _ones(param, 0, 2), _ones(param, 1, 2)]
    reads_states = case.rule.read_before > 2
    return _stepper(arrays, case.rule.roots, len(arrays) if reads_states else 0, case)


def _ones(param: Array, k: int, states: int) -> Array:
    """Return ones that lie where an optimizer would place the state."""
    state = _core.new_state(param, k, states, param.dtype)
    state[...] = 1
    return state


def _stepper(arrays: list[Array], roots: int, read_before: int, case: Case) -> Stepper:
    """Return the loop on one thread or on all, whichever is faster."""
    instep.set_num_threads(case.threads)
    loops = [_core.Floor(arrays, roots, read_before, n) for n in {1, instep.get_num_threads()}]
    fastest = min(loops, key=lambda loop: min(timeit.repeat(loop.run, number=5, repeat=7)))
    return Stepper(fastest.run, lambda: [arrays[0]])


TRAFFIC = Contender("traffic floor", _traffic)
ROOT = Contender("root floor", _root)
FLOORS = (TRAFFIC, ROOT)
