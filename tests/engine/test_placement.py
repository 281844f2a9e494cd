"""Where an optimizer's states lie: beside each other's and the parameter's places in the caches."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from numpy.lib.array_utils import byte_bounds

import instep
from tests.cases import Array

CACHE_LINE, COLLISION = 64, 4096

OPTIMIZERS: dict[int, Callable[[Array], instep.Optimizer]] = {
    1: instep.RMSprop,
    2: instep.Adam,
    3: lambda param: instep.Adam(param, amsgrad=True),
}


def addresses(optimizer: instep.Optimizer) -> list[int]:
    [states] = optimizer._states()
    return [byte_bounds(state)[0] for state in states if state is not None]


@pytest.mark.parametrize("phase", [0, 16, 48, 64, 2000, 4080])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("states", OPTIMIZERS)
def test_large_states_share_the_parameters_phase_and_keep_apart(
    states: int, dtype: str, phase: int
) -> None:
    memory = np.zeros(10_000 * 8 + 2 * COLLISION, np.uint8)
    start = (phase - memory.ctypes.data) % COLLISION
    param = memory[start : start + 10_000 * np.dtype(dtype).itemsize].view(dtype)
    places = [param.ctypes.data, *addresses(OPTIMIZERS[states](param))]
    assert len(places) == 1 + states
    assert {place % CACHE_LINE for place in places} == {phase % CACHE_LINE}
    for one, other in itertools.permutations(places, 2):
        assert (one - other) % COLLISION >= COLLISION // 5


@pytest.mark.parametrize("states", OPTIMIZERS)
@pytest.mark.parametrize("size", [1, 10, 1000])
def test_small_states_start_at_cache_lines(size: int, states: int) -> None:
    places = addresses(OPTIMIZERS[states](np.zeros(size, np.float32)[::-1]))
    assert {place % CACHE_LINE for place in places} == {0}


@pytest.mark.parametrize(
    "param",
    [
        np.zeros((100, 200)),
        np.zeros((100, 200)).T,
        np.zeros((100, 200), order="F")[::-1],
        np.zeros((5, 100, 200)).transpose(1, 0, 2)[:, ::-1],
    ],
    ids=["C", "transposed", "rows reversed", "three axes"],
)
def test_states_lie_as_their_parameter_does(param: Array) -> None:
    [states] = instep.Adam(param)._states()
    assert [state.strides for state in states if state is not None] == [param.strides] * 2


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1,)])
def test_states_of_few_or_no_elements(shape: tuple[int, ...]) -> None:
    [states] = instep.Adam(np.ones(shape))._states()
    assert [state.shape for state in states if state is not None] == [shape] * 2
