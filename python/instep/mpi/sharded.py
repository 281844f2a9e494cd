"""An optimizer whose states are shared out among processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

import instep.gradient_options as gradient_options
from instep.dlpack import AnyArray
from instep.gradient_options import GradientOption, GradientOptions, check_grad_scale
from instep.mpi.agreement import Facts, agree
from instep.mpi.channel import Channel
from instep.mpi.conditions import Conditioning, Measured
from instep.mpi.exchange import Exchange
from instep.mpi.gradients import gradients_of
from instep.mpi.library import check_communicator
from instep.mpi.plan import Plan
from instep.mpi.preparation import OF_ALL, Preparation, option_facts, views_of_shares
from instep.names import may_be_set, no_attribute
from instep.numbers import FINITE_ABOVE_0, check_integer
from instep.optimizer import Optimizer
from instep.param_group import ParamGroup
from instep.parameters import Array, Params
from instep.two_points import TwoPointOptimizer

Reduction = Literal["ordered", "fast"]

MOST_BUCKET_BYTES = 2**30
"""Counts of elements are 32-bit integers in MPI."""


# numpydoc takes an argument of this name for that of a class method.
class Sharded:  # numpydoc ignore=PR02
    r"""An optimizer of parameters that every process has, with a share of the states on each.

    Every process calls it alike, with gradients of its own. Their mean is stepped:

    .. math::

        \theta \leftarrow \mathrm{rule}\left(\theta, \frac{1}{P} \sum_{p=0}^{P-1} g_p, s\right)

    A process steps one run of the line of all elements, and has the states :math:`s` of that run
    alone: gradients are added up there, and the stepped run is sent to the others (ZeRO's first
    stage). Given the mean, the bits are those of one process, for any number of them.

    Parameters
    ----------
    cls : type
        A class of optimizers whose rule steps each element by itself, such as `Adam`: not `LARS`,
        `LAMB`, `Adafactor` and `RowwiseAdagrad`.
    params : ndarray, sequence of ndarray, mapping of str to ndarray, or sequence of groups
        The parameters, as the class takes them, of the same shapes and dtypes on every process, and
        of any layout on each.
    comm : mpi4py.MPI.Intracomm
        The processes, such as ``MPI.COMM_WORLD``. Other collective calls on it come before or after
        those of the optimizer, in the same order on every process.
    broadcast : bool
        Give every process the parameters of process 0. With False they are to be the same already.
    reduction : {"ordered", "fast"}
        How gradients are added up: in the order of ranks, which gives the same bits at every run
        and under every MPI, or as MPI does it.
    bucket_bytes : int
        How much is sent at once, in bytes, which bounds the memory for it to twice as much.
    timeout : float, optional
        How many seconds a process waits for the others; for ever, by default.
    **options
        The hyperparameters and options of the class, but for `copies`.

    Raises
    ------
    ValueError
        When one process refuses the call, as the class would, or anything differs between them: on
        every process the same, which says what and where, and nothing is done on any.
    TypeError
        When `comm` is no intracommunicator.
    RuntimeError
        When MPI is not initialized, or without threads.
    TimeoutError
        When another process has not come to the call.

    Notes
    -----
    Each call begins with one small record from every process, which tells whether all go on with
    the same: so what is refused on one is refused on all, and nobody waits for a process that has
    been refused. A process that ends elsewhere, in the code between two steps, is waited for: start
    programs with ``python -m mpi4py``, by which an error that nobody catches ends all processes.

    The mean is that of the sum in the parameter's working type, multiplied once by :math:`1/P`,
    rounded; a sum that overflows is infinite, as on one process. Parts of an array are cut at
    multiples of 4,096 elements in C order: the blocks of `instep.reference.grad_norm`, so that
    `clip_norm` has its bits.

    After a TimeoutError, or whatever else ends a call in its middle, parameters may be stepped in
    part, MPI may still write into what was sent for, and every further call is a RuntimeError: end
    all processes with ``comm.Abort()``, and start them again.

    Examples
    --------
    >>> import numpy as np, instep, instep.mpi
    >>> from mpi4py import MPI
    >>> w = np.zeros(3)
    >>> optimizer = instep.mpi.Sharded(instep.Adam, {"w": w}, comm=MPI.COMM_SELF, lr=0.5)
    >>> optimizer.step({"w": np.ones(3)})
    >>> w.round(6)
    array([-0.5, -0.5, -0.5])
    >>> print(optimizer.plan)
    process  parameter  shape  first  end
          0  'w'        (3,)       0    3
    """

    _gradient_options: GradientOptions = gradient_options.DEFAULTS

    clip_norm: GradientOption[float | None] = GradientOption()
    clip_value: GradientOption[float | None] = GradientOption()
    nonfinite: GradientOption[gradient_options.Nonfinite] = GradientOption()
    flush_subnormals: GradientOption[bool] = GradientOption()

    def __init__(
        self,
        cls: type[Optimizer],
        params: Params,
        *,
        comm: Any,
        broadcast: bool = True,
        reduction: Reduction = "ordered",
        bucket_bytes: int = 2**26,
        timeout: float | None = None,
        **options: Any,
    ) -> None:
        check_communicator(comm)
        self._channel = channel = Channel(comm)
        refused: Exception | None = None
        facts: dict[str, Facts] = {}
        try:
            if timeout is not None:
                channel.timeout = FINITE_ABOVE_0.check("timeout", timeout)
            check_integer("bucket_bytes", bucket_bytes, at_least=8, below=MOST_BUCKET_BYTES + 1)
            if reduction not in get_args(Reduction):
                raise ValueError(f"reduction: expected 'ordered' or 'fast', got {reduction!r}")
            if not isinstance(broadcast, bool):
                raise TypeError(f"broadcast: expected True or False, got {broadcast!r}")
            prepared = Preparation(cls, params, options)
            own = {"broadcast": broadcast, "reduction": reduction, "bucket_bytes": bucket_bytes}
            facts = {**prepared.facts, "counts": own}
        except Exception as error:
            refused = error
        agree(channel, "Sharded", refused, facts)

        own_runs = [param.flags.c_contiguous for param in prepared.params]
        layouts = channel.all_gather(np.array(own_runs), "the layouts")
        in_one_run = [bool(each.all()) for each in layouts.T]
        self._plan = Plan(
            prepared.labels, [param.shape for param in prepared.params], in_one_run, channel.size
        )
        try:
            self._inner = prepared.make(
                views_of_shares(prepared.params, self._plan, channel.rank, in_one_run)
            )
            self._inner._set_first_indices(
                [self._plan.share(channel.rank, k).start for k in range(len(prepared.params))]
            )
        except Exception as error:
            refused = error
        agree(channel, "the states of Sharded", refused, {})
        # Callables are asked before the processes compare what they will do: the step takes that.
        vars(self._inner)["_scheduled_numbers"] = lambda _: self._asked
        self._asked: list[float] = []
        self._params = prepared.params
        self._names = prepared.names
        self._structure = prepared.structure
        self._gradient_options = prepared.gradient_options
        self._last_grad_norm: float | None = None
        self._skipped_steps = 0
        self._exchange = Exchange(
            channel,
            self._plan,
            self._params,
            ordered=reduction == "ordered",
            bucket_bytes=bucket_bytes,
        )
        if broadcast:
            with channel.all_of_it():
                self._exchange.broadcast_params()

    if TYPE_CHECKING:
        lr: Any
    else:  # type checkers would take any name for one that can be set

        def __setattr__(self, name, value):
            if name in self._hyperparameters():
                setattr(self._inner, name, value)
            elif not may_be_set(type(self), name):
                settable = [*self._hyperparameters(), *gradient_options.DEFAULTS]
                raise no_attribute(type(self), name, settable)
            else:
                super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        if name in self._hyperparameters():
            return getattr(self._inner, name)
        raise AttributeError(f"Sharded has no attribute {name!r}", name=name, obj=self)

    def _hyperparameters(self) -> Iterable[str]:
        inner = vars(self).get("_inner")
        return () if inner is None else inner._rule.hyperparameters

    @property
    def plan(self) -> Plan:
        """Which process steps which elements: printed, a table."""
        return self._plan

    @property
    def param_groups(self) -> tuple[ParamGroup, ...]:
        """The groups: mappings of hyperparameters, which every process is to set alike.

        Under ``"params"`` are views of this process's share.
        """
        return self._inner.param_groups

    @property
    def steps(self) -> int:
        """How many steps were completed."""
        return self._inner.steps

    @property
    def last_grad_norm(self) -> float | None:
        """Norm of the mean gradient of the last step, as `Optimizer.last_grad_norm`."""
        return self._last_grad_norm

    @property
    def skipped_steps(self) -> int:
        """How many steps were skipped because the mean gradient was not finite."""
        return self._skipped_steps

    @property
    def train_mode(self) -> bool:
        """Whether the parameters are where steps are taken from; `train` and `eval` change it."""
        return self._inner._train_mode()

    def step(
        self,
        grads: AnyArray | Iterable[AnyArray | None] | Mapping[str, AnyArray | None] | None,
        *,
        grad_scale: float = 1.0,
    ) -> None:
        """Step the parameters of all processes by the mean of their gradients.

        Parameters
        ----------
        grads : ndarray, or sequence or mapping of ndarray or None
            This process's gradients, as `Optimizer.step` takes them, but no `RowGradient`. None
            skips a parameter, where all processes have None.
        grad_scale : float
            What the loss was multiplied by.

        Raises
        ------
        ValueError
            When one process refuses the call, or hyperparameters, options, counts or which
            gradients are None differ between processes; on each of them, before anything is done.
        FloatingPointError
            When the mean is not finite and `nonfinite` is "raise"; on every process, before
            anything is written.
        TimeoutError
            When another process does not come, or stops in the middle.
        RuntimeError
            After a call that was not finished.
        """
        channel = self._channel
        channel.check_usable()
        refused: Exception | None = None
        facts: dict[str, Facts] = {}
        try:
            scale = check_grad_scale(grad_scale)
            given = gradients_of(grads, self._params, self._names, self._structure)
            facts = self._facts(given, scale)
        except Exception as error:
            refused = error
        agree(channel, "step", refused, facts)

        conditioning = Conditioning(channel, self._plan, self._gradient_options, scale)
        with channel.all_of_it():
            means = self._exchange.mean_of_share(given)
            measured = conditioning.measure(means)
        if measured.not_finite is not None:
            self._refuse(measured)
            return
        with channel.all_of_it():
            if measured.factor != 1.0:
                conditioning.clip(means, measured.factor)
                scale = 1.0
            self._step_share(means, scale)
            self._exchange.gather_params([k for k, grad in enumerate(given) if grad is not None])
        self._last_grad_norm = measured.norm

    def eval(self) -> None:
        """Bring the parameters to the point that is learned, on all processes.

        Of optimizers with two points: see `ScheduleFreeSGD`.

        Raises
        ------
        ValueError
            When the class has one point, or the processes differ.
        TimeoutError, RuntimeError
            As `step` does.
        """
        self._go_to(train_mode=False)

    def train(self) -> None:
        """Bring the parameters back to the point from which they are stepped, on all processes.

        Raises
        ------
        ValueError
            When the class has one point, or the processes differ.
        TimeoutError, RuntimeError
            As `step` does.
        """
        self._go_to(train_mode=True)

    def state_dict(self) -> dict[str, Any]:
        """Return what `Optimizer.state_dict` does, of this process's share.

        Returns
        -------
        dict
            With the states of the elements that `plan` names, for as many processes.
        """
        return self._inner.state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over the states, counts and hyperparameters of this process's share.

        Every process is to load its own; the next step tells where they do not belong together.

        Parameters
        ----------
        state_dict : mapping
            What `state_dict` returned, of the same share.

        Raises
        ------
        TypeError, ValueError, KeyError
            When it does not fit; the optimizer then stays as it was.
        """
        self._inner.load_state_dict(state_dict)

    def __repr__(self) -> str:
        channel = self._channel
        return f"Sharded, process {channel.rank} of {channel.size}: {self._inner!r}"

    def _change_gradient_options(self, changes: Mapping[str, object]) -> None:
        options = gradient_options.check({**self._gradient_options, **changes})
        self._inner._change_gradient_options(
            {name: each for name, each in options.items() if name not in OF_ALL}
        )
        self._gradient_options = options

    def _facts(self, grads: list[Array | None], grad_scale: float) -> dict[str, Facts]:
        """Return what must be the same on all processes at a step, of which callables are asked."""
        inner, labels = self._inner, self._plan.labels
        if not inner._train_mode():
            raise RuntimeError(
                "step: expected parameters at the point from which they are stepped, got an "
                "optimizer in eval mode; call its train() first"
            )
        self._asked = type(inner)._scheduled_numbers(inner, inner.steps)
        return {
            "options": {
                **option_facts(inner.param_groups, self._gradient_options),
                "what the callables returned": self._asked,
                "grad_scale": grad_scale,
            },
            "counts": self._counts(),
            "gradients": {
                f"gradient of parameter {label}": "None" if grad is None else "an array"
                for label, grad in zip(labels, grads, strict=True)
            },
        }

    def _counts(self) -> Facts:
        inner, labels = self._inner, self._plan.labels
        return {
            "steps": inner.steps,
            "skipped_steps": self._skipped_steps,
            "train_mode": inner._train_mode(),
            "seed": inner.seed,
            **{
                f"step of parameter {label}": (step, *scalars)
                for label, step, scalars in zip(
                    labels, inner._param_steps(), inner._scalars(), strict=True
                )
            },
        }

    def _step_share(self, means: list[Array | None], grad_scale: float) -> None:
        shares = [share for group in self._inner.param_groups for share in group.params]
        self._inner.step(
            [
                None if mean is None else mean.reshape(share.shape)
                for mean, share in zip(means, shares, strict=True)
            ],
            grad_scale=grad_scale,
        )

    def _refuse(self, measured: Measured) -> None:
        assert measured.not_finite is not None
        if self._gradient_options["nonfinite"] == "skip":
            self._skipped_steps += 1
            self._last_grad_norm = measured.norm
            return
        k, element = measured.not_finite
        index = tuple(map(int, np.unravel_index(element, self._params[k].shape)))
        raise FloatingPointError(
            f"mean gradient of parameter {self._plan.labels[k]}: expected finite numbers, got one "
            f"that is not at index {index}; nothing was changed"
        )

    def _go_to(self, *, train_mode: bool) -> None:
        channel, inner = self._channel, self._inner
        channel.check_usable()
        refused = None
        if not isinstance(inner, TwoPointOptimizer):
            refused = TypeError(
                f"{type(inner).__name__} has one point; train() and eval() are of schedule-free "
                "optimizers"
            )
        agree(channel, f"train_mode={train_mode}", refused, {"counts": self._counts()})
        assert isinstance(inner, TwoPointOptimizer)
        with channel.all_of_it():
            (inner.train if train_mode else inner.eval)()
            self._exchange.gather_params(range(len(self._params)))
