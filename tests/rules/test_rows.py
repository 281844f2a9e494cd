"""States with a number for each row: the rule against its source, shapes, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import instep
from instep import RowGradient, functional, reference
from tests.cases import DTYPES, FEW_CASES, HALVES, Array, Case
from tests.compare import assert_step_equals_reference

(CASE,) = (case for case in FEW_CASES if case.rule == "rowwise_adagrad")

# Rows of none, one and several elements, around lanes, blocks of 4,096 and 64 rows at once.
SHAPES = (
    *((), (1,), (5,), (0,), (0, 3), (3, 0), (1, 1), (1, 40), (40, 1), (7, 5)),
    *((3, 15), (3, 16), (3, 17), (2, 4095), (3, 4097), (1, 12_289), (63, 8), (65, 3), (129, 70)),
    *((5, 3, 4), (2, 1, 3, 2), (4, 50, 90)),
)

every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)


def torchrec(
    param: Array, grad: Array, sums: Array, *, lr: float, eps: float, weight_decay: float
) -> None:
    """Step as TorchRec's dense RowWiseAdagrad does, without its decay of the rate."""
    grad = grad + weight_decay * param
    sums += np.mean(grad**2, axis=1, keepdims=True)
    param += -lr * (grad / (np.sqrt(sums) + eps))


def test_equals_torchrec_within_rounding() -> None:
    rng = np.random.default_rng(0)
    param = rng.standard_normal((7, 5))
    table, sums = param.copy(), np.full((7, 1), 0.5)
    options: Any = {"lr": 0.3, "eps": 0.1, "weight_decay": 0.2}
    optimizer = instep.RowwiseAdagrad(param, initial_accumulator_value=0.5, **options)
    for _ in range(12):
        grad = rng.standard_normal((7, 5))
        optimizer.step(grad)
        torchrec(table, grad, sums, **options)
    assert param == pytest.approx(table, rel=1e-13)
    assert optimizer.state_dict()["state"][0]["sum"] == pytest.approx(sums[:, 0], rel=1e-13)


@every_dtype
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.usefixtures("finest_grain")
def test_every_shape(shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    coupled = Case(CASE.rule, CASE.states, {"weight_decay": 0.1, "clip_value": 0.8})
    for order in ("C", "F"):
        for case in (CASE, coupled):
            arrays = case.random_arrays(shape, dtype)
            arrays["param"] = arrays["param"].copy(order=order)
            arrays["grad"] = arrays["grad"].astype(np.float32)
            assert_step_equals_reference(case, arrays, what=order)


@pytest.mark.parametrize("half", HALVES, ids=str)
def test_decay_of_a_parameter_in_16_bits_is_that_of_its_master(half: np.dtype[Any]) -> None:
    case = Case(CASE.rule, CASE.states, {"weight_decay": 0.1})
    arrays = case.random_arrays((9, 70), DTYPES[0])
    arrays |= {"param": arrays["param"].astype(half), "grad": arrays["grad"].astype(half)}
    if half == HALVES[1]:
        arrays["param_rest"] = np.arange(630, dtype=np.int16).reshape(9, 70)
    assert_step_equals_reference(case, arrays)


def test_rows_named_twice_are_summed_before_they_are_squared() -> None:
    for module in (functional, reference):
        table, sums = np.zeros((3, 2)), np.zeros(3)
        values = np.array([[3.0, 0.0], [1.0, 2.0], [-3.0, 4.0]])
        gradient = RowGradient(np.array([2, 0, 2]), values)
        module.rowwise_adagrad_step(table, gradient, sums, lr=1.0, eps=0.0)
        assert sums.tolist() == [2.5, 0.0, 8.0]


def test_states_have_a_number_for_each_row() -> None:
    options: dict[str, Any] = {"state_dtype": "float16", "initial_accumulator_value": 0.5}
    params = [np.ones(shape, np.float32) for shape in ((5, 3), (4, 2, 2), (3,), ())]
    optimizer = instep.RowwiseAdagrad(params, **options)
    sums = [state["sum"] for state in optimizer.state_dict()["state"].values()]
    assert [each.shape for each in sums] == [(5,), (4,), (3,), ()]
    assert all(each.dtype == np.float32 and (each == 0.5).all() for each in sums)


@pytest.mark.parametrize(
    ("state", "error", "words"),
    [
        (np.zeros((4, 3)), ValueError, r"sum: expected shape \(4,\), a number for each row of its"),
        (np.zeros((4, 1)), ValueError, r"sum: expected shape \(4,\), .* got \(4, 1\)"),
        (np.zeros(3), ValueError, r"sum: expected shape \(4,\), .* got \(3,\)"),
        (np.zeros(4, np.float32), TypeError, "sum: expected dtype float64"),
    ],
    ids=["whole", "rows as columns", "too few", "narrow"],
)
def test_another_state_is_refused(state: Array, error: type[Exception], words: str) -> None:
    param = np.ones((4, 3))
    with pytest.raises(error, match=words):
        functional.rowwise_adagrad_step(param, np.ones((4, 3)), state)
    assert (param == 1).all()


def test_sixteen_bits_for_its_sums_alone_are_refused() -> None:
    with pytest.raises(ValueError, match=r"state_dtype\['sum'\]: expected None or float32"):
        instep.RowwiseAdagrad(np.ones((2, 2), np.float32), state_dtype={"sum": "float16"})
