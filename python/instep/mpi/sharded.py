"""An optimizer whose states are shared out among processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import EllipsisType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

import instep.gradient_options as gradient_options
from instep.dlpack import AnyArray
from instep.gradient_options import GradientOption, GradientOptions
from instep.mpi.agreement import Facts, agree
from instep.mpi.channel import Channel
from instep.mpi.checkpoint.save_and_load import Sharing
from instep.mpi.lane import Lane
from instep.mpi.library import check_communicator
from instep.mpi.plan import Plan
from instep.mpi.preparation import OF_ALL, Preparation, views_of_shares
from instep.mpi.reduction import How, ReductionOrder
from instep.mpi.resumable import ResumableSharded
from instep.mpi.stepping import Stepping
from instep.names import may_be_set, no_attribute
from instep.numbers import FINITE_ABOVE_0
from instep.optimizer import Optimizer
from instep.param_group import ParamGroup
from instep.parameters import Params


# numpydoc takes an argument of this name for that of a class method.
class Sharded(ResumableSharded):  # numpydoc ignore=PR02
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
        How much is sent at once, in bytes; there is memory for it of up to four times as much. With
        hundreds of processes, larger ones make messages of a good size.
    wire_dtype : dtype, optional
        Type to which gradients are rounded, to nearest, before they are sent, float16, bfloat16 or
        float32; by default, and where it is not narrower, it is that in which the parameter is
        stepped, as is their sum always. Parameters are sent as they are: with bfloat16 ones, and
        ``master_weight_bits=32``, all that is sent has 16 bits.
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
        reduction: ReductionOrder = "ordered",
        bucket_bytes: int = 2**22,
        wire_dtype: DTypeLike | None = None,
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
            if not isinstance(broadcast, bool):
                raise TypeError(f"broadcast: expected True or False, got {broadcast!r}")
            how = How.checked(reduction, bucket_bytes, wire_dtype)
            prepared = Preparation(cls, params, options)
            facts = {**prepared.facts, "counts": {"broadcast": broadcast, **how._asdict()}}
        except Exception as error:
            refused = error
        agree(channel, "Sharded", refused, facts)
        channel.lane = Lane.beside(comm)

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
        self._gradient_options = prepared.gradient_options
        self._stepping = Stepping(channel, self._plan, self._inner, prepared, how)
        self._sharing = Sharing(channel, self._plan, self._inner, prepared.params, bucket_bytes)
        if broadcast:
            with channel.all_of_it():
                self._stepping.exchange.broadcast_params()

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
        return self._stepping.last_grad_norm

    @property
    def skipped_steps(self) -> int:
        """How many steps were skipped because the mean gradient was not finite."""
        return self._stepping.skipped_steps

    @property
    def train_mode(self) -> bool:
        """Whether the parameters are where steps are taken from; `train` and `eval` change it."""
        return self._inner._train_mode()

    def reduce(self, param: str | int, grad: AnyArray) -> None:
        """Begin to add up a parameter's gradients, while others are still computed.

        `step` without gradients, once all are there, steps by them. On each process they may come
        in any order; they are sent in buckets of some parameters, those of the last ones first.
        MPI goes on with what is on its way when an optimizer calls it.

        Parameters
        ----------
        param : str or int
            The parameter's name, or its position among all.
        grad : ndarray
            This process's gradient, as `step` takes it, which may be written again on return.

        Raises
        ------
        TypeError, ValueError, KeyError
            When this process's gradient is refused, or is there already. What others reduce stays.
        RuntimeError
            After a call that was not finished, or when another optimizer on the same communicator
            has reduced gradients that are not stepped.

        Examples
        --------
        >>> import numpy as np, instep, instep.mpi
        >>> from mpi4py import MPI
        >>> w, b = np.zeros(2), np.zeros(1)
        >>> params = {"w": w, "b": b}
        >>> optimizer = instep.mpi.Sharded(instep.SGD, params, comm=MPI.COMM_SELF, lr=0.5)
        >>> optimizer.reduce("b", np.ones(1))
        >>> optimizer.reduce("w", np.ones(2))
        >>> optimizer.step()
        >>> w, b
        (array([-0.5, -0.5]), array([-0.5]))
        """
        self._stepping.reduce(param, grad)

    def step(
        self,
        grads: AnyArray
        | Iterable[AnyArray | None]
        | Mapping[str, AnyArray | None]
        | EllipsisType
        | None = ...,
        *,
        grad_scale: float = 1.0,
    ) -> None:
        """Step the parameters of all processes by the mean of their gradients.

        Parameters
        ----------
        grads : ndarray, or sequence or mapping of ndarray or None
            This process's gradients, as `Optimizer.step` takes them, but no `RowGradient`. None
            skips a parameter, where all processes have None. Left out, they are those that `reduce`
            was called with.
        grad_scale : float
            What the loss was multiplied by.

        Raises
        ------
        ValueError
            When one process refuses the call, or hyperparameters, options, counts or which
            gradients are None differ between processes; on each of them, before anything is done.
            Gradients that were reduced are dropped.
        FloatingPointError
            When the mean is not finite and `nonfinite` is "raise"; on every process, before
            anything is written.
        TimeoutError
            When another process does not come, or stops in the middle.
        RuntimeError
            After a call that was not finished.
        """
        self._stepping.step(grads, grad_scale, self._gradient_options)

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
        self._stepping.go_to(train_mode=False)

    def train(self) -> None:
        """Bring the parameters back to the point from which they are stepped, on all processes.

        Raises
        ------
        ValueError
            When the class has one point, or the processes differ.
        TimeoutError, RuntimeError
            As `step` does.
        """
        self._stepping.go_to(train_mode=True)

    def __repr__(self) -> str:
        channel = self._channel
        return f"Sharded, process {channel.rank} of {channel.size}: {self._inner!r}"

    def _change_gradient_options(self, changes: Mapping[str, object]) -> None:
        options = gradient_options.check({**self._gradient_options, **changes})
        self._inner._change_gradient_options(
            {name: each for name, each in options.items() if name not in OF_ALL}
        )
        self._gradient_options = options
