"""PyTorch's optimizers, each in its three modes, on tensors over NumPy's memory."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

import torch

from instep.bench.arrays import as_list
from instep.bench.contenders import Contender, NotOffered, Stepper, each_in_turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from instep.bench.cases import Case

_THREADS = torch.get_num_threads()

_OPTIMIZERS = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "amsgrad": torch.optim.Adam,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    "adadelta": torch.optim.Adadelta,
}

_MODES = {
    "single": {"foreach": False, "fused": False},
    "foreach": {"foreach": True, "fused": False},
    "fused": {"foreach": False, "fused": True},
}


def _prepare(mode: str, case: Case) -> Stepper:
    name = case.rule.name.partition("-")[0]
    if name not in _OPTIMIZERS:
        raise NotOffered("no such rule")
    optimizer = _OPTIMIZERS[name]
    known = inspect.signature(optimizer).parameters
    if mode == "fused" and "fused" not in known:
        raise NotOffered("no fused kernel for this rule")
    if mode == "fused" and case.layout != "contiguous":
        raise NotOffered("its fused kernels take every array for contiguous")
    if mode == "foreach" and case.rule.name == "sgd-nesterov":
        raise NotOffered("overwrites the gradients")
    # instep's hyperparameters have torch's names; what only one of the two has is at its default.
    given = {**case.rule.hyperparameters, **_MODES[mode]}
    options = {name: value for name, value in given.items() if name in known}
    return stepper(case, lambda params: optimizer(params, **options))


def stepper(case: Case, make: Callable[[list[Any]], Any]) -> Stepper:
    """Return the steps of the ``torch.optim.Optimizer`` that `make` returns for tensors."""
    torch.set_num_threads(min(case.threads or _THREADS, _THREADS))
    arrays, grads = case.arrays()
    params = [torch.from_numpy(array) for array in as_list(arrays)]
    optimizer = make(params)

    def step(grads: list[Any]) -> None:
        for param, grad in zip(params, grads, strict=True):
            param.grad = grad
        optimizer.step()

    tensors = [[torch.from_numpy(array) for array in as_list(each)] for each in grads]
    return Stepper(each_in_turn(step, tensors), lambda: as_list(arrays))


CONTENDERS = tuple(Contender(f"torch {mode}", functools.partial(_prepare, mode)) for mode in _MODES)
