"""What all optimizers share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from itertools import islice
from typing import Any, ParamSpec, TypeVar

import instep._core as _core
import instep.gradient_options as gradient_options
import instep.storage as storage
from instep.dlpack import AnyArray, is_array
from instep.docstrings import fill
from instep.gradient_options import GradientOption
from instep.names import is_ours, no_argument
from instep.parameters import (
    Array,
    Copies,
    FlatGroup,
    Group,
    Params,
    Structure,
    as_arrays,
    copies_of,
    flatten_group,
    flatten_groups,
    in_place_of,
)
from instep.resumable_optimizer import ResumableOptimizer
from instep.storage import REST, HasStorage, check_seed

T = TypeVar("T", bound="type[Optimizer]")
P = ParamSpec("P")

_PARAGRAPHS = {
    "params": r"""
        params : ndarray, sequence of ndarray, mapping of str to ndarray, or sequence of groups
            The arrays :math:`\theta` that steps change in place, float32, float64, float16 or
            bfloat16, of any layout. A group is a mapping with the arrays under ``"params"`` and
            hyperparameters of its own.
        """,
    "options": """
        **options
            What is done to gradients before the rule meets them, and in which types the arrays of
            a step are stored: see `Optimizer`, which also tells of hyperparameters that are
            callables, as not only `lr` may be one.
        """,
    "raises": """
        TypeError, ValueError
            As `Optimizer` does.
        """,
}


def documented(cls: T) -> T:
    """Put what the docstrings of all optimizers share into that of a class."""
    return fill(cls, _PARAGRAPHS)


def _asking_for_params(constructor: Callable[P, None]) -> Callable[P, None]:
    """Let a constructor that is called without arrays say what to pass."""

    @wraps(constructor)
    def __init__(*args: P.args, **kwargs: P.kwargs) -> None:  # noqa: N807
        if len(args) == 1 and "params" not in kwargs:
            name = type(args[0]).__name__
            raise TypeError(
                f"{name}() misses the argument params: pass the arrays to step first, "
                f"{name}(params, ...)"
            )
        constructor(*args, **kwargs)

    return __init__


# The options that are documented one by one are among **defaults.
class Optimizer(ResumableOptimizer, HasStorage):  # numpydoc ignore=PR02
    r"""Base of all optimizers: parameters in groups, their states, and the step.

    Not for direct use; see the subclasses, for example `Adam`.

    Parameters
    ----------
    params : ndarray, sequence of ndarray, mapping of str to ndarray, or sequence of groups
        The arrays that steps change in place, float32, float64, float16 or bfloat16 (of the package
        ``ml_dtypes``), of any layout. Those of 16 bits are stepped in float32 and rounded to their
        type. A group is a mapping with the arrays under ``"params"`` and hyperparameters of its
        own. In the place of an ndarray stands also another library's array in the CPU's memory (see
        Notes).
    **defaults
        The hyperparameters of groups that do not set their own, and the options below, which are
        the optimizer's own. A hyperparameter is a value or a callable that gets the count of
        completed steps, 0 at first, and returns the value of the next step; a schedule of
        `instep.schedules`, or any other. Those are no callables that are fixed when the optimizer
        is made or, as `momentum`, decide which states exist.

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
    state_dtype : dtype or mapping of str to dtype, optional
        Type in which states are stored: float16, bfloat16 or float32, for all of them or by the
        names of states. By default, and always for float64 parameters, it is the type in which the
        parameter is stepped. Fixed when the optimizer is made, as are the five below.
    state_rounding : {"stochastic", "nearest"} or mapping of str to these
        How states are rounded to 16 bits, all of them or by name: up or down by chance, so that
        the mean is right, or to the nearest number, ties to even, by which a mean of squares with
        :math:`\beta_2 = 0.999` never decays. A largest value so far (``max_exp_avg_sq``) is always
        rounded to nearest.
    param_rounding : {"nearest", "stochastic"}, optional
        How parameters of 16 bits are rounded; to nearest by default, by which steps of less than
        half the distance to the next number do nothing.
    master_weight_bits : 32, optional
        Step parameters of bfloat16 as float32: each holds the upper half of its float32 master,
        rounded, and a state ``param_rest`` of int16 what that leaves out. What others write into
        the parameter meanwhile is obeyed.
    seed : int
        Of the random bits of stochastic rounding, from 0 up to 2\ :sup:`64`. They are a function
        of this seed, the parameter's step count and position, the state and the element's index:
        the same for any layout and number of threads. State dictionaries and checkpoints hold it.
    copies : ndarray, sequence or mapping, optional
        Arrays of float16, bfloat16 or float32 that get the parameters, rounded to nearest, in the
        same pass, as each is stepped, and by `rebind` and ``load(..., params=True)``: in the
        structure of gradients, None for a parameter that has none.

    Raises
    ------
    TypeError
        When a parameter is not an ndarray of one of these types and NumPy sees none in its memory,
        or a hyperparameter has a wrong type.
    ValueError
        When there is no parameter, when one cannot be written or shares memory with itself or
        another, or when a hyperparameter or option is out of range or does not go with another.

    Notes
    -----
    What callables return is checked by each step as values are, with everything as it was where one
    is refused; an infinite learning rate is, too. Each is asked once a step, however many groups
    share it, and once for each hyperparameter that it stands for. An attribute and a group show the
    callable; state dictionaries and checkpoints hold the last values.

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

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if is_ours(cls) and "__init__" in vars(cls):
            cls.__init__ = _asking_for_params(cls.__init__)  # type: ignore[method-assign]

    def __init__(self, params: Params, **defaults: Any) -> None:
        if not hasattr(self, "_rule"):
            raise TypeError(
                f"{type(self).__name__} has no rule of its own; use a subclass, such as Adam"
            )
        known = {**gradient_options.DEFAULTS, **storage.DEFAULTS, "copies": None}
        for name in defaults:
            if name not in self._rule.hyperparameters and name not in known:
                raise no_argument(type(self), name, known)
        own = {name: defaults.pop(name, default) for name, default in known.items()}
        seed, copies = check_seed(own.pop("seed")), own.pop("copies")
        conditions = {name: own.pop(name) for name in gradient_options.DEFAULTS}
        self._begin(self._rule.new_storage(**own), seed)
        self._change_gradient_options(conditions)
        self._defaults = self._rule.check(defaults)
        groups, structure = flatten_groups(params)
        each = iter(copies_of(copies, groups, structure))
        for group in groups:
            self._add_flat_group(group, structure, list(islice(each, len(group.params))))

    def _make(self, arguments: Mapping[str, Any]) -> None:
        """Do the work of a subclass's `__init__`, of which these are the ``locals()``."""
        given = {**self._rule.defaults, **arguments}
        Optimizer.__init__(
            self,
            given["params"],
            **{name: given[name] for name in self._rule.hyperparameters},
            **given["options"],
        )

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
        """How many steps were completed: what hyperparameters that are callables are called with.

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

    @property
    def seed(self) -> int:
        """Seed of stochastic rounding, that of the last state dictionary that was loaded."""
        return self._seed()

    @property
    def copies(self) -> tuple[Array | None, ...]:
        """For each parameter the array that gets it, None where there is none."""
        return tuple(self._copies())

    def add_param_group(self, group: Group, *, copies: Copies = None) -> None:
        """Add a group of parameters.

        Gradients are passed as one flat sequence from then on, or still as a mapping where all
        parameters have names.

        Parameters
        ----------
        group : mapping
            The arrays (one, a sequence, or a mapping of names) under ``"params"``, and the
            hyperparameters that differ from those that the optimizer was made with.
        copies : ndarray, sequence or mapping, optional
            The arrays that get the group's parameters, in their structure: see `Optimizer`.

        Raises
        ------
        TypeError, ValueError, KeyError
            As when an optimizer is made; it then stays as it was.
        """
        flat = flatten_group(group)
        stays_named = flat.names is not None and self._structure == "mapping"
        given: Structure = "sequence" if flat.names is None else "mapping"
        self._add_flat_group(
            flat,
            "mapping" if stays_named else "sequence",
            copies_of(copies, [flat], "array" if is_array(group["params"]) else given),
        )

    def rebind(self, params: Params) -> None:
        """Step other arrays from now on, in the place of the parameters.

        States, counts, hyperparameters and options stay, nothing of an array's size is allocated,
        and the former arrays are let go as they are. Copies that there are get the new arrays. It
        is for models that replace theirs: where weights were assigned, unpickled, or moved to other
        memory.

        Parameters
        ----------
        params : ndarray, sequence of ndarray, or mapping of str to ndarray
            The arrays, in the structure of gradients: one, a sequence with one for each parameter
            of all groups, or, where all have names, a mapping with each name. Each has the shape
            and dtype of the one whose place it takes, and any layout. States keep theirs: where the
            strides of an array and of its states differ, steps are slower.

        Raises
        ------
        TypeError, ValueError, KeyError
            When an array is refused, as when an optimizer is made, or does not fit; the optimizer
            then stays as it was.

        Examples
        --------
        >>> import numpy as np, instep
        >>> w = np.zeros(3)
        >>> optimizer = instep.SGD({"w": w}, lr=0.5, momentum=0.5)
        >>> optimizer.step({"w": np.ones(3)})
        >>> other = w.copy()
        >>> optimizer.rebind({"w": other})
        >>> optimizer.step({"w": np.zeros(3)})
        >>> other, w
        (array([-0.75, -0.75, -0.75]), array([-0.5, -0.5, -0.5]))
        """
        with self._turn():
            groups, structure = self._groups, self._structure
            names: list[str | None] = []
            for group in groups:
                names.extend(group.names or [None] * len(group.params))
            arrays = iter(as_arrays(in_place_of(params, names, structure), names, structure))
            self._rebind(groups, [tuple(islice(arrays, len(group.params))) for group in groups])

    def reset(self) -> None:
        """Begin anew: with states, counts and norms as before the first step.

        Parameters, hyperparameters and options stay as they are. Those that are callables are asked
        from 0 on again.

        Examples
        --------
        >>> import numpy as np, instep
        >>> w = np.zeros(3)
        >>> optimizer = instep.Adam(w, lr=0.5)
        >>> optimizer.step(np.ones(3))
        >>> optimizer.reset()
        >>> optimizer.steps, optimizer.lr, w.round(6)
        (0, 0.5, array([-0.5, -0.5, -0.5]))
        """
        with self._turn():
            groups = self._groups
            self._replace(
                [
                    # What belongs to the parameter stays with it.
                    self._rule.in_order(
                        initial | {k: v.copy() for k, v in states.items() if k == REST}
                    )
                    for initial, states in zip(
                        self._initial_states(), self._named_states(), strict=True
                    )
                ],
                [],
                _core.Progress(
                    steps=0,
                    param_steps=[0] * len(self._params()),
                    scalars=self._initial_scalars(),
                    train_mode=True,
                    skipped_steps=0,
                    last_grad_norm=None,
                    seed=self._seed(),
                ),
                self._new_hyperparameters(
                    [group._values for group in groups], [self._rule.not_asked for _ in groups]
                ),
            )

    def __repr__(self) -> str:
        groups = "\n".join(f"  group {k}: {group!r}" for k, group in enumerate(self._groups))
        stored = [f", {name}={value}" for name, value in self._storage.changed()]
        return f"{type(self).__name__}, {self._steps()} steps{''.join(stored)}\n{groups}"

    def _add_flat_group(
        self, group: FlatGroup, structure: Structure, copies: Sequence[AnyArray | None]
    ) -> None:
        if not group.params:
            raise ValueError("parameters: expected at least one array, got none")
        values = self._rule.check({**self._defaults, **group.options})
        self._add_group_with(group, structure, values, copies=copies)
