"""Rules that depend on the norms of whole parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import instep
from instep import RowGradient, functional
from tests.cases import DTYPES, FEW_CASES, ROW_CASES, Array, Case
from tests.compare import assert_same_bits, assert_step_equals_reference
from tests.storage import STORAGES, Storage

NORM_CASES = [case for case in FEW_CASES if case not in ROW_CASES]
every_case = pytest.mark.parametrize("case", NORM_CASES, ids=str)

STORED = {
    "as it is computed": Storage(),
    **{
        name: STORAGES[name]
        for name in (
            "all in bfloat16",
            "a master, float16 states, a copy",
            "a float16 copy of float64",
        )
    },
}

# Of several blocks of squares in C order, the last of which is short.
SHAPE = (23, 19, 31)
LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "C": np.copy,
    "Fortran": np.asfortranarray,
    "middle first": lambda array: array.transpose(1, 0, 2).copy().transpose(1, 0, 2),
    "reversed": lambda array: array[::-1, ::-1, ::-1].copy()[::-1, ::-1, ::-1],
    "a part": lambda array: np.pad(array, 2)[2:-2, 2:-2, 2:-2],
    "every second one": lambda array: np.repeat(array, 2, axis=2)[:, :, ::2],
}


def laid_out(array: Array, lay_out: Callable[[Array], Array]) -> Array:
    """Return an array as it is laid out, one of less than three axes with others of length 1."""
    missing = 3 - array.ndim
    laid: Array = lay_out(array.reshape((1,) * missing + array.shape))[(0,) * missing]
    return laid


@pytest.fixture(autouse=True)
def no_cap() -> Iterator[None]:
    yield
    instep.set_num_threads(None)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("storage", STORED.values(), ids=STORED)
@every_case
@pytest.mark.usefixtures("finest_grain")
def test_the_same_bits_for_any_layout(case: Case, storage: Storage, threads: int) -> None:
    instep.set_num_threads(threads)
    case = storage.of(case, clip_value=0.5)
    arrays = storage.random_arrays(case, SHAPE)
    for lay_out in LAYOUTS.values():
        for chosen in (set(arrays), *({name} for name in arrays)):
            views = {
                name: laid_out(array, lay_out) if name in chosen else array.copy()
                for name, array in arrays.items()
            }
            assert_step_equals_reference(case, views)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@every_case
@pytest.mark.usefixtures("finest_grain")
def test_each_parameter_has_its_own(case: Case, dtype: np.dtype[Any]) -> None:
    sizes = (4096, 0, 1, 8191, 3, 12289)
    each = [case.random_arrays(size, dtype, seed) for seed, size in enumerate(sizes)]
    together = {name: [array[name].copy() for array in each] for name in each[0]}
    instep.set_num_threads(3)
    case.step(functional, together)
    for k, arrays in enumerate(each):
        case.step(functional, arrays)
        for name, array in arrays.items():
            assert_same_bits(together[name][k], array, f"{name} of {sizes[k]} elements")


@every_case
def test_gradients_of_rows_are_refused(case: Case) -> None:
    arrays = case.random_arrays((3, 2), DTYPES[0])
    dense = {name: [array.copy(), array.copy()] for name, array in arrays.items()}
    before = {name: [array.copy() for array in each] for name, each in dense.items()}
    dense["grad"][1] = RowGradient(
        np.array([1]), np.ones((1, *arrays["grad"].shape[1:]), np.float32)
    )
    with pytest.raises(
        TypeError, match=r"gradient of parameter 1: .* all its elements.*RowGradient"
    ):
        case.step(functional, dense)
    for name in before.keys() - {"grad"}:
        for array, old in zip(dense[name], before[name], strict=True):
            assert_same_bits(array, old, name)


# LARS


def lars(param: list[float], grad: list[float], **options: Any) -> Any:
    w = np.array(param)
    functional.lars_step(w, np.array(grad), step=1, **options)
    return w.tolist()


@pytest.mark.parametrize(
    ("size", "slope"), [(1.0, 0.1), (1.0, 1e200), (1e-200, 1.0), (1e-200, 1e-200), (1e200, 1e200)]
)
def test_lars_moves_by_a_part_of_the_parameter(size: float, slope: float) -> None:
    """Also where squares cannot be represented."""
    w = [3.0 * size, 4.0 * size]
    moved = lars(w, [0.0, slope], lr=0.5, trust_coeff=0.5, eps=0.0, always_adapt=True)
    assert moved == pytest.approx([3.0 * size, (4.0 - 0.5 * 0.5 * 5.0) * size], abs=0.0)


def test_lars_counts_decay_to_the_gradient() -> None:
    moved = lars([3.0, 4.0], [0.0, 6.0], weight_decay=0.5, trust_coeff=0.25, eps=1.5)
    trust = 0.25 * 5.0 / (6.0 + 0.5 * 5.0 + 1.5)
    assert moved == pytest.approx([3.0 - trust * 1.5, 4.0 - trust * (6.0 + 2.0)])


def test_lars_without_a_norm_steps_as_it_comes() -> None:
    assert lars([0.0, 0.0], [1.0, 2.0], always_adapt=True) == [-1.0, -2.0]
    assert lars([4.0, 0.0], [0.0, 0.0], weight_decay=0.25) == [3.0, 0.0]


def test_lars_clips_at_its_rate() -> None:
    for rate in (0.0, 0.5, 2.0):
        moved = lars(
            [1.0], [1.0], lr=rate, trust_coeff=1.0, eps=0.0, trust_clip=True, always_adapt=True
        )
        assert moved == [1.0 - min(rate, 1.0)]


def test_lars_without_decay_is_sgd_of_rows_too() -> None:
    rows = RowGradient(np.array([2, 0, 2]), np.arange(6.0).reshape(3, 2))
    params = [np.ones((3, 2)) for _ in range(2)]
    for optimizer, param in zip((instep.LARS, instep.SGD), params, strict=True):
        optimizer(param, lr=0.5, momentum=0.5).step(rows)
    assert_same_bits(params[0], params[1])


# LAMB


def lamb(param: list[float], grad: list[float], **options: Any) -> Any:
    w = np.array(param)
    functional.lamb_step(w, np.array(grad), *np.zeros((2, w.size)), step=1, eps=0.0, **options)
    return w.tolist()


@pytest.mark.parametrize("size", [1.0, 1e-200, 1e200])
def test_lamb_moves_by_a_part_of_the_parameter(size: float) -> None:
    """Also where squares cannot be represented."""
    w = [3.0 * size, 4.0 * size]
    moved = lamb(w, [1e-9, 1e9], lr=0.5, weight_decay=0.0, always_adapt=True)
    step = 0.5 * 5.0 * size / math.sqrt(2.0)
    expected = [3.0 * size - step, 4.0 * size - step]
    assert moved == pytest.approx(expected, rel=1e-12, abs=0.0)


def test_lamb_counts_coupled_decay_to_the_step() -> None:
    moved = lamb([3.0, 4.0], [0.5, 0.5], lr=0.5, weight_decay=0.25)
    trust = 5.0 / math.hypot(1.75, 2.0)
    assert moved == pytest.approx([3.0 - 0.5 * trust * 1.75, 4.0 - 0.5 * trust * 2.0])


def test_lamb_steps_from_the_parameter_that_decoupled_decay_leaves() -> None:
    options = {"weight_decay": 1.0, "decoupled_weight_decay": True}
    assert lamb([6.0, 8.0], [1.0, -1.0], lr=0.5, **options) == pytest.approx(
        [3.0 - 0.5 * 5.0 / math.sqrt(2.0), 4.0 + 0.5 * 5.0 / math.sqrt(2.0)]
    )


def test_lamb_without_a_norm_steps_as_adam() -> None:
    assert lamb([0.0, 0.0], [1.0, -2.0], lr=0.5) == pytest.approx([-0.5, 0.5])


def test_lamb_clips_what_would_lengthen_a_step() -> None:
    for size in (0.25, 4.0):
        moved = lamb([size], [1.0], lr=0.5, weight_decay=0.0, trust_clip=True, always_adapt=True)
        assert moved == pytest.approx([size - 0.5 * min(size, 1.0)])


def test_lamb_without_decay_is_adam_of_rows_too() -> None:
    rows = RowGradient(np.array([2, 0, 2]), np.arange(6.0).reshape(3, 2))
    params = [np.ones((3, 2)) for _ in range(2)]
    for optimizer, param in zip((instep.LAMB, instep.Adam), params, strict=True):
        made = optimizer(param, lr=0.5, eps=0.5, weight_decay=0.0)
        for _ in range(3):
            made.step(rows)
    assert params[0] == pytest.approx(params[1], rel=1e-14)


# Both


def test_norms_follow_what_the_group_says() -> None:
    """Decay that begins later; a group without."""
    params = [np.array([3.0, 4.0]), np.array([3.0, 4.0])]
    groups: list[dict[str, Any]] = [
        {"params": [params[0]]},
        {"params": [params[1]], "weight_decay": 0.0},
    ]
    optimizer = instep.LARS(groups, lr=1.0, trust_coeff=1.0, eps=0.0)
    optimizer.step([np.array([0.0, 1.0])] * 2)
    assert [param.tolist() for param in params] == [[3.0, 3.0]] * 2
    optimizer.param_groups[0]["always_adapt"] = True
    params[0][...] = params[1][...] = 3.0, 4.0
    optimizer.step([np.array([0.0, 1.0])] * 2)
    assert [param.tolist() for param in params] == [[3.0, -1.0], [3.0, 3.0]]
