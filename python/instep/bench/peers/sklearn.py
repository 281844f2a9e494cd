"""The optimizers behind scikit-learn's ``MLPClassifier`` and ``MLPRegressor``.

Adam adds eps to the root of the uncorrected second moment, the form of ``eps_hat=True``. They take
one thread, whatever the case allows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sklearn.neural_network import _stochastic_optimizers as optimizers

from instep.bench.arrays import as_list
from instep.bench.contenders import Contender, NotOffered, Stepper, each_in_turn

if TYPE_CHECKING:
    from instep.bench.arrays import Array
    from instep.bench.cases import Case


def _prepare(case: Case) -> Stepper:
    if case.rule.name not in ("sgd-momentum", "sgd-nesterov", "adam"):
        raise NotOffered("no such rule")
    arrays, grads = case.arrays()
    params = as_list(arrays)
    given = case.rule.hyperparameters
    if case.rule.name == "adam":
        beta1, beta2 = given["betas"]
        optimizer = optimizers.AdamOptimizer(params, given["lr"], beta1, beta2, given["eps"])
    else:
        optimizer = optimizers.SGDOptimizer(
            params, given["lr"], momentum=given["momentum"], nesterov=given["nesterov"]
        )

    def step(grads: list[Array]) -> None:
        optimizer.update_params(params, grads)

    return Stepper(each_in_turn(step, [as_list(each) for each in grads]), lambda: params)


CONTENDERS = (Contender("scikit-learn", _prepare),)
