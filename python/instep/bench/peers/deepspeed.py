"""DeepSpeed's optimizers for the CPU, which it compiles when they are first used."""

from __future__ import annotations

import functools
import importlib
import os
import platform
from typing import TYPE_CHECKING, Any

# Or it looks for other devices, and says on stdout that there are none.
os.environ.setdefault("DS_ACCELERATOR", "cpu")

from deepspeed.ops.adagrad import DeepSpeedCPUAdagrad
from deepspeed.ops.adam import DeepSpeedCPUAdam

from instep.bench.contenders import Contender, NotOffered, Stepper
from instep.bench.peers.torch import stepper

if TYPE_CHECKING:
    from instep.bench.cases import Case

# Every new DeepSpeedCPUAdam asks for it, and every answer takes a second.
cpuinfo: Any = importlib.import_module("cpuinfo")
cpuinfo.get_cpu_info = functools.cache(cpuinfo.get_cpu_info)


def _prepare(case: Case) -> Stepper:
    rule = case.rule.name
    if rule not in ("adam", "adamw", "adagrad"):
        raise NotOffered("no such rule")
    if case.dtype != "float32":
        raise NotOffered(f"no {case.dtype}")
    if case.layout != "contiguous":
        raise NotOffered("contiguous arrays only")
    if rule == "adagrad" and not _keeps_gradients(case):
        raise NotOffered("overwrites the ends of these gradients")
    given = case.rule.hyperparameters
    options = {name: given[name] for name in ("lr", "eps", "weight_decay")}

    def make(params: list[Any]) -> Any:
        try:
            if rule == "adagrad":
                return DeepSpeedCPUAdagrad(params, **options)
            adamw = rule == "adamw"
            return DeepSpeedCPUAdam(params, betas=given["betas"], adamw_mode=adamw, **options)
        except RuntimeError as error:
            raise NotOffered("it does not compile here") from error

    return stepper(case, make)


def _keeps_gradients(case: Case) -> bool:
    """Whether Adagrad's scalar loop has nothing to do: it writes into the gradient."""
    vectors = platform.machine() in ("x86_64", "AMD64")
    return vectors and all(size % 16 == 0 for size in case.sizes)


CONTENDERS = (Contender("deepspeed", _prepare),)
