"""Step sizes that are searched for on each batch instead of scheduled."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, NoReturn, SupportsFloat, TypeAlias

import numpy as np

import instep._core as _core
from instep.dlpack import AnyArray, is_array
from instep.names import OwnAttributes
from instep.numbers import (
    ABOVE_0_TO_1,
    BETWEEN_0_AND_1,
    FINITE_ABOVE_0,
    FINITE_AT_LEAST_1,
    NOT_NAN,
    as_float,
    check_count,
    check_integer,
)
from instep.optimizers.sgd import SGD
from instep.parameters import Array
from instep.row_gradient import RowGradient
from instep.state_dict import as_mapping

__all__ = ["ArmijoSGD"]

Gradient: TypeAlias = AnyArray | RowGradient | None


class _Progress(NamedTuple):
    """What steps change besides the parameters: one object, so that they change it at once."""

    lr: float
    last_loss: float | None = None
    steps: int = 0
    failed_searches: int = 0
    evaluations: int = 0


class ArmijoSGD(OwnAttributes):
    r"""Stochastic gradient descent that searches for the step size of each batch.

    The step size :math:`\eta_k` is the first of :math:`\eta, \beta\eta, \beta^2\eta, \dots` that
    meets the Armijo condition on the batch of step :math:`k`, with its loss :math:`f_k` and
    gradient :math:`g_k = \nabla f_k(\theta_k)`:

    .. math::

        f_k(\theta_k - \eta_k \, g_k) &\le f_k(\theta_k) - c \, \eta_k \, \lVert g_k \rVert^2 \\
        \theta_{k+1} &= \theta_k - \eta_k \, g_k

    A search starts at :math:`\eta = \min(\eta_{k-1} \, \gamma^{b/n}, \, \eta_{\max})`, the first
    one at :math:`\eta = \eta_0`.

    Parameters
    ----------
    params : ndarray, sequence of ndarray, or mapping of str to ndarray
        The arrays :math:`\theta` that steps change in place, float32, float64, float16 or bfloat16,
        of any layout. Like gradients, they may be other libraries' arrays: see `instep.Optimizer`.
    batch_fraction : float
        Size of a batch divided by the number of training examples, :math:`b/n`, in (0, 1]: with it,
        step sizes can grow by :math:`\gamma` in one pass over the data.
    c : float
        The part of the linear model's decrease that a step has to achieve, in (0, 1).
    backtracking : float
        Factor :math:`\beta` from one trial to the next, in (0, 1).
    growth : float
        Factor :math:`\gamma`, at least 1. With 1, step sizes never grow.
    max_lr : float
        Largest step size :math:`\eta_{\max}`.
    initial_lr : float
        Step size :math:`\eta_0` of the first trial, at most `max_lr`.
    max_trials : int
        How many step sizes one search tries at most. The 200th is 8e-10 of the first.

    Raises
    ------
    TypeError
        When a parameter is not an ndarray of one of these types, when groups are passed, or an
        option has a wrong type.
    ValueError
        When there is no parameter, when one cannot be written or shares memory with itself or
        another, or when an option is out of range.

    Notes
    -----
    Where a model can fit all its data exactly and the loss is convex and smooth, this converges at
    the rates of gradient descent on all data, without knowing the loss's curvature. Weight decay
    belongs into the loss and its gradient.

    Trial points are the parameters themselves, stepped in place. To step back there is one copy of
    all parameters, which is allocated when the object is made; a search allocates nothing of an
    array's size. It is taken in each step, of parameters without a gradient or with a `RowGradient`
    as well.

    The norm is that of all gradients together, in float64 (`instep.reference.grad_norm`). The
    decrease is judged in double precision; a loss that is computed in float32 cannot show one that
    is smaller than its rounding errors, so that near a minimum above 0 searches end with tiny step
    sizes or with none. So do searches over parameters of 16 bits, whose trial points are rounded to
    nearest: it is the rounded point that must meet the condition.

    References
    ----------
    S. Vaswani, A. Mishkin, I. Laradji, M. Schmidt, G. Gidel, S. Lacoste-Julien, "Painless
    Stochastic Gradient: Interpolation, Line-Search, and Convergence Rates", NeurIPS 2019.

    Examples
    --------
    Four equations with eight unknowns, two at a time:

    >>> import numpy as np, instep
    >>> equations, w = np.random.default_rng(0).standard_normal((4, 8)), np.zeros(8)
    >>> targets = equations @ np.ones(8)
    >>> optimizer = instep.line_search.ArmijoSGD(w, batch_fraction=2 / 4)
    >>> for step in range(100):
    ...     a, y = (both[step % 2 :: 2] for both in (equations, targets))
    ...     residual = a @ w - y
    ...     optimizer.step(lambda: 0.5 * np.sum((a @ w - y) ** 2), a.T @ residual)
    >>> np.allclose(equations @ w, targets)
    True
    """

    def __init__(
        self,
        params: AnyArray | Mapping[str, AnyArray] | Iterable[AnyArray],
        *,
        batch_fraction: float,
        c: float = 0.1,
        backtracking: float = 0.9,
        growth: float = 2.0,
        max_lr: float = 10.0,
        initial_lr: float = 1.0,
        max_trials: int = 200,
    ) -> None:
        fraction = ABOVE_0_TO_1.check("batch_fraction", batch_fraction)
        self._growth = FINITE_AT_LEAST_1.check("growth", growth) ** fraction
        self._c = BETWEEN_0_AND_1.check("c", c)
        self._backtracking = BETWEEN_0_AND_1.check("backtracking", backtracking)
        self._max_lr = FINITE_ABOVE_0.check("max_lr", max_lr)
        initial = FINITE_ABOVE_0.check("initial_lr", initial_lr)
        if initial > self._max_lr:
            raise ValueError(f"initial_lr: expected at most max_lr, {max_lr!r}, got {initial_lr!r}")
        self._max_trials = check_integer("max_trials", max_trials, at_least=1)
        self._progress = _Progress(lr=initial)
        # The guard has the norm of the gradients measured.
        self._sgd = SGD(_without_groups(params), nonfinite="raise")
        self._allocate()

    @property
    def params(self) -> tuple[Array, ...]:
        """The arrays, in order."""
        return self._sgd.param_groups[0].params

    @property
    def lr(self) -> float:
        """The step size accepted last; `initial_lr` before the first."""
        return self._progress.lr

    @property
    def last_loss(self) -> float | None:
        """The loss that the last step left its batch with; None before the first."""
        return self._progress.last_loss

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return self._progress.steps

    @property
    def failed_searches(self) -> int:
        """How many calls of `step` found no step size and took no step."""
        return self._progress.failed_searches

    @property
    def evaluations(self) -> int:
        """How often the loss was computed for all calls of `step`."""
        return self._progress.evaluations

    def step(
        self,
        loss: Callable[[], SupportsFloat],
        grads: Gradient | Iterable[Gradient] | Mapping[str, Gradient],
        *,
        value: SupportsFloat | None = None,
    ) -> None:
        """Search for a step size and step all parameters with it, in place.

        Where none of `max_trials` step sizes meets the Armijo condition, nothing is raised: the
        parameters are bit for bit what they were, `lr` stays, so that the next search starts where
        this one did, and `failed_searches` counts it. If that goes on from the first step, pass a
        smaller `initial_lr`; near a minimum, it tells that rounding errors hide any further
        decrease. A loss that is NaN or infinite at a trial point does not meet the condition. Where
        the norm of the gradients is 0, the first step size is accepted without a call of `loss`.

        Parameters
        ----------
        loss : callable
            Called without arguments it returns the loss of the batch, a number or an array of
            dimension 0, at the values that the parameters have at that moment. It must be the same
            function at each call (a random mask is drawn before the step) and write neither to
            parameters nor to `grads`.
        grads : ndarray, sequence or mapping
            Gradients of that loss at the present parameters, as `instep.SGD.step` takes them: in
            the structure of the parameters, None for a parameter to skip, or a `RowGradient`.
        value : float, optional
            The loss at the present parameters, where it is known; otherwise `loss` is called for
            it. Computed in another way than by `loss`, it may differ in its last bits, which
            matters when decreases become as small.

        Raises
        ------
        TypeError
            When `loss` is not callable, `value` or what it returns is not a number, or a gradient
            is not an ndarray or `RowGradient`, or its dtype does not widen to that in which its
            parameter is stepped.
        ValueError
            When the number or a shape is wrong, or a gradient shares memory with a parameter.
        KeyError
            When the names of a mapping are not those of the parameters.
        FloatingPointError
            When the loss at the present parameters or a gradient is not finite.
        RuntimeError
            When the gradients change while the step size is searched for.

        Notes
        -----
        When anything is raised, by `loss` too, and be it KeyboardInterrupt, the parameters are bit
        for bit what they were and so are all attributes. While a step lasts, no other thread may
        use the parameters, nor `loss` step them.
        """
        if not callable(loss):
            raise TypeError(f"loss: expected a callable, got {type(loss).__name__}")
        if isinstance(grads, Iterator):
            grads = list(grads)  # each trial needs them again
        before = self._progress
        for param, saved in self._saved:
            np.copyto(saved, param)
        try:
            self._progress = self._search(loss, grads, value)
        except BaseException:
            if self._progress is before:  # an interrupt may come after the step was complete
                self._restore()
            raise

    def state_dict(self) -> dict[str, Any]:
        """Return what steps have changed besides the parameters.

        Returns
        -------
        dict
            ``"lr"``, ``"last_loss"``, ``"steps"``, ``"failed_searches"`` and ``"evaluations"``: the
            attributes, numbers of Python.
        """
        return self._progress._asdict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from where another object was.

        Parameters
        ----------
        state_dict : mapping
            What `state_dict` returned. The options are not part of it.

        Raises
        ------
        TypeError, ValueError, KeyError
            When it does not fit; the object then stays as it was.
        """
        given = as_mapping(state_dict, "state_dict")
        if given.keys() != set(_Progress._fields):
            raise KeyError(f"state_dict: expected {list(_Progress._fields)}, got {list(given)}")
        last_loss = given["last_loss"]
        self._progress = _Progress(
            lr=FINITE_ABOVE_0.check("lr", given["lr"]),
            last_loss=None if last_loss is None else NOT_NAN.check("last_loss", last_loss),
            steps=check_count("steps", given["steps"]),
            failed_searches=check_count("failed_searches", given["failed_searches"]),
            evaluations=check_count("evaluations", given["evaluations"]),
        )

    def __copy__(self) -> NoReturn:
        raise TypeError(
            f"a shallow copy of {type(self).__name__} would step the same arrays; "
            "use copy.deepcopy, together with the arrays to keep them joined"
        )

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_saved"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._allocate()

    def _allocate(self) -> None:
        # The base class's view, as a subclass may give assignments another meaning.
        self._saved = [
            (param.view(np.ndarray), _core.new_state(param, 0, 1, param.dtype))
            for param in self.params
        ]

    def _restore(self) -> None:
        for param, saved in self._saved:
            np.copyto(param, saved)

    def _search(
        self, loss: Callable[[], SupportsFloat], grads: Any, value: SupportsFloat | None
    ) -> _Progress:
        """Leave the parameters where the step leads, and return the progress that it is."""
        before = self._progress
        evaluations = before.evaluations + (value is None)
        start = _finite("loss", loss()) if value is None else _finite("value", value)
        lr = min(before.lr * self._growth, self._max_lr) if before.steps else before.lr
        first_norm = None
        for _ in range(self._max_trials):
            self._sgd.lr = lr
            self._sgd.step(grads)
            norm = self._sgd.last_grad_norm
            assert norm is not None
            if first_norm not in (None, norm):
                raise RuntimeError(
                    f"grads: expected them to stay as they are during the search, but their norm "
                    f"went from {first_norm} to {norm}; let loss leave them alone, or pass copies"
                )
            first_norm = norm
            reached = start
            if norm != 0.0:
                reached = _number("loss", loss())
                evaluations += 1
            if math.isfinite(reached) and reached <= start - self._c * lr * norm * norm:
                return _Progress(lr, reached, before.steps + 1, before.failed_searches, evaluations)
            self._restore()
            lr *= self._backtracking
            if lr == 0.0:
                break
        return before._replace(
            last_loss=start, failed_searches=before.failed_searches + 1, evaluations=evaluations
        )


def _without_groups(params: Any) -> Any:
    """Return `params`, an iterator as a list, or raise TypeError where they are groups."""
    if is_array(params) or isinstance(params, Mapping) or not isinstance(params, Iterable):
        return params
    arrays = list(params) if isinstance(params, Iterator) else params
    if any(isinstance(each, Mapping) for each in arrays):
        raise TypeError(
            "params: expected a numpy.ndarray, a sequence of them, or a mapping from names to "
            "them, got groups; all parameters share one step size, so pass their arrays"
        )
    return arrays


def _number(name: str, value: object) -> float:
    number = as_float(value)
    if number is None:
        raise TypeError(f"{name}: expected a number or an array of dimension 0, got {value!r}")
    return number


def _finite(name: str, value: object) -> float:
    number = _number(name, value)
    if not math.isfinite(number):
        raise FloatingPointError(
            f"{name}: expected a finite number at the present parameters, got {value!r}; "
            "nothing was changed"
        )
    return number
