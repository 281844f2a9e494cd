"""The optimizers behind scikit-learn's ``MLPClassifier`` and ``MLPRegressor``.

They take one thread, whatever the case allows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sklearn.neural_network import _stochastic_optimizers as optimizers

from instep.bench.arrays import as_list
from instep.bench.contenders import Contender, Offer, Stepper, each_in_turn

if TYPE_CHECKING:
    from collections.abc import Callable

    from instep.bench.arrays import Array
    from instep.bench.cases import Case


def _sgd(params: list[Array], *, lr: float, momentum: float, nesterov: bool, **_: object) -> Any:
    return optimizers.SGDOptimizer(params, lr, momentum=momentum, nesterov=nesterov)


def _adam(
    params: list[Array], *, lr: float, beta1: float, beta2: float, eps: float, **_: object
) -> Any:
    return optimizers.AdamOptimizer(params, lr, beta1, beta2, eps)


_OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "sgd-momentum": _sgd,
    "sgd-nesterov": _sgd,
    "adam": _adam,
}


def _begin(case: Case) -> Stepper:
    arrays, grads = case.arrays()
    params = as_list(arrays)
    optimizer = _OPTIMIZERS[case.rule.name](params, **case.rule.flat_hyperparameters)

    def step(grads: list[Array]) -> None:
        optimizer.update_params(params, grads)

    return Stepper(each_in_turn(step, [as_list(each) for each in grads]), lambda: params)


CONTENDERS = (
    # It adds eps to the root of the uncorrected second moment.
    Contender("scikit-learn", _begin, Offer(_OPTIMIZERS, forms={"adam": {"eps_hat": True}})),
)
