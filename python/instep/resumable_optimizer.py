"""An optimizer that goes on elsewhere: from a dictionary, a file, or as a copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn

import instep._core as _core
from instep.core_optimizer import CoreOptimizer
from instep.names import is_ours
from instep.parameters import Array, FlatGroup
from instep.state_dict import read_state_dict, write_state_dict
from instep.storage import copy_of

if TYPE_CHECKING:
    import os

    from instep.checkpoint.content import Expectation, Kind, Snapshot


class ResumableOptimizer(CoreOptimizer):
    """State dictionaries, checkpoints, copies and pickles, of all optimizers alike."""

    def state_dict(self) -> dict[str, Any]:
        """Return states, counts and hyperparameters in the layout of ``torch.optim``.

        Returns
        -------
        dict
            ``"state"``: for the position of each parameter a dictionary with ``"step"`` and copies
            of its states. ``"steps"``: how often the optimizer was stepped. ``"seed"``: that of
            stochastic rounding. ``"param_groups"``: a dictionary of hyperparameters for each group,
            with the positions of its parameters under ``"params"`` and their names, where they have
            any, under ``"param_names"``. Of a hyperparameter that is a callable it holds the last
            value.
        """
        with self._turn():
            return self._state_dict()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over states, counts and hyperparameters.

        Dictionaries of ``torch.optim``, their tensors turned into arrays, load as well.
        Hyperparameters that are callables stay, and continue at the loaded count. An optimizer
        with two points (`ScheduleFreeSGD`) takes over the mode as well and exchanges nothing: the
        parameters are to be those of the moment at which the dictionary was made.

        Parameters
        ----------
        state_dict : mapping
            What `state_dict` returned, of parameters of the same number and shapes: those with the
            same names or, where either has none, in the same order. States of a narrower dtype than
            this optimizer's are widened exactly. A dictionary without a seed leaves this
            optimizer's, and one without a ``param_rest`` takes it for 0.

        Raises
        ------
        TypeError, ValueError, KeyError
            When it does not fit; the optimizer then stays as it was.
        """
        with self._turn():
            self._load(state_dict)

    def save(self, path: str | os.PathLike[str], *, params: bool = False) -> None:
        """Write a checkpoint, from which another optimizer goes on bit for bit.

        It holds what `state_dict` returns and `skipped_steps`. As there, a hyperparameter that
        is a callable is its last value, and the options that condition gradients (`clip_norm` and
        the like) belong to whoever makes the optimizer.

        The file is complete or, whatever happens, what it was before: it is written under another
        name in the same folder (``.<name>.<random>.tmp``), flushed to the disk, and renamed. When
        anything is raised, nothing is left of it; a killed process may leave it there. A symbolic
        link stays one, and its target is replaced. The permissions are those of the file that is
        replaced or, of a new one, as `open` gives them.

        Parameters
        ----------
        path : str or os.PathLike
            Name of the file. ``.npz`` is an archive of NumPy, not compressed; ``.safetensors`` is
            read by the library of this name.
        params : bool
            Write the parameters as well.

        Raises
        ------
        OSError
            When the file cannot be written. Only where the last thing fails, to flush the folder,
            is the new file in its place all the same.
        ValueError
            When the name ends in something else.

        Notes
        -----
        Other threads' steps wait while states, and parameters where they are asked for, are copied;
        not while the copies are written.

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
        parameters of the same number, names and shapes (in any memory layout), in the same order
        where they have no names. Parameters and states of a narrower dtype than this optimizer's
        are widened exactly; none is narrowed. Hyperparameters that are callables stay,
        and continue at the loaded count, and the seed is the one that was saved, as is the mode of
        an optimizer with two points (see `load_state_dict`).

        Parameters
        ----------
        path : str or os.PathLike
            Name of the file, which ends in ``.npz`` or ``.safetensors``.
        params : bool
            Load the parameters as well, into the arrays of this optimizer and its `copies`. Where
            it is False, those that the file may hold are not looked at.

        Raises
        ------
        CheckpointError
            When the file is damaged, something else, of a newer version of the format, or does not
            fit; the message says which. Optimizer and parameters then stay as they were.
        OSError
            When the file cannot be read.
        ImportError
            When something in it is of bfloat16 and the package ml_dtypes is not installed.
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
        from instep.checkpoint.files import MISFITS, CheckpointFile

        file = CheckpointFile(path)
        with self._turn():
            expected = self._expectation()
        content = file.read(expected, params=params)
        # No context manager in Python around it: to leave one takes memory, once all has changed.
        try:
            with self._turn():
                self._load(content.state_dict, content.params, content.skipped_steps)
        except MISFITS as error:
            raise file.refusal(error) from error

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
                "last_options": self._options(),
                "states": [
                    {name: copy_of(array, "K") for name, array in states.items()}
                    for states in self._named_states()
                ],
                "steps": self._steps(),
                "param_steps": self._param_steps(),
                "scalars": self._scalars(),
                "train_mode": self._train_mode(),
                "last_grad_norm": self._last_grad_norm,
                "skipped_steps": self._skipped_steps,
                "seed": self._seed(),
                "copies": self._copies(),
            }

    def __setstate__(self, state: dict[str, Any]) -> None:
        written = [param for params, _, _ in state["groups"] for param in params]
        written += [copy for copy in state["copies"] if copy is not None]
        if not all(array.flags.writeable for array in written):
            raise ValueError(
                "parameters and copies: expected writable arrays, got read-only ones of what was "
                "unpickled; load it into memory that can be written, such as joblib.load without "
                "mmap_mode, or pickle.loads with buffers that are bytearrays"
            )
        vars(self).update(state["attributes"])
        self._begin(self._storage, state["seed"])
        self._change_gradient_options({})
        copies = iter(state["copies"])
        for params, names, values in state["groups"]:
            self._add_group_with(
                FlatGroup(list(params), names, {}),
                state["structure"],
                values,
                copies=list(islice(copies, len(params))),
            )
        with self._turn():
            self._replace(
                [self._rule.in_order(states) for states in state["states"]],
                [],
                _core.Progress(
                    steps=state["steps"],
                    param_steps=state["param_steps"],
                    scalars=state["scalars"],
                    train_mode=state["train_mode"],
                    skipped_steps=state["skipped_steps"],
                    last_grad_norm=state["last_grad_norm"],
                    seed=state["seed"],
                ),
                self._new_hyperparameters(
                    [group._values for group in self._groups], state["last_options"]
                ),
            )

    def _state_dict(self) -> dict[str, Any]:
        """Return the state dictionary; the caller has the turn."""
        return self._state_dict_of(
            # Not items(): where memory runs out, CPython 3.11 dies of iterating them.
            [{name: copy_of(states[name]) for name in states} for states in self._named_states()]
        )

    def _state_dict_of(self, states: Sequence[Mapping[str, Array]]) -> dict[str, Any]:
        """Return the state dictionary with these states; the caller has the turn."""
        return write_state_dict(
            self._groups,
            [
                {**self._rule.last(group._values, options, self._steps()), **self._shown()}
                for group, options in zip(self._groups, self._options(), strict=True)
            ],
            states,
            self._steps(),
            self._param_steps(),
            self._named_scalars(),
            self._seed(),
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
            [copy_of(param) for param in params] if with_params else [],
        )

    def _expectation(self) -> Expectation:
        """Return what a checkpoint must fit; the caller has the turn."""
        from instep.checkpoint.content import Expectation

        return Expectation(
            self._kind(), self._groups, self._named_states(), self._params(), self._rule
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
        self._replace(*self._replacement(state_dict, params, skipped_steps))

    def _replacement(
        self, state_dict: Mapping[str, Any], params: Sequence[Array], skipped_steps: int | None
    ) -> tuple[Any, ...]:
        """Return what the core is to take over, or raise TypeError, ValueError or KeyError."""
        loaded = read_state_dict(state_dict, self._groups, self._named_states(), self._rule)
        values: list[dict[str, Any]] = []
        last: list[list[float]] = []
        for group, options in zip(self._groups, loaded.options, strict=True):
            # A sum that is loaded did not start at this optimizer's value.
            kept = {name: group[name] for name in self._rule.initial_options()}
            checked = self._rule.check({**options, **kept}, group._values, callables=False)
            last.append(self._rule.encode(checked, self._rule.not_asked))
            values.append({**checked, **group._callables()})
        modes = set(loaded.train_modes)
        if len(modes) > 1:
            raise ValueError("train_mode: expected the same in all groups, got True and False")
        return (
            [
                self._rule.in_order(initial | arrays)
                for initial, arrays in zip(self._initial_states(), loaded.states, strict=True)
            ],
            params,
            _core.Progress(
                steps=loaded.steps,
                param_steps=loaded.param_steps,
                scalars=[
                    scalars or initial
                    for scalars, initial in zip(
                        loaded.scalars, self._initial_scalars(), strict=True
                    )
                ],
                train_mode=modes.pop(),
                skipped_steps=self._skipped_steps if skipped_steps is None else skipped_steps,
                last_grad_norm=self._last_grad_norm,
                seed=self._seed() if loaded.seed is None else loaded.seed,
            ),
            self._new_hyperparameters(values, last),
        )


def _new(cls: type[ResumableOptimizer]) -> ResumableOptimizer:
    return cls.__new__(cls)
