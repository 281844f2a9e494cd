"""What is done to gradients before a rule meets them: unscaling, clipping, the guard, flushing."""

import copy
import dataclasses
import math
import pickle
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import instep
from instep import functional, reference
from tests.api.model import each_class
from tests.cases import DTYPES, FEW_CASES, Array, Case
from tests.compare import assert_same_bits, assert_step_equals_reference

every_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=str)
every_case = pytest.mark.parametrize("case", FEW_CASES, ids=str)

CONDITIONS: tuple[dict[str, Any], ...] = (
    {"grad_scale": 3.0},
    {"grad_scale": 2.0**-20},
    {"clip_value": 0.3},
    {"clip_value": 0.0},
    {"clip_norm": 0.5},
    {"clip_norm": 0.0},
    {"clip_norm": 1e6},
    {"clip_norm": math.inf},
    {"grad_scale": 7.0, "clip_norm": 0.1},
    {"grad_scale": 7.0, "clip_value": 0.1},
    {"grad_scale": 0.3, "clip_value": 0.2, "clip_norm": 0.7},
    {"grad_scale": 0.3, "clip_value": math.inf, "clip_norm": 0.7},
)
every_condition = pytest.mark.parametrize(
    "conditions",
    CONDITIONS,
    ids=lambda conditions: "-".join(f"{name}={value:g}" for name, value in conditions.items()),
)

# Around the lanes and blocks of the norm.
SIZES = (0, 1, 15, 16, 17, 4095, 4096, 4097, 12_300)


@pytest.fixture(autouse=True)
def _no_cap() -> Iterator[None]:
    yield
    instep.set_num_threads(None)


@every_dtype
@every_condition
@every_case
def test_step_functions_equal_the_reference(
    case: Case, conditions: dict[str, Any], dtype: np.dtype[Any]
) -> None:
    conditioned = dataclasses.replace(case, options={**case.options, **conditions})
    each = [case.random_arrays(size, dtype, seed=size) for size in SIZES]
    grads = [arrays["grad"].copy() for arrays in each]
    together = {name: [arrays[name] for arrays in each] for name in each[0]}
    assert_step_equals_reference(conditioned, together, 3)
    for grad, before in zip(together["grad"], grads, strict=True):
        assert_same_bits(grad, before, "a caller's gradient")
    assert_step_equals_reference(conditioned, case.random_arrays((3, 41), dtype), 3)


@every_dtype
@every_condition
@each_class
def test_optimizers_step_conditioned_gradients(
    name: str, conditions: dict[str, Any], dtype: np.dtype[Any]
) -> None:
    rng = np.random.default_rng(0)
    shapes = [(), (7, 3), (70, 80)]
    params = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
    options = dict(conditions)
    scale = options.pop("grad_scale", 1.0)
    plain = [param.copy() for param in params]
    plain_optimizer = getattr(instep, name)(plain, lr=0.1)
    optimizer = getattr(instep, name)(params, lr=0.1, **options)
    for _ in range(3):
        grads = [np.asarray(rng.standard_normal(shape), dtype) for shape in shapes]
        optimizer.step(grads, grad_scale=scale)
        plain_optimizer.step(
            [np.asarray(g) for g in reference.condition_gradients(grads, **conditions)]
        )
        for param, expected in zip(params, plain, strict=True):
            assert_same_bits(param, expected)


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "C": np.copy,
    "Fortran": np.asfortranarray,
    "strided": lambda a: np.repeat(a, 3, axis=1)[:, ::3],
    "rows": lambda a: np.concatenate([a, a], axis=1)[:, : a.shape[1]],
    "reversed": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
}


@every_dtype
@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.usefixtures("finest_grain")
def test_norm_is_the_references_for_every_layout_and_number_of_threads(
    layout: str, threads: int, dtype: np.dtype[Any]
) -> None:
    instep.set_num_threads(threads)
    rng = np.random.default_rng(1)
    values = [rng.standard_normal(shape).astype(dtype) for shape in ((3, 5), (123, 321), (1, 1))]
    grads = [LAYOUTS[layout](value) for value in values]
    optimizer = instep.SGD([np.zeros_like(value) for value in values], clip_norm=1.0)
    optimizer.step(grads, grad_scale=3.0)
    assert optimizer.last_grad_norm == reference.grad_norm(values, grad_scale=3.0)


@given(
    data=st.data(),
    shape=hnp.array_shapes(min_dims=0, max_dims=3, max_side=40),
    scale=st.floats(1e-3, 1e3),
    clip=st.none() | st.floats(0.0, 1e3),
)
@every_dtype
def test_norm_of_any_numbers(
    data: st.DataObject, shape: tuple[int, ...], scale: float, clip: float | None, dtype: Any
) -> None:
    grad = data.draw(hnp.arrays(dtype, shape))
    optimizer = instep.SGD(np.zeros_like(grad), clip_norm=1.0, clip_value=clip)
    optimizer.step(grad, grad_scale=scale)
    with np.errstate(all="ignore"):
        expected = reference.grad_norm([grad], grad_scale=scale, clip_value=clip)
    norm = optimizer.last_grad_norm
    assert norm == expected or (norm is not None and math.isnan(norm) and math.isnan(expected))


PARAMS: dict[str, Callable[[tuple[int, ...], Any], Array]] = {
    "C": lambda shape, dtype: np.zeros(shape, dtype),
    "Fortran": lambda shape, dtype: np.zeros(shape, dtype, order="F"),
    "reversed": lambda shape, dtype: np.zeros(shape, dtype)[:, ::-1, ::-1],
    "transposed": lambda shape, dtype: np.zeros((shape[0], shape[2], shape[1]), dtype).transpose(
        0, 2, 1
    ),
}


@every_dtype
@every_condition
@pytest.mark.parametrize("rows", [[5, 0, 9], [5, 0, 5, 9, 0, 5], []], ids=str)
@pytest.mark.parametrize("layout", PARAMS)
def test_gradients_of_rows(
    layout: str, rows: list[int], conditions: dict[str, Any], dtype: np.dtype[Any]
) -> None:
    rng = np.random.default_rng(4)
    shape = (11, 13, 17)
    values = rng.standard_normal((len(rows), *shape[1:])).astype(dtype)
    grads: list[Array | instep.RowGradient] = [
        instep.RowGradient(np.array(rows, int), values),
        rng.standard_normal(7).astype(dtype),
    ]
    params = [PARAMS[layout](shape, dtype), np.zeros(7, dtype)]
    expected = [np.zeros(shape, dtype), np.zeros(7, dtype)]
    moments = [[np.zeros_like(param) for param in expected] for _ in range(2)]
    reference.adam_step(expected, grads, *moments, step=1, lr=0.1, **conditions)
    options = dict(conditions)
    scale = options.pop("grad_scale", 1.0)
    optimizer = instep.Adam(params, lr=0.1, **options)
    optimizer.step(grads, grad_scale=scale)
    for param, wanted in zip(params, expected, strict=True):
        assert_same_bits(param, wanted)


@pytest.mark.parametrize("rows", [[5, 0, 9], [5, 0, 5, 9, 0, 5]], ids=str)
def test_guard_names_the_row(rows: list[int]) -> None:
    values = np.ones((len(rows), 4))
    values[-1, 2] = np.inf
    param = np.zeros((11, 4))
    optimizer = instep.SGD(param, nonfinite="raise")
    with pytest.raises(FloatingPointError, match=rf"index \({rows[-1]}, 2\)"):
        optimizer.step(instep.RowGradient(np.array(rows), values))
    assert not param.any()


def test_clipped_gradients_have_the_norm() -> None:
    rng = np.random.default_rng(2)
    grads = [rng.standard_normal(size) * 100 for size in (10, 5000)]
    clipped = reference.condition_gradients(grads, clip_norm=2.0)
    norm = math.sqrt(sum(float(np.sum(each**2)) for each in clipped))
    assert norm == pytest.approx(2.0, rel=1e-6)
    kept = reference.condition_gradients(grads, clip_norm=1e9)
    assert all(np.array_equal(a, b) for a, b in zip(kept, grads, strict=True))


def test_norm_is_none_where_nobody_asked_for_it() -> None:
    optimizer = instep.SGD(np.zeros(3))
    norms = [optimizer.last_grad_norm]
    for clip_norm in (None, 1.0, None, math.inf):
        optimizer.clip_norm = clip_norm
        optimizer.step(np.array([3.0, 4.0, 0.0]))
        norms.append(optimizer.last_grad_norm)
    assert norms == [None, None, 5.0, None, 5.0]


def snapshot(optimizer: instep.Optimizer) -> bytes:
    return pickle.dumps([optimizer.state_dict(), [g["params"] for g in optimizer.param_groups]])


@every_dtype
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [(10,), (300, 400)], ids=str)
@each_class
def test_skip_leaves_everything_as_it_was(
    name: str, shape: tuple[int, ...], bad: float, dtype: np.dtype[Any]
) -> None:
    rng = np.random.default_rng(3)
    params = {each: rng.standard_normal(shape).astype(dtype) for each in ("a", "b")}
    optimizer = getattr(instep, name)(params, lr=lambda step: 0.1 / (step + 1), nonfinite="skip")
    grads = {each: np.ones(shape, dtype) for each in params}
    optimizer.step(grads)
    before = snapshot(optimizer)
    grads["b"].reshape(-1)[-1] = bad
    optimizer.step(grads)
    optimizer.step(grads)
    assert snapshot(optimizer) == before
    assert optimizer.skipped_steps == 2
    assert optimizer.last_grad_norm is not None
    assert not math.isfinite(optimizer.last_grad_norm)
    grads["b"].reshape(-1)[-1] = 1
    optimizer.step(grads)
    assert snapshot(optimizer) != before
    assert optimizer.skipped_steps == 2


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(5, 7), (300, 400)], ids=str)
def test_raise_names_the_parameter_and_the_first_bad_index(
    shape: tuple[int, int], layout: str
) -> None:
    params = {"a": np.zeros(shape), "b": np.zeros(shape)}
    optimizer = instep.Adam(params, nonfinite="raise")
    bad = np.ones(shape)
    bad[2, 3] = bad[4, 1] = np.nan
    before = snapshot(optimizer)
    with pytest.raises(FloatingPointError, match=r"'b'.* at index \(2, 3\)"):
        optimizer.step({"a": np.ones(shape), "b": LAYOUTS[layout](bad)})
    assert snapshot(optimizer) == before
    assert optimizer.skipped_steps == 0
    assert optimizer.last_grad_norm is None
    optimizer.step({"a": np.ones(shape), "b": np.ones(shape)})


def test_guard_sees_the_unscaled_gradient() -> None:
    optimizer = instep.SGD(np.zeros(2, np.float32), nonfinite="raise")
    large = np.full(2, 1e38, np.float32)
    optimizer.step(large)
    with pytest.raises(FloatingPointError, match=r"index \(0,\)"):
        optimizer.step(large, grad_scale=1e-3)


@every_dtype
@pytest.mark.parametrize("size", [3, 5000, 40_000])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_guard_sees_what_clip_value_would_hide(bad: float, size: int, dtype: np.dtype[Any]) -> None:
    param = np.zeros(size, dtype)
    grad = np.full(size, 2.0, dtype)
    optimizer = instep.SGD(param, lr=1.0, clip_value=1.0, nonfinite="skip")
    optimizer.step(grad)
    assert optimizer.last_grad_norm == math.sqrt(size)
    grad[-2] = bad
    optimizer.step(grad)
    assert optimizer.skipped_steps == 1
    assert (param == -1).all()


@pytest.mark.parametrize("module", [functional, reference], ids=["functional", "reference"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@every_case
def test_step_functions_guard(case: Case, bad: float, module: Any) -> None:
    conditions = {"nonfinite": "raise", "grad_scale": 0.5, "clip_value": 1.0, "clip_norm": 2.0}
    guarded = dataclasses.replace(case, options={**case.options, **conditions})
    each = [case.random_arrays(shape, DTYPES[0]) for shape in ((), (4, 5))]
    together = {name: [arrays[name] for arrays in each] for name in each[0]}
    guarded.step(module, together, 2)
    before = pickle.dumps(together)
    for grad in reversed(together["grad"]):
        index = tuple(length // 2 for length in grad.shape)
        kept = grad[index].copy()
        grad[index] = bad
        with pytest.raises(FloatingPointError, match=re.escape(f"at index {index}")):
            guarded.step(module, together, 3)
        grad[index] = kept
        assert pickle.dumps(together) == before
    large = {name: np.full(array.shape, 3e38, np.float32) for name, array in each[0].items()}
    with pytest.raises(FloatingPointError), np.errstate(over="ignore"):
        guarded.step(module, large, 3)


def test_step_functions_do_not_skip() -> None:
    with pytest.raises(ValueError, match="nonfinite: expected 'propagate' or 'raise', got 'skip'"):
        functional.sgd_step(np.zeros(1), np.ones(1), step=1, lr=1.0, nonfinite="skip")  # type: ignore[arg-type]


def test_guard_lets_finite_gradients_with_an_infinite_norm_pass() -> None:
    param = np.zeros(4)
    optimizer = instep.SGD(param, lr=1.0, nonfinite="raise")
    optimizer.step(np.full(4, 1e308))
    assert optimizer.last_grad_norm == math.inf
    assert param.tolist() == [-1e308] * 4


FAR_NORMS: tuple[tuple[list[float], float], ...] = (
    ([3e160, 4e160], 5e160),
    ([3e307, -4e307, 1.0], 5e307),
    ([1e200, 1e-200], 1e200),
    ([3e-170, 4e-170], 5e-170),
    ([5e-324], 5e-324),
    ([0.0, -0.0], 0.0),
    ([math.inf, 1e200], math.inf),
)
"""Gradients whose squares are no float64 numbers, and their norms."""


@pytest.mark.parametrize(("grad", "norm"), FAR_NORMS, ids=str)
@pytest.mark.parametrize("repeats", [1, 10_000])
def test_a_norm_is_right_wherever_it_is_a_number(
    grad: list[float], norm: float, repeats: int
) -> None:
    array = np.repeat(np.array(grad), repeats)
    optimizer = instep.SGD(np.zeros_like(array), clip_norm=math.inf)
    optimizer.step(array)
    found = optimizer.last_grad_norm
    assert found == reference.grad_norm([array])
    assert found == pytest.approx(norm * math.sqrt(repeats), rel=1e-14, abs=0.0)


def test_gradients_of_any_size_are_clipped_to_the_bound() -> None:
    param = np.zeros(2)
    instep.SGD(param, lr=1.0, clip_norm=1.0).step(np.array([3e160, 4e160]))
    assert param.tolist() == pytest.approx([-0.6, -0.8], rel=1e-15)


@every_dtype
def test_an_infinite_bound_changes_no_gradient(dtype: np.dtype[Any]) -> None:
    huge = np.finfo(dtype).max / 2
    param = np.zeros(3, dtype)
    instep.SGD(param, lr=1.0, clip_norm=math.inf, nonfinite="raise").step(
        np.array([1.0, huge, -2.0], dtype)
    )
    assert param.tolist() == [-1.0, -huge, 2.0]
    param = np.zeros(3, dtype)
    instep.SGD(param, lr=1.0, clip_norm=math.inf).step(np.array([1.0, math.inf, -2.0], dtype))
    assert param.tolist() == [-1.0, -math.inf, 2.0]


def test_guard_of_gradients_that_are_none_or_empty() -> None:
    optimizer = instep.SGD([np.zeros(0), np.zeros(3)], nonfinite="raise", clip_norm=1.0)
    optimizer.step([np.zeros(0), None])
    assert optimizer.last_grad_norm == 0.0
    optimizer.step([None, None])
    assert optimizer.last_grad_norm == 0.0


REFUSED: tuple[tuple[dict[str, Any], type[Exception], str], ...] = (
    ({"clip_norm": -1.0}, ValueError, "clip_norm: expected a number of at least 0, got -1.0"),
    ({"clip_norm": math.nan}, ValueError, "clip_norm"),
    ({"clip_norm": "1"}, TypeError, "clip_norm: expected a number, got '1'"),
    ({"clip_value": -0.5}, ValueError, "clip_value"),
    ({"clip_value": True}, TypeError, "clip_value"),
    ({"nonfinite": "ignore"}, ValueError, "nonfinite: expected 'propagate', 'raise' or 'skip'"),
    ({"flush_subnormals": 1}, TypeError, "flush_subnormals: expected True or False, got 1"),
)


@pytest.mark.parametrize(("options", "error", "message"), REFUSED)
def test_options_out_of_range(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        instep.Adam(np.zeros(3), **options)
    optimizer = instep.Adam(np.zeros(3), clip_norm=2.0)
    [(name, value)] = options.items()
    before = getattr(optimizer, name)
    with pytest.raises(error, match=message):
        setattr(optimizer, name, value)
    assert getattr(optimizer, name) == before


@pytest.mark.parametrize(
    ("scale", "error"),
    [
        (0.0, ValueError),
        (-1.0, ValueError),
        (math.nan, ValueError),
        (math.inf, ValueError),
        ("2", TypeError),
        (None, TypeError),
        (True, TypeError),
    ],
)
def test_grad_scale_out_of_range(scale: Any, error: type[Exception]) -> None:
    param = np.ones(3)
    optimizer = instep.SGD(param)
    with pytest.raises(error, match="grad_scale: expected a"):
        optimizer.step(np.ones(3), grad_scale=scale)
    with pytest.raises(error, match="grad_scale: expected a"):
        instep.functional.sgd_step(param, np.ones(3), step=1, lr=0.1, grad_scale=scale)
    assert param.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_copies_keep_the_options(duplicate: Callable[[Any], Any]) -> None:
    options: dict[str, Any] = {
        "clip_norm": 2.0,
        "clip_value": 0.5,
        "nonfinite": "skip",
        "flush_subnormals": True,
    }
    optimizer = instep.Adam(np.ones(3), **options)
    optimizer.step(np.array([np.nan, 1, 1]))
    other = duplicate(optimizer)
    assert {name: getattr(other, name) for name in options} == options
    assert other.skipped_steps == 1
    other.step(np.full(3, 0.1))
    assert other.last_grad_norm == reference.grad_norm([np.full(3, 0.1)])
    assert optimizer.skipped_steps == 1


def test_options_of_a_group_added_later() -> None:
    params = [np.zeros(3), np.zeros(3)]
    optimizer = instep.SGD(params[:1], lr=1.0, clip_value=0.25)
    optimizer.add_param_group({"params": params[1]})
    optimizer.step([np.ones(3), np.ones(3)])
    assert [param.tolist() for param in params] == [[-0.25] * 3] * 2


@every_dtype
@pytest.mark.parametrize("size", [10, 300_000])
def test_flushed_subnormals(size: int, dtype: np.dtype[Any]) -> None:
    tiny = float(np.finfo(dtype).smallest_subnormal) * 8
    for flush in (False, True):
        param = np.zeros(size, dtype)
        optimizer = instep.SGD(param, lr=1.0, momentum=0.5, flush_subnormals=flush)
        optimizer.step(np.full(size, tiny, dtype))
        assert np.all(param == (0 if flush else -tiny))
        # The caller's mode is as it was.
        assert np.all(np.full(3, tiny, dtype) * dtype.type(0.5) > 0)


@pytest.mark.parametrize("size", [10, 300_000])
def test_step_functions_flush_subnormals(size: int) -> None:
    tiny = np.full(size, 1e-310)
    for module, flush, expected in (
        (functional, True, 0.0),
        (functional, False, -1e-310),
        (reference, True, -1e-310),
    ):
        param = np.zeros(size)
        module.sgd_step(param, tiny, step=1, lr=1.0, flush_subnormals=flush)
        assert (param == expected).all()
        assert (tiny * 0.5 > 0).all()


def test_flushing_can_be_switched() -> None:
    tiny = np.full(5, 1e-310)
    param = np.zeros(5)
    optimizer = instep.SGD(param, lr=1.0)
    optimizer.flush_subnormals = True
    optimizer.step(tiny)
    assert not param.any()
    optimizer.flush_subnormals = False
    optimizer.step(tiny)
    assert param.all()
