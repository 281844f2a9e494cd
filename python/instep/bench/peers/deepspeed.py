"""DeepSpeed's optimizers for the CPU, which it compiles when they are first used."""

from __future__ import annotations

import functools
import importlib
import os
import platform
from typing import TYPE_CHECKING, Any

# Or it looks for other devices, and says on stdout that there are none.
os.environ.setdefault("DS_ACCELERATOR", "cpu")

import torch
from deepspeed.ops.adagrad import DeepSpeedCPUAdagrad
from deepspeed.ops.adam import DeepSpeedCPUAdam

from instep.bench.contenders import Contender, NotOffered, Offer, Stepper
from instep.bench.peers.torch import all_bfloat16, stepper, with_copy

if TYPE_CHECKING:
    from instep.bench.cases import Case

# Every new DeepSpeedCPUAdam asks for it, and every answer takes a second.
cpuinfo: Any = importlib.import_module("cpuinfo")
cpuinfo.get_cpu_info = functools.cache(cpuinfo.get_cpu_info)


_OPTIMIZERS = {
    "adam": functools.partial(DeepSpeedCPUAdam, adamw_mode=False),
    "adamw": functools.partial(DeepSpeedCPUAdam, adamw_mode=True),
    "adagrad": DeepSpeedCPUAdagrad,
}


def _begin(
    case: Case,
    dtype: torch.dtype | None = None,
    copy: torch.dtype | None = None,
    **storage: bool,
) -> Stepper:
    rule = case.rule.name
    if rule == "adagrad" and not _keeps_gradients(case):
        raise NotOffered("overwrites the ends of these gradients")
    taken = ("lr", "betas", "eps", "weight_decay")
    options = {name: value for name, value in case.rule.hyperparameters.items() if name in taken}
    options |= storage

    def make(params: list[Any]) -> Any:
        try:
            return _OPTIMIZERS[rule](params, **options)
        except RuntimeError as error:
            raise NotOffered("it does not compile here") from error

    return stepper(case, make, dtype, copy)


def _keeps_gradients(case: Case) -> bool:
    """Whether Adagrad's scalar loop has nothing to do: it writes into the gradient."""
    vectors = platform.machine() in ("x86_64", "AMD64")
    return vectors and all(size % 16 == 0 for size in case.sizes)


_OFFER = Offer(_OPTIMIZERS, ("float32",), ("contiguous",))

CONTENDERS = (Contender("deepspeed", _begin, _OFFER),)

_ADAM = Offer(("adam", "adamw"), ("float32",), ("contiguous",))


def _in_bfloat16_but_states(case: Case) -> int:
    return all_bfloat16(case) + 2 * 2 * len(case.rule.states) * case.elements


IN_16_BITS = (
    Contender(
        "deepspeed, then a copy",
        functools.partial(_begin, copy=torch.bfloat16),
        _OFFER,
        with_copy,
    ),
    Contender(
        "deepspeed, bfloat16 parameters",
        functools.partial(_begin, dtype=torch.bfloat16, fp32_optimizer_states=True),
        _ADAM,
        _in_bfloat16_but_states,
    ),
    Contender(
        "deepspeed, all bfloat16",
        functools.partial(_begin, dtype=torch.bfloat16, fp32_optimizer_states=False),
        _ADAM,
        all_bfloat16,
    ),
)
"""Steps that store in 16 bits."""
