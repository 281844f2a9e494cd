"""Elements at which a step's rounding errors are large, one function for each family of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from instep import reference
from tests.accuracy.exact import all_options
from tests.cases import FROM_ZERO, Arguments, Array, Case, new_scalars
from tests.optimizers import DESCRIPTIONS

Family = Callable[[Case, "np.dtype[Any]", np.random.Generator, int], Arguments]


def ordinary(case: Case, dtype: np.dtype[Any], rng: np.random.Generator, size: int) -> Arguments:
    arrays = case.random_arrays(size, dtype, seed=int(rng.integers(2**31)))
    return {**arrays, **scalars(case, rng)}


def scalars(case: Case, rng: np.random.Generator) -> Arguments:
    """Return scalars as a training may have made them: new, ordinary or faded away."""
    values = {
        name: float(rng.choice([1.0, rng.random(), 2.0 ** -rng.uniform(0, 60)]))
        for name in DESCRIPTIONS[case.rule].scalars
    }
    if "eta" in values:
        values["eta"] *= float(all_options(case.rule, case.options)["lr"])
    return {name: np.array(value) for name, value in values.items()}


def of_magnitude(low: float, high: float) -> Family:
    """Return the family of magnitudes in these powers of two of a dtype's largest number.

    Squares are squares of such numbers.
    """

    def family(case: Case, dtype: np.dtype[Any], rng: np.random.Generator, size: int) -> Arguments:
        largest = np.finfo(dtype).maxexp
        arrays = {}
        for name in ("param", "grad", *case.states):
            values = 2.0 ** (rng.uniform(low, high, size) * largest)
            values *= 1 + rng.random(size)
            arrays[name] = values**2 if name in FROM_ZERO else rng.choice([-1, 1], size) * values
        arrays = {name: array.astype(dtype) for name, array in arrays.items()}
        return {**arrays, **scalars(case, rng)}

    return family


def fresh(case: Case, dtype: np.dtype[Any], rng: np.random.Generator, size: int) -> Arguments:
    """States as they are before the first step: the second moment is its first term."""
    arrays = ordinary(case, dtype, rng, size)
    zeros = {name: np.zeros_like(arrays[name]) for name in case.states}
    return {**arrays, **zeros, **new_scalars(case.rule, arrays["param"])}


def from_zero(case: Case, dtype: np.dtype[Any], rng: np.random.Generator, size: int) -> Arguments:
    """Parameters at zero: the new one is the update, whose error nothing hides."""
    arrays = ordinary(case, dtype, rng, size)
    return {**arrays, "param": np.zeros_like(arrays["param"])}


def subnormal(case: Case, dtype: np.dtype[Any], rng: np.random.Generator, size: int) -> Arguments:
    smallest = float(np.finfo(dtype).smallest_subnormal)
    arrays = {}
    for name in ("param", "grad", *case.states):
        multiples = rng.integers(0 if name in FROM_ZERO else -20, 21, size)
        arrays[name] = (multiples * smallest).astype(dtype)
    # A gradient that moves something although its square is lost, or all but lost.
    rare = np.sqrt(smallest) * 2.0 ** rng.integers(-3, 8, size)
    arrays["grad"] = np.where(rng.random(size) < 0.7, rare, arrays["grad"]).astype(dtype)
    return {**arrays, **scalars(case, rng)}


def cancelling_averages(
    case: Case, dtype: np.dtype[Any], rng: np.random.Generator, size: int
) -> Arguments:
    """Linear states that the gradient's share cancels, to a few units in the last place."""
    options = all_options(case.rule, case.options)
    arrays = ordinary(case, dtype, rng, size)
    grad = _signed(case, arrays["grad"])
    for name, rate in (("exp_avg", "beta1"), ("grad_avg", "alpha")):
        if name in arrays and options[rate]:
            beta = float(options[rate])
            arrays[name] = _nearly(-(1.0 - beta) / beta * grad, dtype, rng)
    if "momentum_buffer" in arrays and options["momentum"]:
        added = (1.0 - float(options["dampening"])) * grad if case.rule == "sgd" else grad
        if case.rule == "rmsprop":
            still = {**arrays, "momentum_buffer": np.zeros_like(grad)}
            case.step(reference, still)
            added = still["momentum_buffer"]
        arrays["momentum_buffer"] = _nearly(-added / float(options["momentum"]), dtype, rng)
    if "ax" in arrays and (weight := float(arrays["mu"])) < 1:
        stepped = {name: array.copy() for name, array in arrays.items()}
        case.step(reference, stepped, 2)
        arrays["ax"] = _nearly(-weight / (1 - weight) * stepped["param"], dtype, rng)
    return arrays


def cancelling_decay(
    case: Case, dtype: np.dtype[Any], rng: np.random.Generator, size: int
) -> Arguments:
    """Gradients that the weight decay cancels; without decay, steps that cancel the parameter."""
    arrays = ordinary(case, dtype, rng, size)
    decay = float(case.options.get("weight_decay", 0.0))
    if decay and not all_options(case.rule, case.options).get("decoupled_weight_decay"):
        arrays["grad"] = _nearly(_signed(case, -decay * arrays["param"]), dtype, rng)
        return arrays
    stepped = {name: array.copy() for name, array in arrays.items()}
    with np.errstate(all="ignore"):
        case.step(reference, stepped, 2)
    arrays["param"] = _nearly(arrays["param"] - stepped["param"], dtype, rng)
    return arrays


def constant_gradient(
    case: Case, dtype: np.dtype[Any], rng: np.random.Generator, size: int
) -> Arguments:
    """States that a constant gradient led to: its mean, whose square is the mean of squares."""
    arrays = ordinary(case, dtype, rng, size)
    grad = _signed(case, arrays["grad"])
    for name in case.states:
        if name in FROM_ZERO:
            arrays[name] = _nearly(grad * grad, dtype, rng)
        elif name != "momentum_buffer":
            arrays[name] = _nearly(grad, dtype, rng)
    return arrays


FAMILIES: dict[str, Family] = {
    "ordinary": ordinary,
    "wide": of_magnitude(-0.15, 0.15),
    "small": of_magnitude(-0.56, -0.35),
    "large": of_magnitude(0.3, 0.495),
    "fresh": fresh,
    "from zero": from_zero,
    "subnormal": subnormal,
    "cancelling averages": cancelling_averages,
    "cancelling decay": cancelling_decay,
    "constant gradient": constant_gradient,
}


def _signed(case: Case, grad: Array) -> Array:
    return -grad if case.options.get("maximize") else grad


def _nearly(values: Array, dtype: np.dtype[Any], rng: np.random.Generator) -> Array:
    """Return values but for an error of up to two units in the last place."""
    epsilon = float(np.finfo(dtype).eps)
    return np.asarray(values * (1 + epsilon * rng.integers(-2, 3, values.shape)), dtype)
