"""An optimizer for protocols that hand over one array at a time, by a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np

from instep.checkpoint.keys import Key, check_key, key_of
from instep.dlpack import AnyArray, is_array
from instep.names import OwnAttributes
from instep.numbers import check_count
from instep.optimizer import Optimizer
from instep.param_group import ParamGroup
from instep.parameters import Array, everywhere
from instep.row_gradient import RowGradient
from instep.state_dict import as_mapping, read_state_dict
from instep.storage import REST, STORED, copy_of

if TYPE_CHECKING:
    import os

    from instep.checkpoint.content import Expectation, Kind
    from instep.hyperparameters import Schedule


class _Saved(NamedTuple):
    """What a key goes on from once its array is there."""

    state_dict: dict[str, Any]
    skipped_steps: int
    dtype: str | None
    """Of the weights; None where nothing tells, as their states may have another."""
    shape: tuple[int, ...] | None


class Keyed(OwnAttributes):
    """One optimizer for each key, where a key, its weights and a gradient are handed over.

    A key's states are made at its first step. Where its weights are another array than at the step
    before, the states go on with that one (`Optimizer.rebind`).

    Parameters
    ----------
    optimizer : type
        A class of optimizers, such as `Adam`.
    **options
        The hyperparameters and options that it takes, the same for all keys, but for `copies`.
        `clip_norm` bounds the norm of each key's gradient alone, and random bits are those of an
        optimizer of the key's alone: a function of the seed, the key's steps and the element.

    Raises
    ------
    TypeError, ValueError
        When the first argument is no such class, or refuses the options.

    Examples
    --------
    >>> import numpy as np, instep
    >>> keyed = instep.Keyed(instep.Adam, lr=0.5)
    >>> layer = {"W": np.zeros(2), "b": np.zeros(1)}
    >>> for name, weights in layer.items():
    ...     keyed.step(("layer 1", name), weights, np.ones_like(weights))
    >>> layer["W"].round(6)
    array([-0.5, -0.5])
    """

    def __init__(self, optimizer: type[Optimizer], **options: Any) -> None:
        given: object = optimizer
        if not (isinstance(given, type) and issubclass(given, Optimizer)):
            raise TypeError(
                f"optimizer: expected a class of optimizers, such as instep.Adam, got {given!r}"
            )
        if options.get("copies") is not None:
            raise TypeError(
                "copies: expected none, as the options of Keyed are the same for all keys; copy "
                "the weights after their step"
            )
        self._class = optimizer
        self._options = options
        self._model = optimizer(np.zeros(1), **options)  # refuses what an optimizer refuses
        # Replaced as a whole where more than one key changes: done, or not begun.
        self._known: dict[Key, Optimizer | _Saved] = {}

    @property
    def optimizers(self) -> Mapping[Key, Optimizer]:
        """The optimizer of each key that has been stepped here, also to change its options."""
        known = {key: each for key, each in self._known.items() if isinstance(each, Optimizer)}
        return MappingProxyType(known)

    def step(
        self,
        key: Key,
        weights: AnyArray,
        gradient: AnyArray | RowGradient | None,
        lr: float | Schedule | None = None,
        *,
        grad_scale: float = 1.0,
    ) -> None:
        """Step the weights of a key, in place.

        Parameters
        ----------
        key : str, int, or tuple of keys
            Whose weights they are.
        weights : ndarray
            The array to step, of the shape and dtype that the key had at its first step.
        gradient : ndarray, RowGradient or None
            As `Optimizer.step` takes it.
        lr : float or callable, optional
            The key's learning rate from this step on; None leaves it.
        grad_scale : float
            What the loss was multiplied by: see `Optimizer.step`.

        Raises
        ------
        TypeError, ValueError, FloatingPointError
            As when an optimizer is made, rebound or stepped, with the key as a note. Weights,
            states, counts and rate then stay as they were.
        """
        check_key(key)
        known = self._known.get(key)
        try:
            if isinstance(known, Optimizer):
                if known.param_groups[0].params[0] is not weights:
                    known.rebind(weights)
                _step(known, gradient, lr, grad_scale)
                return
            optimizer = self._new_optimizer(weights, known)
            before = optimizer.steps
            try:
                self._known[key] = optimizer
                _step(optimizer, gradient, lr, grad_scale)
            except BaseException:
                if optimizer.steps == before:  # an interrupt may come after the step
                    self._forget(key, known)
                raise
        except Exception as error:
            error.add_note(f"key: {key!r}")
            raise

    def reset(self) -> None:
        """Forget all keys: each begins anew at its next step, with the options of the beginning."""
        self._known = {}

    def state_dict(self) -> dict[Key, dict[str, Any]]:
        """Return states, counts and hyperparameters of all keys.

        Returns
        -------
        dict
            For each key what its optimizer's ``state_dict()`` returns: copies.
        """
        return {key: self._saved(each).state_dict for key, each in [*self._known.items()]}

    def load_state_dict(self, state_dict: Mapping[Key, Mapping[str, Any]]) -> None:
        """Take over states, counts and hyperparameters, in the place of all that there are.

        Each key goes on from them at its next step, which raises ValueError or TypeError where the
        weights are of another shape or dtype. A learning rate that is a callable stays.

        Parameters
        ----------
        state_dict : mapping
            What `state_dict` returned.

        Raises
        ------
        TypeError, ValueError, KeyError
            When it does not fit; all then stays as it was.
        """
        known: dict[Key, Optimizer | _Saved] = {}
        for key, given in as_mapping(state_dict, "state_dict").items():
            check_key(key)
            where = f"state_dict[{key!r}]"
            if "state" not in as_mapping(given, where):
                raise KeyError(f"{where}: expected the key 'state', got {list(given)}")
            dictionary = _copy_of(given)
            shapes = [
                value.shape
                for state in dictionary["state"].values()
                for name, value in state.items()
                if name != "step" and isinstance(value, np.ndarray)
            ]
            known[key] = self._checked(_Saved(dictionary, 0, None, _shape_of(shapes)))
        self._known = known

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the states, counts and hyperparameters of all keys to one file.

        As `Optimizer.save` writes it, without parameters.

        Parameters
        ----------
        path : str or os.PathLike
            Name of the file, which ends in ``.npz`` or ``.safetensors``.

        Raises
        ------
        OSError, ValueError
            As `Optimizer.save` does.
        """
        import json

        from instep.checkpoint.content import Snapshot
        from instep.checkpoint.files import CheckpointFile

        file = CheckpointFile(path)
        keys = {key: self._saved(each) for key, each in [*self._known.items()]}
        states, groups = {}, []
        for k, (key, saved) in enumerate(keys.items()):
            [group] = saved.state_dict["param_groups"]
            states[k] = {"step": 0} | next(iter(saved.state_dict["state"].values()), {})
            own = {name: saved.state_dict[name] for name in ("steps", "seed")}
            counts = {**own, "skipped_steps": saved.skipped_steps}
            groups.append({**group, **counts, "params": [k], "param_names": [json.dumps(key)]})
        file.write(
            Snapshot(
                self._kind(),
                {"state": states, "param_groups": groups, "steps": 0, "seed": 0},
                0,
                [(saved.dtype, saved.shape) for saved in keys.values()],
                [],
            )
        )

    def load(self, path: str | os.PathLike[str]) -> None:
        """Take over a file that `save` has written, in the place of all that there is.

        It was written by a `Keyed` of the same class of optimizers. All of it is read and checked
        before anything changes. Each key goes on from it at its next step, as after
        `load_state_dict`.

        Parameters
        ----------
        path : str or os.PathLike
            Name of the file.

        Raises
        ------
        CheckpointError
            When the file is damaged, something else, or does not fit; all then stays as it was.
        OSError, ValueError
            As `Optimizer.load` does.
        """
        from instep.checkpoint.files import MISFITS, CheckpointFile

        file = CheckpointFile(path)
        content = file.read_described(self._kind(), self._expectation)
        known: dict[Key, Optimizer | _Saved] = {}
        try:
            for k, (dtype, shape) in enumerate(content.described):
                group = content.state_dict["param_groups"][k]
                key = key_of(group["param_names"][0])
                if key in known:
                    raise ValueError(f"expected each key once, got {key!r} twice")
                state = content.state_dict["state"][k]
                seed = {"seed": group["seed"]} if "seed" in group else {}
                known[key] = self._checked(
                    _Saved(
                        {
                            "state": {0: state},
                            "param_groups": [_without_counts(group)],
                            "steps": check_count("steps", group["steps"]),
                            **seed,
                        },
                        check_count("skipped_steps", group["skipped_steps"]),
                        dtype,
                        None if shape is None else tuple(shape),
                    )
                )
        except MISFITS as error:
            raise file.refusal(error) from error
        self._known = known

    def __copy__(self) -> NoReturn:
        raise TypeError("a shallow copy of Keyed would step the same arrays; use copy.deepcopy")

    def __repr__(self) -> str:
        return f"Keyed({self._class.__name__}), {len(self._known)} keys"

    def _new_optimizer(self, weights: AnyArray, saved: _Saved | None) -> Optimizer:
        if not is_array(weights):
            raise TypeError(f"weights: expected an array, got {type(weights).__name__}")
        optimizer = self._class(weights, **self._options)
        if saved is not None:
            with optimizer._turn():
                optimizer._load(saved.state_dict, skipped_steps=saved.skipped_steps)
        return optimizer

    def _forget(self, key: Key, before: _Saved | None) -> None:
        """Let a key be what it was before its first step."""
        if before is None:
            self._known.pop(key, None)
        else:
            self._known[key] = before

    def _saved(self, known: Optimizer | _Saved) -> _Saved:
        """Return what a key may go on from, in arrays of its own."""
        if isinstance(known, _Saved):
            return known._replace(state_dict=_copy_of(known.state_dict))
        with known._turn():
            [param] = known._params()
            return _Saved(known._state_dict(), known._skipped_steps, param.dtype.name, param.shape)

    def _kind(self) -> Kind:
        kind = self._model._kind()
        return kind._replace(class_name=f"Keyed {kind.class_name}")

    def _group(self, param: Array, name: str) -> ParamGroup:
        """Return the group of a key, as a dictionary must fit it."""
        model = self._model
        return ParamGroup(_stays, [param], [name], model.param_groups[0]._values, model._shown)

    def _states(self, shape: tuple[int, ...]) -> dict[str, Array]:
        """Return states of the widest type: which a key's have is told by its weights alone."""
        values = self._model.param_groups[0]._values
        widest = np.dtype(np.float64)
        states = {
            name: everywhere(0.0, own, widest)
            for name, own in self._model._rule.present_states(values, shape).items()
        }
        if self._model.master_weight_bits is not None:
            states[REST] = everywhere(0.0, shape, np.dtype(np.int16))
        return states

    def _checked(self, saved: _Saved) -> _Saved:
        """Return it with both counts and seed.

        Raises TypeError, ValueError or KeyError unless an optimizer of a key takes it.
        """
        shape = saved.shape or ()
        group = self._group(everywhere(0.0, shape, np.dtype(np.float64)), "")
        rule = self._model._rule
        loaded = read_state_dict(saved.state_dict, [group], [self._states(shape)], rule)
        kept = {name: group[name] for name in rule.initial_options()}
        [options] = loaded.options
        rule.check({**options, **kept}, group._values, callables=False)
        seed = self._model.seed if loaded.seed is None else loaded.seed
        own = {**saved.state_dict, "steps": loaded.steps, "seed": seed}
        return saved._replace(state_dict=own)

    def _expectation(self, metadata: Mapping[str, Any]) -> Expectation:
        """Return what a file with this metadata must fit, by what it says of its parameters."""
        from instep.checkpoint.content import Expectation

        groups, params = [], []
        for described, group in zip(metadata["params"], metadata["param_groups"], strict=True):
            dtype, shape = described
            if dtype not in (None, *STORED):
                raise ValueError(
                    f"params: expected a dtype among {', '.join(STORED)}, got {dtype!r}"
                )
            lengths = tuple(check_count("shape", length) for length in shape or ())
            params.append(everywhere(0.0, lengths, np.dtype(np.float64)))
            [name] = as_mapping(group, "param_groups")["param_names"]
            groups.append(self._group(params[-1], name))
        states = [self._states(param.shape) for param in params]
        return Expectation(self._kind(), groups, states, params, self._model._rule)


def _shape_of(states: Sequence[tuple[int, ...]]) -> tuple[int, ...] | None:
    """Return a shape of weights that have states of these shapes, where any has; None of none."""
    if not states:
        return None
    try:
        return np.broadcast_shapes(*states)  # of rows and columns, that of the matrix
    except ValueError:
        return states[0]


def _step(
    optimizer: Optimizer,
    gradient: AnyArray | RowGradient | None,
    lr: float | Schedule | None,
    grad_scale: float,
) -> None:
    """Step once, with another rate where one is given; where that fails, the former is back."""
    former, before = optimizer.lr, optimizer.steps
    try:
        if lr is not None and lr != former:
            optimizer.lr = lr
        optimizer.step(gradient, grad_scale=grad_scale)
    except BaseException:
        if optimizer.steps == before:  # an interrupt may come after the step
            optimizer.lr = former
        raise


def _copy_of(state_dict: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state dictionary in arrays of its own, in C order."""
    copied = {
        id_: {
            name: copy_of(value) if isinstance(value, np.ndarray) else value
            for name, value in as_mapping(state, f"state[{id_!r}]").items()
        }
        for id_, state in as_mapping(state_dict["state"], "state").items()
    }
    return {**state_dict, "state": copied}


def _without_counts(group: Mapping[str, Any]) -> dict[str, Any]:
    """Return the group of a key without what a file has beside it."""
    beside = ("steps", "seed", "skipped_steps", "param_names")
    return {name: value for name, value in group.items() if name not in beside} | {"params": [0]}


def _stays(_: ParamGroup, __: Mapping[str, object]) -> NoReturn:
    raise TypeError("this group belongs to no optimizer")
