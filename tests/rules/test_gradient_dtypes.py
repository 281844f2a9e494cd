"""Gradients of a narrower type than their parameter's are widened, exactly, and then as any."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import instep
from instep import RowGradient, functional, reference
from tests.api.model import each_variant, make, params_of, random_arrays
from tests.cases import DTYPES, FEW_CASES, FEW_CONDITIONS, HALVES, ROW_CASES, Array, Case
from tests.compare import assert_same_bits, assert_step_equals_reference

NARROWER = [
    (stored, dtype) for stored in (*HALVES, DTYPES[0]) for dtype in DTYPES if stored != dtype
]
"""Types of gradients, and those of parameters to which they widen."""

narrower = pytest.mark.parametrize(
    ("stored", "dtype"), NARROWER, ids=[f"{stored} to {dtype}" for stored, dtype in NARROWER]
)

SIZES = (0, 1, 2, 3, 7, 8, 15, 16, 17, 63, 64, 65, 511, 512, 513, 1023, 1025, 4099, 10_007)


@narrower
@pytest.mark.parametrize("case", FEW_CASES, ids=str)
def test_every_rule_equals_the_reference(
    case: Case, stored: np.dtype[Any], dtype: np.dtype[Any]
) -> None:
    for size in SIZES:
        arrays = case.random_arrays(size, dtype, seed=size)
        for number in (1, 2):
            arrays["grad"] = case.random_arrays(size, stored, seed=number)["grad"]
            assert_step_equals_reference(case, arrays, number, f"of {size} elements")


@narrower
@pytest.mark.parametrize("implementation", [functional, reference], ids=["kernels", "reference"])
def test_every_pattern_is_the_number_that_it_was(
    implementation: Any, stored: np.dtype[Any], dtype: np.dtype[Any]
) -> None:
    """A step of 1 from 0 shows the gradient; NumPy and ml_dtypes say what it is."""
    bits = np.arange(1 << 16, dtype=np.uint16)
    if stored.itemsize == 2:
        grad = bits.view(stored)
    else:
        grad = (bits.astype(np.uint32) << 16 | bits).view(stored)
    param = np.zeros(1 << 16, dtype)
    with np.errstate(invalid="ignore"):
        implementation.sgd_step(param, grad, step=1, lr=1.0)
        assert_same_bits(0.0 - param, grad.astype(dtype) + 0.0)


@narrower
@each_variant
def test_an_optimizer_steps_as_with_gradients_widened_before(
    name: str, options: dict[str, Any], stored: np.dtype[Any], dtype: np.dtype[Any]
) -> None:
    """And a type may come after another."""
    params = [np.zeros((3, 4), dtype), np.zeros((5, 7), dtype).T]
    same = [np.zeros((3, 4), dtype), np.zeros((5, 7), dtype).T]
    optimizer, expected = make(name, params, **options), make(name, same, **options)
    for seed, of in enumerate((dtype, stored, HALVES[0], dtype, HALVES[1], stored)):
        grads = [grad.astype(of) for grad in random_arrays(params, seed)]
        for _ in range(2):  # the second time in the same memory
            optimizer.step(grads)
            expected.step([grad.astype(dtype) for grad in grads])
    for ours, theirs in zip(params_of(optimizer), params_of(expected), strict=True):
        assert_same_bits(ours, theirs)


@narrower
@pytest.mark.parametrize("conditions", FEW_CONDITIONS, ids=str)
@pytest.mark.parametrize("case", FEW_CASES, ids=str)
def test_conditions_see_the_widened_numbers(
    case: Case, conditions: dict[str, Any], stored: np.dtype[Any], dtype: np.dtype[Any]
) -> None:
    conditioned = dataclasses.replace(case, options={**case.options, **conditions})
    each = [case.random_arrays(size, dtype, seed=size) for size in (1, 17, 4097, 12_300)]
    for arrays in each:
        arrays["grad"] = arrays["grad"].astype(stored)
    together = {name: [arrays[name] for arrays in each] for name in each[0]}
    assert_step_equals_reference(conditioned, together, 3)


@narrower
def test_the_norm_and_the_guard(stored: np.dtype[Any], dtype: np.dtype[Any]) -> None:
    rng = np.random.default_rng(0)
    param = np.zeros((70, 90), dtype)
    optimizer = instep.SGD(param, clip_norm=np.inf, nonfinite="raise")
    grad = rng.standard_normal((90, 70)).astype(stored).T
    optimizer.step(grad)
    assert optimizer.last_grad_norm == reference.grad_norm([grad.astype(dtype)])
    before = param.copy()
    grad[69, 3] = np.nan
    with pytest.raises(FloatingPointError, match=r"index \(69, 3\)"):
        optimizer.step(grad)
    # A number that its type holds, and the working type does not once it is scaled.
    grad[69, 3], grad[2, 5] = 1.0, 100.0
    with pytest.raises(FloatingPointError, match=r"index \(2, 5\)"):
        optimizer.step(grad, grad_scale=1e-307 if dtype == np.float64 else 1e-37)
    assert_same_bits(param, before)


@narrower
def test_rows_are_added_up_in_the_parameter_s_type(
    stored: np.dtype[Any], dtype: np.dtype[Any]
) -> None:
    """In theirs, 64 small numbers would be lost beside a large one."""
    values = np.array([[1.0, -1.0], *[[2.0**-9, 2.0**-12]] * 64, [0.5, 0.25]]).astype(stored)
    rows = np.array([3, *[3] * 64, 1])
    for case in ROW_CASES:
        arrays = case.random_arrays((5, 2), dtype)
        arrays["grad"] = RowGradient(rows, values)
        given = {name: array.copy() for name, array in arrays.items() if name != "grad"}
        case.step(functional, arrays)
        with np.errstate(all="ignore"):
            case.step(reference, {**given, "grad": arrays["grad"]})
        for name, array in given.items():
            assert_same_bits(arrays[name], array, f"{case}: {name}")
    w = np.zeros((5, 2), dtype)
    instep.SGD(w, lr=1.0).step(RowGradient(rows, values))
    assert w[3].tolist() == [-1.125, 1.0 - 2.0**-6]
    assert w[1].tolist() == [-0.5, -0.25]


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "C": lambda grad: grad,
    "Fortran": np.asfortranarray,
    "every third column": lambda grad: np.repeat(grad, 3, axis=1)[:, ::3],
    "some columns": lambda grad: np.pad(grad, ((0, 0), (2, 3)))[:, 2:-3],
    "reversed": lambda grad: grad[::-1, ::-1].copy()[::-1, ::-1],
    "misaligned": lambda grad: (
        np.frombuffer(b"\0" + grad.tobytes(), np.uint8)[1:].view(grad.dtype).reshape(grad.shape)
    ),
    "broadcast": lambda grad: np.broadcast_to(grad[:1], grad.shape),
}


@narrower
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.usefixtures("finest_grain")
def test_any_layout_and_any_number_of_threads(
    layout: Callable[[Array], Array], stored: np.dtype[Any], dtype: np.dtype[Any]
) -> None:
    """Also across the cache lines of a parameter in another order."""
    shape = (300, 170)
    grad = layout(np.random.default_rng(1).standard_normal(shape).astype(stored))
    expected = np.zeros(shape, dtype)
    with np.errstate(all="ignore"):
        reference.sgd_step(expected, grad, step=1, lr=0.3, weight_decay=0.5)
    orders: tuple[Any, ...] = ("C", "F")
    for order, threads in itertools.product(orders, (1, 3)):
        instep.set_num_threads(threads)
        for clip in (None, 1e3):
            param = np.zeros(shape, dtype, order=order)
            optimizer = instep.SGD(param, lr=0.3, weight_decay=0.5, clip_value=clip)
            optimizer.step(grad)
            assert_same_bits(param, expected, f"{order}, {threads} threads")
    instep.set_num_threads(None)


@pytest.mark.parametrize("stored", HALVES, ids=str)
def test_flushing_takes_what_is_subnormal_once_widened(stored: np.dtype[Any]) -> None:
    least = np.array([2.0**-24, 2.0**-140, 1.0]).astype(stored)  # to float16 the second is 0
    w = np.zeros(3, np.float32)
    instep.SGD(w, lr=1.0, flush_subnormals=True).step(least)
    assert w.tolist() == [-(2.0**-24), 0.0, -1.0]


def test_what_would_lose_bits_is_refused() -> None:
    w = np.zeros(3, np.float32)
    optimizer = instep.SGD(w)
    with pytest.raises(
        TypeError, match=r"expected dtype float32 as its parameter has, or .*got float64"
    ):
        optimizer.step(np.ones(3))
    for half in HALVES:
        with pytest.raises(ValueError, match=r"expected shape \(3,\)"):
            optimizer.step(np.ones(4, half))
        memory = np.zeros(6, np.uint16)
        shared = instep.SGD(memory.view(np.float32))
        with pytest.raises(ValueError, match="share memory"):
            shared.step(memory.view(half)[:3])
    assert w.tolist() == [0.0] * 3


def test_a_scalar_is_the_gradient_of_a_parameter_without_axes() -> None:
    w = np.zeros((), np.float32)
    optimizer = instep.SGD(w, lr=1.0)
    for half in HALVES:
        optimizer.step(half.type(0.5))
    assert w == -1.0
