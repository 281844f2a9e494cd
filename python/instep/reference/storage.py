"""How the arrays of a step are stored, and in which type its rule meets them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from instep.reference.hashing import random_bits
from instep.reference.master import join_master, split_master
from instep.reference.rounding import is_narrow, narrow, widen
from instep.storage import PARAM_SLOT, TO_NEAREST, Rounding, StateRounding


class StorageArguments(TypedDict, total=False):
    """Keyword arguments of every step function: what is written in 16 bits, and how.

    `param_rest` and `copies` are one array or a sequence as the parameter is, with None for a
    parameter that has none.
    """

    state_rounding: StateRounding
    param_rounding: Rounding | None
    param_rest: Any
    copies: Any
    seed: int
    first_parameter: int


class Narrowing:
    """How one call rounds what it stores in 16 bits.

    `states` are the rule's, whether passed or not, in their order; `slots` those of random bits,
    where they are others.
    """

    def __init__(
        self,
        states: Sequence[str],
        step: int | None,
        *,
        state_rounding: StateRounding = "stochastic",
        param_rounding: Rounding | None = None,
        seed: int = 0,
        slots: Mapping[str, int] | None = None,
    ) -> None:
        self._step = step
        self._seed = seed
        self._slots = slots or {
            **{name: slot for slot, name in enumerate(states)},
            "param": PARAM_SLOT,
        }
        if not isinstance(state_rounding, Mapping):
            state_rounding = dict.fromkeys(states, state_rounding)
        self._stochastic = {
            name for name in states if state_rounding.get(name, "stochastic") == "stochastic"
        }
        self._stochastic -= TO_NEAREST
        if param_rounding == "stochastic":
            self._stochastic.add("param")

    def check_step(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Raise TypeError where a number is needed that was not given."""
        stochastic = self._stochastic & arrays.keys()
        if self._step is None and any(is_narrow(arrays[name]) for name in stochastic):
            raise TypeError(
                "step: expected the number of this step, from 1, as what is stored stochastically "
                "takes its random bits from it, got None"
            )

    def __call__(
        self, name: str, values: NDArray[Any], like: NDArray[Any], rows: Any, parameter: int
    ) -> NDArray[Any]:
        """Return the new values of an array, or of its rows, in the type that it is stored in."""
        if name not in self._stochastic:
            return narrow(values, like.dtype)
        assert self._step is not None
        random = random_bits(
            indices(like.shape, rows),
            seed=self._seed,
            step=self._step,
            parameter=parameter,
            slot=self._slots[name],
        )
        return narrow(values, like.dtype, random)


def indices(shape: tuple[int, ...], rows: Any) -> NDArray[np.int64]:
    """Return the position in C order of each element, or of those of some rows."""
    if rows is ...:
        return np.arange(math.prod(shape)).reshape(shape)
    width = math.prod(shape[1:])
    row = np.array(rows, np.int64).reshape(-1, 1)
    return (row * width + np.arange(width)).reshape(len(rows), *shape[1:])


def step_stored(
    rule: Callable[..., None],
    arrays: Mapping[str, NDArray[Any]],
    rows: Any,
    narrowing: Narrowing,
    *,
    parameter: int,
    rest: NDArray[Any] | None,
    copy: NDArray[Any] | None,
) -> None:
    """Let a rule step a parameter with its states, or some of its rows, and store the result.

    The rule meets numbers of the working type. `rows` is an ellipsis where it means all.
    """
    working = {name: widen(array[rows]) for name, array in arrays.items()}
    if rest is not None:
        working["param"] = join_master(arrays["param"][rows], rest[rows])
    rule(**working)
    for name, values in working.items():
        array = arrays[name]
        if name == "param" and rest is not None:
            array[rows], rest[rows] = split_master(values)
        elif is_narrow(array):
            array[rows] = narrowing(name, values, array, rows, parameter)
        elif rows is not ...:
            array[rows] = values
    if copy is not None:
        shown = working["param"] if rest is not None else widen(arrays["param"][rows])
        copy[rows] = narrow(shown, copy.dtype)
