"""The one table of update rules and options, as the step functions take them."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Arguments: TypeAlias = dict[str, Any]
"""Arrays by the name of their argument: "param", "grad" and each state (or sequences of them)."""

DTYPES: tuple[np.dtype[Any], ...] = (np.dtype(np.float32), np.dtype(np.float64))

COUNTING = ("sgd", "adam", "adagrad")
"""The rules whose step function takes the number of the step."""

SQUARES = ("exp_avg_sq", "max_exp_avg_sq", "square_avg", "acc_delta", "state_sum")
"""The states that hold squares, so that only values from 0 on are reached."""


@dataclass(frozen=True)
class Case:
    """A step function with the states that are passed to it and its options."""

    rule: str
    states: tuple[str, ...]
    options: Mapping[str, Any]

    def __str__(self) -> str:
        options = (f"{name}={value}" for name, value in self.options.items())
        return "-".join([self.rule, *self.states, *options])

    @property
    def counts_steps(self) -> bool:
        return self.rule in COUNTING

    def step(self, implementation: ModuleType, arrays: Arguments, number: int = 1) -> None:
        """Take step `number` with `instep.functional` or `instep.reference`."""
        options = dict(self.options)
        if self.counts_steps:
            options["step"] = number
        getattr(implementation, f"{self.rule}_step")(**arrays, **options)

    def random_arrays(
        self, shape: int | tuple[int, ...], dtype: np.dtype[Any], seed: int = 0
    ) -> Arguments:
        """Return arrays as they may stand in the middle of a training."""
        rng = np.random.default_rng(seed)
        arrays = {}
        for name in ("param", "grad", *self.states):
            values = rng.standard_normal(shape)
            arrays[name] = np.asarray(values**2 if name in SQUARES else values, dtype)
        return arrays


DECAYS: tuple[dict[str, Any], ...] = ({}, {"weight_decay": 0.1})
EPS_PLACES: tuple[dict[str, Any], ...] = ({}, {"eps": 0.01, "eps_inside_sqrt": True})


def _sgd() -> Iterator[Case]:
    buffer = ("momentum_buffer",)
    for decay in DECAYS:
        yield Case("sgd", (), {"lr": 0.1, **decay})
        yield Case("sgd", (), {"lr": 0.1, "maximize": True, **decay})
        for momentum in (
            {"momentum": 0.0},
            {"momentum": 0.9},
            {"momentum": 0.9, "maximize": True},
            {"momentum": 0.9, "dampening": 0.3},
            {"momentum": 0.9, "nesterov": True},
            {"momentum": 0.9, "nesterov": True, "maximize": True},
        ):
            yield Case("sgd", buffer, {"lr": 0.1, **momentum, **decay})
    yield Case("sgd", (), {"lr": 0.0})
    # Decays that float32 rounds to 0 or to infinity: the product with the parameter still counts.
    yield Case("sgd", (), {"lr": 0.1, "weight_decay": 1e-60})
    yield Case("sgd", buffer, {"lr": 0.1, "momentum": 1e60, "weight_decay": 1e60})


def _adam() -> Iterator[Case]:
    moments = ("exp_avg", "exp_avg_sq")
    forms: tuple[dict[str, Any], ...] = ({}, {"eps_hat": True}, {"bias_correction": False})
    decays: tuple[dict[str, Any], ...] = (
        *DECAYS,
        {"weight_decay": 0.1, "decoupled_weight_decay": True},
    )
    for states in (moments, (*moments, "max_exp_avg_sq")):
        for form, decay in itertools.product(forms, decays):
            yield Case("adam", states, {"lr": 0.1, **form, **decay})
        yield Case("adam", states, {"lr": 0.1, "eps": 0.0})
        yield Case("adam", states, {"lr": 0.1, "eps": 0.1, "beta1": 0.0, "beta2": 0.0})
        yield Case("adam", states, {"lr": 0.1, "eps": 0.1, "beta1": 0.3, "beta2": 0.7})
        for decay in decays:
            yield Case("adam", states, {"lr": 0.1, "maximize": True, **decay})


def _rmsprop() -> Iterator[Case]:
    for center, momentum in itertools.product(((), ("grad_avg",)), (False, True)):
        states = ("square_avg", *center, *(("momentum_buffer",) if momentum else ()))
        more: dict[str, Any] = {"momentum": 0.9} if momentum else {}
        for eps, decay in itertools.product(EPS_PLACES, DECAYS):
            yield Case("rmsprop", states, {"lr": 0.1, **more, **eps, **decay})
        yield Case("rmsprop", states, {"lr": 0.1, "alpha": 0.5, "eps": 0.0, **more})
        yield Case("rmsprop", states, {"lr": 0.1, "alpha": 0.0, "maximize": True, **more})
        yield Case("rmsprop", states, {"lr": 0.1, "alpha": 1.0, **more})
    yield Case("rmsprop", ("square_avg", "momentum_buffer"), {"lr": 0.1, "momentum": 0.0})


def _adagrad() -> Iterator[Case]:
    lr_decays: tuple[dict[str, Any], ...] = ({}, {"lr_decay": 0.1})
    for lr_decay, eps, decay in itertools.product(lr_decays, EPS_PLACES, DECAYS):
        yield Case("adagrad", ("state_sum",), {"lr": 0.1, **lr_decay, **eps, **decay})
    yield Case("adagrad", ("state_sum",), {"lr": 0.1, "eps": 0.0})
    for decay in DECAYS:
        yield Case("adagrad", ("state_sum",), {"lr": 0.1, "maximize": True, **decay})


def _adadelta() -> Iterator[Case]:
    for rho, decay in itertools.product((0.9, 0.0, 1.0), DECAYS):
        yield Case("adadelta", ("square_avg", "acc_delta"), {"lr": 1.0, "rho": rho, **decay})
    yield Case("adadelta", ("square_avg", "acc_delta"), {"lr": 0.5, "eps": 0.0})
    for decay in DECAYS:
        options = {"lr": 0.5, "eps": 0.1, "maximize": True, **decay}
        yield Case("adadelta", ("square_avg", "acc_delta"), options)


CASES = (*_sgd(), *_adam(), *_rmsprop(), *_adagrad(), *_adadelta())

FEW_CASES = tuple(
    max(cases, key=lambda case: len(case.options))
    for _, cases in itertools.groupby(
        sorted(CASES, key=lambda case: (case.rule, case.states)),
        key=lambda case: (case.rule, case.states),
    )
)
"""For each rule and each set of its states, the case with most options."""
