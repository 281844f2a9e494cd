"""pytorch_optimizer: rules that torch lacks, on tensors over NumPy's memory."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytorch_optimizer

from instep.bench.contenders import Contender, Offer, Stepper
from instep.bench.peers.torch import stepper

if TYPE_CHECKING:
    from collections.abc import Callable

    from instep.bench.cases import Case


def _adabelief(options: dict[str, Any]) -> Callable[..., Any]:
    options["weight_decouple"] = options.pop("decoupled_weight_decay")
    return functools.partial(pytorch_optimizer.AdaBelief, **options)


def _ftrl(options: dict[str, Any]) -> Callable[..., Any]:
    # Its sum begins at 0.
    return functools.partial(
        pytorch_optimizer.FTRL,
        lr=options["lr"],
        beta=options["beta"],
        lambda_1=options["l1"],
        lambda_2=2 * options["l2"],
    )


def _adan(options: dict[str, Any]) -> Callable[..., Any]:
    options["weight_decouple"] = options.pop("no_prox")
    return functools.partial(pytorch_optimizer.Adan, **options)


def _ademamix(options: dict[str, Any]) -> Callable[..., Any]:
    warmup = options.pop("alpha_warmup")
    options.pop("beta3_warmup")
    return functools.partial(
        pytorch_optimizer.AdEMAMix, **options, t_alpha_beta3=warmup, weight_decouple=True
    )


_OPTIMIZERS: dict[str, Callable[[dict[str, Any]], Callable[..., Any]]] = {
    "adabelief": _adabelief,
    "ftrl": _ftrl,
    "adan": _adan,
    "ademamix": _ademamix,
}


def _begin(case: Case) -> Stepper:
    options = dict(case.rule.hyperparameters)
    options.pop("maximize")
    return stepper(case, _OPTIMIZERS[case.rule.name](options))


CONTENDERS = (
    Contender(
        "pytorch_optimizer",
        _begin,
        Offer(_OPTIMIZERS, forms={"ftrl": {"initial_accumulator_value": 0.0}}),
    ),
)
