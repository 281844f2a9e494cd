"""What all optimizers share."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import numpy as np

import instep._core as _core
import instep.gradient_options as gradient_options
from instep.core_optimizer import CoreOptimizer
from instep.docstrings import fill
from instep.gradient_options import GradientOption
from instep.names import is_ours, nearest
from instep.parameters import (
    Array,
    FlatGroup,
    Group,
    Params,
    Structure,
    flatten,
    flatten_group,
)
from instep.state_dict import read_state_dict, write_state_dict

if TYPE_CHECKING:
    import os

    from instep.checkpoint.content import Expectation, Kind, Snapshot

T = TypeVar("T", bound="type[Optimizer]")

_PARAGRAPHS = {
    "params": r"""
        params : ndarray, sequence of ndarray, mapping of str to ndarray, or sequence of groups
            The arrays :math:`\theta` that steps change in place, float32 or float64, of any layout.
            A group is a mapping with the arrays under ``"params"`` and hyperparameters of its own.
        """,
    "gradient_options": """
        **gradient_options
            What is done to gradients before the rule meets them: see `Optimizer`.
        """,
    "raises": """
        TypeError, ValueError
            As `Optimizer` does.
        """,
}


def documented(cls: T) -> T:
    """Put what the docstrings of all optimizers share into that of a class."""
    return fill(cls, _PARAGRAPHS)


# The options that are documented one by one are among **defaults.
class Optimizer(CoreOptimizer):  # numpydoc ignore=PR02
    """Base of all optimizers: parameters in groups, their states, and the step.

    Not for direct use; see the subclasses, for example `Adam`.

    Parameters
    ----------
    params : ndarray, sequence of ndarray, mapping of str to ndarray, or sequence of groups
        The arrays that steps change in place, float32 or float64, of any layout. A group is a
        mapping with the arrays under ``"params"`` and hyperparameters of its own. In the place of
        an ndarray stands also another library's array in the CPU's memory (see Notes).
    **defaults
        The hyperparameters of groups that do not set their own, and the options below, which are
        the optimizer's own.

    Other Parameters
    ----------------
    clip_norm : float, optional
        Largest norm of all gradients of a step together: where they have a larger one, they are
        multiplied by ``clip_norm / (norm + 1e-6)``, as ``torch.nn.utils.clip_grad_norm_`` does, but
        on the fly. `last_grad_norm` tells the norm; infinity only measures it.
    clip_value : float, optional
        Largest magnitude of an element of a gradient; before `clip_norm`.
    nonfinite : {"propagate", "raise", "skip"}
        What becomes of a step whose gradients, divided by its ``grad_scale``, are not all finite:
        NaN and infinity flow through as in IEEE arithmetic; FloatingPointError names the first of
        them; or nothing happens, the counts of steps included, but that `skipped_steps` counts it.
        With the last two, the gradients are read before anything is written.
    flush_subnormals : bool
        Take subnormal numbers for zero and flush them to zero for the length of a step, on the
        threads that take it. Faster where states have decayed into them. The one option that leaves
        bit-equality with the reference: by less than the smallest normal number in each operation
        (1.2e-38 in float32, 2.2e-308 in float64).

    Raises
    ------
    TypeError
        When a parameter is not an ndarray of float32 or float64 and NumPy sees none in its memory,
        or a hyperparameter has a wrong type.
    ValueError
        When there is no parameter, when one cannot be written or shares memory with itself or
        another, or when a hyperparameter is out of range.

    Notes
    -----
    To set an attribute that an optimizer does not have, ``optimizer.learning_rate = 0.1``, is an
    AttributeError that names the nearest; a class that is derived from one of these may add some.

    Wherever an ndarray is expected, as a parameter, a gradient or a part of a `RowGradient`, the
    arrays of libraries that export DLPack (``__dlpack__``) do as well: tensors of torch, arrays of
    JAX, which can be gradients but not parameters, as they are never written. NumPy sees their
    memory through ``numpy.from_dlpack``; nothing is ever copied. `param_groups` then holds the
    ndarrays that see it, which keep it alive. Refused is what lies on another device, has a dtype
    that NumPy lacks, or needs a gradient of its own (pass a tensor's ``.detach()``). With NumPy
    2.0, or a library that speaks the protocol's first version alone, they can be read but not
    written: pass parameters as ndarrays then (a tensor's ``.numpy()``). A library that
    moves or frees memory that it has exported, as torch does in a tensor's ``resize_``, ``set_``
    and ``share_memory_``, leaves the view without it: do so before the optimizer is made.
    """

    # What groups have that do not set their own.
    _defaults: Mapping[str, Any] = {}

    clip_norm: GradientOption[float | None] = GradientOption()
    clip_value: GradientOption[float | None] = GradientOption()
    nonfinite: GradientOption[gradient_options.Nonfinite] = GradientOption()
    flush_subnormals: GradientOption[bool] = GradientOption()

    def __init__(self, params: Params, **defaults: Any) -> None:
        if not hasattr(self, "_rule"):
            raise TypeError(
                f"{type(self).__name__} has no rule of its own; use a subclass, such as Adam"
            )
        self._begin()
        for name in defaults:
            if name not in self._rule.hyperparameters and name not in gradient_options.DEFAULTS:
                known = [*self._argument_names(), *gradient_options.DEFAULTS]
                raise TypeError(
                    f"{type(self).__name__}() has no argument {name!r}{nearest(name, known)}; "
                    f"beside params it has {', '.join(known)}"
                )
        own = {name: defaults.pop(name) for name in gradient_options.DEFAULTS if name in defaults}
        self._change_gradient_options(own)
        self._defaults = self._rule.check(defaults)
        groups, structure = flatten(params)
        for group in groups:
            self._add_flat_group(group, structure)

    def _make(self, arguments: Mapping[str, Any]) -> None:
        """Do the work of a subclass's `__init__`, of which these are the ``locals()``."""
        given = {**self._rule.defaults, **arguments}
        Optimizer.__init__(
            self,
            given["params"],
            **{name: given[name] for name in self._rule.hyperparameters},
            **given["gradient_options"],
        )

    @classmethod
    def _argument_names(cls) -> list[str]:
        """Return the names of the hyperparameters that the constructor takes."""
        _, *declared = inspect.signature(cls).parameters.values()
        return [each.name for each in declared if each.kind is not each.VAR_KEYWORD]

    @property
    def last_grad_norm(self) -> float | None:
        """Norm of all gradients of the last step, before `clip_norm`.

        None where neither `clip_norm` nor the guard `nonfinite` asked for it. The same bits for any
        layout and number of threads: see `instep.reference.grad_norm`.
        """
        return self._last_grad_norm

    @property
    def skipped_steps(self) -> int:
        """How many steps were skipped because a gradient was not finite."""
        return self._skipped_steps

    @property
    def steps(self) -> int:
        """How many steps were completed: what a learning rate that is a callable is called with.

        Examples
        --------
        >>> import numpy as np, instep
        >>> schedule = instep.schedules.ExponentialDecay(1.0, factor=0.5)
        >>> optimizer = instep.SGD(np.zeros(3), lr=schedule)
        >>> optimizer.step(np.ones(3))
        >>> optimizer.steps, schedule(optimizer.steps)  # the rate of the next step
        (1, 0.5)
        """
        return self._steps()

    def add_param_group(self, group: Group) -> None:
        """Add a group of parameters.

        Gradients are passed as one flat sequence from then on, or still as a mapping where all
        parameters have names.

        Parameters
        ----------
        group : mapping
            The arrays (one, a sequence, or a mapping of names) under ``"params"``, and the
            hyperparameters that differ from those that the optimizer was made with.

        Raises
        ------
        TypeError, ValueError, KeyError
            As when an optimizer is made; it then stays as it was.
        """
        flat = flatten_group(group)
        stays_named = flat.names is not None and self._structure == "mapping"
        self._add_flat_group(flat, "mapping" if stays_named else "sequence")

    def state_dict(self) -> dict[str, Any]:
        """Return states, counts and hyperparameters in the layout of ``torch.optim``.

        Returns
        -------
        dict
            ``"state"``: for the position of each parameter a dictionary with ``"step"`` and copies
            of its states. ``"steps"``: how often the optimizer was stepped. ``"param_groups"``: a
            dictionary of hyperparameters for each group, with the positions of its parameters
            under ``"params"`` and their names, where they have any, under ``"param_names"``. Of a
            learning rate that is a callable it holds the last value.
        """
        with self._turn():
            return self._state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over states, counts and hyperparameters.

        Dictionaries of ``torch.optim``, their tensors turned into arrays, load as well. A learning
        rate that is a callable stays, and continues at the loaded count.

        Parameters
        ----------
        state_dict : mapping
            What `state_dict` returned, of parameters of the same number, order, shapes and
            dtypes.

        Raises
        ------
        TypeError, ValueError, KeyError
            When it does not fit; the optimizer then stays as it was.
        """
        with self._turn():
            self._load(state_dict)

    def save(self, path: str | os.PathLike[str], *, params: bool = False) -> None:
        """Write a checkpoint, from which another optimizer goes on bit for bit.

        It holds what `state_dict` returns and `skipped_steps`. As there, the learning rate of a
        callable is its last value, and the options that condition gradients (`clip_norm` and the
        like) belong to whoever makes the optimizer.

        The file is complete or, whatever happens, what it was before: it is written under another
        name in the same folder (``.<name>.<random>.tmp``), flushed to the disk, and renamed. When
        anything is raised, nothing is left of it; a killed process may leave it there. A symbolic
        link stays one, and its target is replaced. The permissions are those of the file that is
        replaced or, of a new one, as `open` gives them.

        Parameters
        ----------
        path : str or os.PathLike
            Name of the file. ``.npz`` is an archive of NumPy, not compressed; ``.safetensors``
            needs the package safetensors, ``pip install 'instep[safetensors]'``.
        params : bool
            Write the parameters as well.

        Raises
        ------
        OSError
            When the file cannot be written. Only where the last thing fails, to flush the folder,
            is the new file in its place all the same.
        ValueError
            When the name ends in something else.
        ImportError
            When safetensors is not installed.

        Notes
        -----
        Other threads' steps wait while states, and parameters where they are asked for, are copied;
        not while the copies are written. ``.safetensors`` takes the size of these copies once more.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import numpy as np, instep
        >>> w = np.zeros(3)
        >>> optimizer = instep.Adam(w, lr=0.5)
        >>> optimizer.step(np.ones(3))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "run.npz")
        ...     optimizer.save(path, params=True)
        ...     resumed = instep.Adam(np.zeros(3))
        ...     resumed.load(path, params=True)
        >>> resumed.lr, resumed.state_dict()["steps"]
        (0.5, 1)
        >>> resumed.param_groups[0]["params"][0].tolist() == w.tolist()
        True
        """
        from instep.checkpoint.files import CheckpointFile

        file = CheckpointFile(path)
        with self._turn():
            snapshot = self._snapshot(params)
        file.write(snapshot)

    def load(self, path: str | os.PathLike[str], *, params: bool = False) -> None:
        """Take over a checkpoint that `save` has written.

        All of it is read and checked, every bit by checksums, before anything changes. The
        optimizer must have been made like the one that was saved: of the same class, with
        parameters of the same number, order, names, shapes and dtypes (in any memory layout). A
        learning rate that is a callable stays, and continues at the loaded count.

        Parameters
        ----------
        path : str or os.PathLike
            Name of the file, which ends in ``.npz`` or ``.safetensors``.
        params : bool
            Load the parameters as well, into the arrays of this optimizer. Where it is False, those
            that the file may hold are not looked at.

        Raises
        ------
        CheckpointError
            When the file is damaged, something else, of a newer version of the format, or does not
            fit; the message says which. Optimizer and parameters then stay as they were.
        OSError
            When the file cannot be read.
        ValueError
            When the name ends in something else, and, as `CheckpointError` is one, for all above.

        Notes
        -----
        Takes the memory of the states, and of the parameters where they are asked for, once more.
        How much is read does not depend on what the file says of itself: nothing in it makes this
        allocate more than a checkpoint of this optimizer needs and a few megabytes. Nothing is
        unpickled.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import numpy as np, instep
        >>> optimizer = instep.SGD(np.zeros(3), lr=0.5)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "run.npz")
        ...     instep.SGD(np.zeros(3), lr=0.25).save(path)
        ...     optimizer.load(path)
        >>> optimizer.lr
        0.25
        """
        from instep.checkpoint.files import CheckpointFile

        file = CheckpointFile(path)
        with self._turn():
            expected = self._expectation()
        content = file.read(expected, params=params)
        with file.refusing(), self._turn():
            self._load(content.state_dict, content.params, content.skipped_steps)

    def __copy__(self) -> NoReturn:
        raise TypeError(
            f"a shallow copy of {type(self).__name__} would step the same arrays; "
            "use copy.deepcopy, together with the arrays to keep them joined"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # Every protocol of pickle; pybind11 aborts the process in what copyreg does for 0 and 1.
        return _new, (type(self),), self.__getstate__()

    def __getstate__(self) -> dict[str, Any]:
        with self._turn():
            return {
                "attributes": {
                    name: value for name, value in vars(self).items() if name != "_groups"
                },
                "structure": self._structure,
                "groups": [
                    (group.params, group.names, dict(group._values)) for group in self._groups
                ],
                "rates": self._rates(),
                "states": [
                    {name: array.copy(order="K") for name, array in states.items()}
                    for states in self._named_states()
                ],
                "steps": self._steps(),
                "param_steps": self._param_steps(),
                "last_grad_norm": self._last_grad_norm,
                "skipped_steps": self._skipped_steps,
            }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._begin()
        vars(self).update(state["attributes"])
        self._change_gradient_options({})
        self._last_grad_norm = state["last_grad_norm"]
        for params, names, values in state["groups"]:
            self._add_group_with(FlatGroup(list(params), names, {}), state["structure"], values)
        with self._turn():
            self._replace(
                [self._rule.in_order(states) for states in state["states"]],
                [],
                _core.Counts(
                    steps=state["steps"],
                    param_steps=state["param_steps"],
                    skipped_steps=state["skipped_steps"],
                ),
                self._new_hyperparameters(
                    [group._values for group in self._groups], state["rates"]
                ),
            )

    def __repr__(self) -> str:
        groups = "\n".join(f"  group {k}: {group!r}" for k, group in enumerate(self._groups))
        return f"{type(self).__name__}, {self._steps()} steps\n{groups}"

    def _state_dict(self) -> dict[str, Any]:
        """Return the state dictionary; the caller has the turn."""
        values = []
        for group, rate in zip(self._groups, self._rates(), strict=True):
            lr = group["lr"]
            if callable(lr) and math.isnan(rate):  # not used yet
                rate = self._rate(lr, self._steps())
            values.append({**group._values, "lr": rate if callable(lr) else lr})
        return write_state_dict(
            self._groups, values, self._named_states(), self._steps(), self._param_steps()
        )

    def _kind(self) -> Kind:
        from instep.checkpoint.content import Kind

        # The class of this library, where a user has derived one of their own.
        known = next(each for each in type(self).__mro__ if is_ours(each))
        return Kind(known.__name__, self._rule.name)

    def _params(self) -> list[Array]:
        return [param for group in self._groups for param in group.params]

    def _snapshot(self, with_params: bool) -> Snapshot:
        """Return what a checkpoint holds; the caller has the turn."""
        from instep.checkpoint.content import Snapshot

        params = self._params()
        return Snapshot(
            self._kind(),
            self._state_dict(),
            self._skipped_steps,
            [(param.dtype.name, param.shape) for param in params],
            [np.array(param, order="C") for param in params] if with_params else [],
        )

    def _expectation(self) -> Expectation:
        """Return what a checkpoint must fit; the caller has the turn."""
        from instep.checkpoint.content import Expectation

        return Expectation(
            self._kind(),
            self._groups,
            self._named_states(),
            self._params(),
            len(self._rule.states),
        )

    def _load(
        self,
        state_dict: Mapping[str, Any],
        params: Sequence[Array] = (),
        skipped_steps: int | None = None,
    ) -> None:
        """Take over a state dictionary and, where they are given, the values of all parameters.

        The caller has the turn.
        """
        loaded = read_state_dict(state_dict, self._groups, self._named_states())
        values: list[dict[str, Any]] = []
        rates: list[float] = []
        for group, options in zip(self._groups, loaded.options, strict=True):
            # A sum that is loaded did not start at this optimizer's value.
            kept = {name: group[name] for name in self._rule.initial.values()}
            checked = self._rule.check({**options, **kept}, group._values)
            rates.append(type(self).lr.check_number(checked["lr"]))
            values.append({**checked, "lr": group["lr"]} if callable(group["lr"]) else checked)
        groups = [group for group in self._groups for _ in group.params]
        states = [
            [
                None
                if state is None
                else arrays[name]
                if name in arrays
                else np.full(state.shape, self._rule.initial_value(name, group), state.dtype)
                for name, state in zip(self._rule.states, present, strict=True)
            ]
            for group, present, arrays in zip(groups, self._states(), loaded.states, strict=True)
        ]
        self._replace(
            states,
            params,
            _core.Counts(
                steps=loaded.steps,
                param_steps=loaded.param_steps,
                skipped_steps=self._skipped_steps if skipped_steps is None else skipped_steps,
            ),
            self._new_hyperparameters(values, rates),
        )

    def _add_flat_group(self, group: FlatGroup, structure: Structure) -> None:
        if not group.params:
            raise ValueError("parameters: expected at least one array, got none")
        values = self._rule.check({**self._defaults, **group.options})
        self._add_group_with(group, structure, values)


def _new(cls: type[Optimizer]) -> Optimizer:
    return cls.__new__(cls)
