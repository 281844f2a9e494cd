"""scikit-learn's neural networks with instep's steps in place of its own.

`MLPClassifier` and `MLPRegressor` below train as scikit-learn's do, with the same options and, but
for rounding, to the same weights; only the update of the weights runs in instep.

An `MLPClassifier` of scikit-learn puts the object that updates its weights into its attribute
``_optimizer``, and calls ``update_params(params, grads)`` of it for each batch. These two names are
private, as are the object's own ``learning_rate``, ``momentum`` and so on; nothing else here is.
"""

import time
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import sklearn.neural_network
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

import instep

Arrays = Sequence[NDArray[Any]]


class Update:
    """What takes the place of ``update_params`` of one of scikit-learn's optimizers.

    That optimizer still decides on the learning rate and on when to stop.
    """

    def __init__(self, theirs: Any) -> None:
        self.theirs = theirs
        self.is_adam = hasattr(theirs, "beta_1")
        self.optimizer: instep.Optimizer | None = None

    def __call__(self, params: Arrays, grads: Arrays) -> None:
        """Step all weights in place."""
        if self.optimizer is None:
            self.optimizer = self.new_optimizer(params)
        own = self.optimizer.param_groups[0]["params"]
        if any(param is not other for param, other in zip(params, own, strict=True)):
            self.optimizer.rebind(params)  # someone has put other arrays into the model
        # SGD's learning rate belongs to the gradient here, not to the step: a velocity keeps the
        # rates of its time when the schedule goes on.
        scale = 1.0 if self.is_adam else 1.0 / self.theirs.learning_rate
        self.optimizer.step(grads, grad_scale=scale)

    def new_optimizer(self, params: Arrays) -> instep.Optimizer:
        """Return instep's optimizer with the options of scikit-learn's."""
        theirs = self.theirs
        if self.is_adam:
            return instep.Adam(
                params,
                lr=theirs.learning_rate_init,
                betas=(theirs.beta_1, theirs.beta_2),
                eps=theirs.epsilon,
                eps_hat=True,
            )
        nesterov = theirs.nesterov and theirs.momentum > 0
        return instep.SGD(params, lr=1.0, momentum=theirs.momentum, nesterov=nesterov)


class InstepUpdates:
    """Mix-in of an estimator whose optimizer is given instep's update when it is assigned."""

    @property
    def _optimizer(self) -> Any:
        try:
            return vars(self)["_optimizer"]
        except KeyError:
            raise AttributeError("_optimizer") from None

    @_optimizer.setter
    def _optimizer(self, theirs: Any) -> None:
        theirs.update_params = Update(theirs)
        vars(self)["_optimizer"] = theirs


class MLPClassifier(InstepUpdates, sklearn.neural_network.MLPClassifier):
    """scikit-learn's classifier, stepped by instep."""


class MLPRegressor(InstepUpdates, sklearn.neural_network.MLPRegressor):
    """scikit-learn's regressor, stepped by instep."""


def main(repeats: int = 5) -> list[float]:
    """Fit by both solvers and both libraries in turn, print a table, return instep's accuracies."""
    x, y = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x / 16, y, test_size=0.2, random_state=0)
    accuracies = []
    print(f"{'solver':<8}{'stepped by':<14}{'a fit':>9}{'loss':>15}{'accuracy':>10}")
    for solver in ("adam", "sgd"):
        options = {"solver": solver, "hidden_layer_sizes": (500, 500), "max_iter": 10}
        contenders = {
            "scikit-learn": sklearn.neural_network.MLPClassifier(random_state=0, **options),
            "instep": MLPClassifier(random_state=0, **options),
        }
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(repeats):
            for name, model in contenders.items():
                start = time.perf_counter()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", ConvergenceWarning)
                    model.fit(x_train, y_train)
                seconds[name].append(time.perf_counter() - start)
        for name, model in contenders.items():
            accuracy = model.score(x_test, y_test)
            median = np.median(seconds[name])
            print(f"{solver:<8}{name:<14}{median:>7.3f} s{model.loss_:>15.10f}{accuracy:>10.1%}")
        accuracies.append(accuracy)
    return accuracies


if __name__ == "__main__":
    main()
