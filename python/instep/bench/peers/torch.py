"""PyTorch's optimizers, each in its three modes, and instep's classes in their place.

All on tensors over NumPy's memory.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from typing import TYPE_CHECKING, Any

import torch

import instep.interop.torch
from instep.bench.arrays import as_list
from instep.bench.contenders import Contender, Offer, Stepper, each_in_turn
from instep.bench.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable

    from instep.bench.arrays import Array
    from instep.bench.cases import Case

_THREADS = torch.get_num_threads()

_OPTIMIZERS = {
    "sgd": torch.optim.SGD,
    "sgd-momentum": torch.optim.SGD,
    "sgd-nesterov": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "amsgrad": torch.optim.Adam,
    "adamax": torch.optim.Adamax,
    "radam": torch.optim.RAdam,
    "rmsprop": torch.optim.RMSprop,
    "rmsprop-momentum": torch.optim.RMSprop,
    "rmsprop-centered": torch.optim.RMSprop,
    "rprop": torch.optim.Rprop,
    "adafactor": torch.optim.Adafactor,
    "adagrad": torch.optim.Adagrad,
    "adadelta": torch.optim.Adadelta,
    "nadam": torch.optim.NAdam,
    "asgd": torch.optim.ASGD,
}

_DROPPED_IN = [
    rule.name for rule in RULES if rule.optimizer.__name__ in instep.interop.torch.__all__
]


def _takes(rule: str, option: str) -> bool:
    return option in inspect.signature(_OPTIMIZERS[rule]).parameters


_WITH_NUMBERS = [rule.name for rule in RULES if rule.optimizer._rule.scalars]
_UNFUSED = [rule for rule in _OPTIMIZERS if not _takes(rule, "fused")]


def _begin(
    case: Case,
    dtype: torch.dtype | None = None,
    copy: torch.dtype | None = None,
    **mode: bool,
) -> Stepper:
    rule = case.rule.name
    # instep's hyperparameters have torch's names; what only one of the two has is at its default.
    given = {**case.rule.hyperparameters, **mode}
    options = {name: value for name, value in given.items() if _takes(rule, name)}
    return stepper(case, functools.partial(_OPTIMIZERS[rule], **options), dtype, copy)


def _drop_in(case: Case, dtype: torch.dtype | None = None) -> Stepper:
    instep.set_num_threads(case.threads)
    drop_in = getattr(instep.interop.torch, case.rule.optimizer.__name__)
    return stepper(case, functools.partial(drop_in, **case.rule.options), dtype)


def stepper(
    case: Case,
    make: Callable[[list[Any]], Any],
    dtype: torch.dtype | None = None,
    copy: torch.dtype | None = None,
) -> Stepper:
    """Return the steps of the ``torch.optim.Optimizer`` that `make` returns for tensors.

    These are of another type than the case where `dtype` is given; with `copy`, each step ends with
    copies of the parameters to tensors of that type.
    """
    torch.set_num_threads(min(case.threads or _THREADS, _THREADS))
    arrays, grads = case.arrays()
    # A tensor of the case's own type is the array's memory.
    params = [torch.from_numpy(array).to(dtype) for array in as_list(arrays)]
    copies = [param.to(copy) for param in params] if copy is not None else []
    optimizer = make(params)

    def step(grads: list[Any]) -> None:
        for param, grad in zip(params, grads, strict=True):
            param.grad = grad
        optimizer.step()
        for param, copied in zip(params, copies, strict=False):
            copied.copy_(param)

    tensors = [[torch.from_numpy(array).to(dtype) for array in as_list(each)] for each in grads]

    def shown() -> list[Array]:
        return as_list(arrays) if dtype is None else [param.float().numpy() for param in params]

    return Stepper(each_in_turn(step, tensors), shown)


_FUSED = Offer(
    _OPTIMIZERS,
    layouts=("contiguous",),
    other_layouts="its fused kernels take every array for contiguous",
    lacking=dict.fromkeys(_UNFUSED, "no fused kernel for this rule"),
)

CONTENDERS = (
    Contender("torch drop-in", _drop_in, Offer(_DROPPED_IN, in_float32=_WITH_NUMBERS)),
    Contender(
        "torch single",
        functools.partial(_begin, foreach=False, fused=False),
        Offer(_OPTIMIZERS, in_float32=_WITH_NUMBERS),
    ),
    Contender(
        "torch foreach",
        functools.partial(_begin, foreach=True, fused=False),
        Offer(
            _OPTIMIZERS,
            lacking={"sgd-nesterov": "overwrites the gradients"},
            in_float32=_WITH_NUMBERS,
        ),
    ),
    Contender(
        "torch fused",
        functools.partial(_begin, foreach=False, fused=True),
        _FUSED,
    ),
)


def all_bfloat16(case: Case) -> int:
    """Return the bytes that a step has to move whose arrays are all of bfloat16."""
    return case.bytes_moved // 2


def with_copy(case: Case) -> int:
    """Return the bytes that a step has to move that also writes a copy in bfloat16."""
    return case.bytes_moved + 2 * case.elements


_IN_FLOAT32 = dataclasses.replace(_FUSED, dtypes=("float32",))

IN_16_BITS = (
    Contender(
        "torch drop-in, all bfloat16",
        functools.partial(_drop_in, dtype=torch.bfloat16),
        Offer(_DROPPED_IN, dtypes=("float32",)),
        all_bfloat16,
    ),
    Contender(
        "torch fused, all bfloat16",
        functools.partial(_begin, dtype=torch.bfloat16, foreach=False, fused=True),
        dataclasses.replace(
            _IN_FLOAT32,
            lacking={
                **_FUSED.lacking,
                **dict.fromkeys(
                    ("sgd", "sgd-momentum", "sgd-nesterov"),
                    "leaves most of the parameters as they were",
                ),
            },
        ),
        all_bfloat16,
    ),
    Contender(
        "torch fused, then a copy",
        functools.partial(_begin, copy=torch.bfloat16, foreach=False, fused=True),
        _IN_FLOAT32,
        with_copy,
    ),
)
"""Steps that store in 16 bits."""
