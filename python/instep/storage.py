"""How an optimizer stores what it steps: in which types, and how it rounds to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, TypeVar, get_args

import numpy as np

from instep.gradient_options import GradientOptions
from instep.names import nearest
from instep.numbers import as_integer, check_integer

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

V = TypeVar("V")

Rounding: TypeAlias = Literal["nearest", "stochastic"]
StateDType: TypeAlias = "DTypeLike | Mapping[str, DTypeLike] | None"
StateRounding: TypeAlias = Rounding | Mapping[str, Rounding]

REST = "param_rest"
"""The state that a parameter with a master has, whatever the rule: what its 16 bits leave out."""

TO_NEAREST = frozenset({"max_exp_avg_sq"})
"""States that are never rounded stochastically: a maximum would collect what was rounded up."""

SQUARES = frozenset(
    {
        "acc_delta",
        "accumulator",
        "exp_avg_sq",
        "exp_avg_var",
        "max_exp_avg_sq",
        "square_avg",
        "sum",
        "variance",
    }
)
"""States that hold squares, which in float16 are 0 for small gradients."""

PARAM_SLOT = 4
"""Random bits are those of a slot: a state's is its place among those of the rule."""

SEED_END = 2**64

_STATES = ", alone or by the names of states"

STORED = ("float32", "float64", "float16", "bfloat16")
"""The names of the types of parameters."""

_NARROWER = {"float64": ("float32", "float16", "bfloat16"), "float32": ("float16", "bfloat16")}
"""The types of which each number is one of another type."""


class StorageOptions(TypedDict, total=False):
    """Keyword arguments of every optimizer, of torch's drop-ins too; see `instep.Optimizer`."""

    state_dtype: StateDType
    state_rounding: StateRounding
    param_rounding: Rounding | None
    master_weight_bits: Literal[32] | None
    seed: int


class OptimizerOptions(GradientOptions, StorageOptions, total=False):
    """Keyword arguments of every optimizer beside its hyperparameters; see `instep.Optimizer`."""

    copies: Any


DEFAULTS: StorageOptions = {
    "state_dtype": None,
    "state_rounding": "stochastic",
    "param_rounding": None,
    "master_weight_bits": None,
    "seed": 0,
}


class Storage:
    """The types in which an optimizer stores, and how it rounds to them.

    Parameters
    ----------
    states : collection of str
        The names that states may have, in the core's order.
    reduced : collection of str
        Those of them that have fewer numbers than their parameter: they are never of 16 bits, which
        would save nothing.
    state_dtype, state_rounding, param_rounding, master_weight_bits
        As in `StorageOptions`, not checked yet.
    """

    # No dataclass: to make one takes a millisecond of `import instep`.
    def __init__(
        self,
        states: Collection[str] = (),
        reduced: Collection[str] = (),
        *,
        state_dtype: StateDType = None,
        state_rounding: StateRounding = "stochastic",
        param_rounding: Rounding | None = None,
        master_weight_bits: Literal[32] | None = None,
    ) -> None:
        self.state_dtype: np.dtype[Any] | dict[str, np.dtype[Any] | None] | None = _check_dtypes(
            state_dtype, states
        )
        self._reduced = reduced
        if isinstance(self.state_dtype, Mapping):
            for name in reduced:
                asked = self.state_dtype.get(name)
                if asked is not None and asked.itemsize == 2:
                    raise ValueError(
                        f"state_dtype[{name!r}]: expected None or float32 for a state of one "
                        f"number a row or column, got {asked.name}"
                    )
        self.state_rounding: StateRounding = _check_roundings(state_rounding, states)
        self.param_rounding = check_param_rounding(param_rounding)
        if master_weight_bits is not None and as_integer(master_weight_bits) != 32:
            raise ValueError(f"master_weight_bits: expected 32 or None, got {master_weight_bits!r}")
        if master_weight_bits is not None and param_rounding is not None:
            raise ValueError(
                "param_rounding: expected None with master_weight_bits=32, as nothing of a "
                f"parameter with its master is lost, got {param_rounding!r}"
            )
        self.master_weight_bits = master_weight_bits
        self.by_chance: int = by_chance(self.state_rounding, param_rounding, states)
        """A bit for each slot whose 16 bits are rounded stochastically."""

    def __deepcopy__(self, _: object) -> Storage:
        return self  # it never changes

    def changed(self) -> list[tuple[str, Any]]:
        """Return the options that are not the defaults."""
        given = vars(self).items()
        return [(name, each) for name, each in given if each != DEFAULTS.get(name, each)]

    def dtype_of(self, state: str, param: np.dtype[Any]) -> np.dtype[Any]:
        """Return the type in which a state is stored, of a parameter of the type `param`."""
        working = np.dtype(np.float64 if param == np.float64 else np.float32)
        asked = self.state_dtype
        if isinstance(asked, Mapping):
            asked = asked.get(state)
        if state in self._reduced or working == np.float64:
            return working
        return working if asked is None else asked

    def has_rest(self, param: np.dtype[Any], label: str) -> bool:
        """Tell whether a parameter of a type keeps a master; `label` is what messages call it."""
        if self.master_weight_bits is None:
            return False
        if param == np.float16:
            raise ValueError(
                f"master_weight_bits: expected no parameters of float16, whose bits are no part of "
                f"a float32, got {label}; pass float32 parameters, and these as copies="
            )
        return is_bfloat16(param)


class HasStorage:
    """What shows how it stores: an optimizer."""

    _storage: Storage

    @property
    def state_dtype(self) -> np.dtype[Any] | Mapping[str, np.dtype[Any] | None] | None:
        """Type in which states are stored, for all of them or by name; None is the usual one."""
        return _read_only(self._storage.state_dtype)

    @property
    def state_rounding(self) -> StateRounding:
        """How states are rounded to 16 bits, all of them or by name."""
        return _read_only(self._storage.state_rounding)

    @property
    def param_rounding(self) -> Rounding | None:
        """How parameters of 16 bits are rounded; None is to nearest, or not at all by a master."""
        return self._storage.param_rounding

    @property
    def master_weight_bits(self) -> Literal[32] | None:
        """32 where parameters of bfloat16 keep their float32 masters."""
        return self._storage.master_weight_bits


def is_bfloat16(dtype: np.dtype[Any]) -> bool:
    """Tell whether a type is that of ``ml_dtypes``, of which NumPy knows no more than the name."""
    return dtype.kind == "V" and dtype.name == "bfloat16"


def widens(stored: str, dtype: str) -> bool:
    """Tell whether each number of a storage type is one of another; both by their names."""
    return stored == dtype or stored in _NARROWER.get(dtype, ())


def copy_of(array: NDArray[Any], order: Literal["C", "K"] = "C") -> NDArray[Any]:
    """Return a plain array of its own memory with the same values.

    As bits: NumPy 2.4 ends the process where it copies ml_dtypes' arrays and memory runs out.
    """
    bits = array.view(np.uint16) if is_bfloat16(array.dtype) else array
    return np.array(bits, order=order).view(array.dtype)


def stored_dtype(name: object) -> np.dtype[Any]:
    """Return the type of this name in which something may be stored, or raise ValueError.

    Raises ImportError for bfloat16 without its package.
    """
    if name not in (*STORED, "int16"):
        raise ValueError(f"expected a dtype among {', '.join(STORED)}, int16, got {name!r}")
    return bfloat16(str(name)) if name == "bfloat16" else np.dtype(str(name))


def bfloat16(what: str) -> np.dtype[Any]:
    """Return the type of ``ml_dtypes``; where there is none, `what` needs it."""
    try:
        import ml_dtypes
    except ImportError as error:
        raise ImportError(
            f"{what} needs the package ml_dtypes, pip install 'instep[bfloat16]'"
        ) from error
    dtype: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
    return dtype


def by_chance(
    state_rounding: StateRounding,
    param_rounding: Rounding | None,
    states: Collection[str],
) -> int:
    """Return a bit for each slot whose 16 bits are rounded stochastically."""
    bits = (param_rounding == "stochastic") << PARAM_SLOT
    for slot, state in enumerate(states):
        rounding = (
            state_rounding.get(state, "stochastic")
            if isinstance(state_rounding, Mapping)
            else state_rounding
        )
        bits |= (rounding == "stochastic" and state not in TO_NEAREST) << slot
    return bits


def check_param_rounding(value: object) -> Rounding | None:
    """Return how parameters are rounded, or raise ValueError."""
    return None if value is None else _check_rounding("param_rounding", value)


def check_seed(value: object) -> int:
    """Return the seed of random bits, or raise TypeError or ValueError."""
    return check_integer("seed", value, at_least=0, below=SEED_END)


def _check_rounding(name: str, value: object) -> Rounding:
    if not isinstance(value, str) or value not in get_args(Rounding):
        raise ValueError(f"{name}: expected 'nearest' or 'stochastic', got {value!r}")
    return value  # type: ignore[return-value]


def _check_names(name: str, mapping: Mapping[str, object], states: Collection[str]) -> None:
    for state in mapping:
        if state not in states:
            raise ValueError(
                f"{name}: expected the names of states, {', '.join(states)}, got "
                f"{state!r}{nearest(state, states)}"
            )


def _check_roundings(value: StateRounding, states: Collection[str]) -> StateRounding:
    if not isinstance(value, Mapping):
        return _check_rounding("state_rounding", value)
    _check_names("state_rounding", value, states)
    for state, rounding in value.items():
        _check_rounding(f"state_rounding[{state!r}]", rounding)
        if state in TO_NEAREST and rounding != "nearest":
            raise ValueError(
                f"state_rounding[{state!r}]: expected 'nearest', got {rounding!r}, by which a "
                "largest value so far would drift up"
            )
    return dict(value)


def _check_dtypes(
    value: StateDType, states: Collection[str]
) -> np.dtype[Any] | dict[str, np.dtype[Any] | None] | None:
    if isinstance(value, Mapping):
        _check_names("state_dtype", value, states)
        return {
            state: check_dtype(f"state_dtype[{state!r}]", each, _STATES)
            for state, each in value.items()
        }
    return check_dtype("state_dtype", value, _STATES)


def check_dtype(name: str, value: object, more: str = "") -> np.dtype[Any] | None:
    """Return the type in which something is stored, None for the usual one.

    Raises ValueError, or ImportError where it is bfloat16 without its package. `more` is what
    else messages say of what is expected.
    """
    if value is None:
        return None
    if isinstance(value, str) and value == "bfloat16":
        return bfloat16(f"{name}: bfloat16")
    try:
        dtype: np.dtype[Any] | None = np.dtype(value)  # type: ignore[call-overload]
    except TypeError:
        dtype = None
    if dtype is not None and (dtype in (np.float16, np.float32) or is_bfloat16(dtype)):
        return dtype
    raise ValueError(f"{name}: expected None, float16, bfloat16 or float32{more}, got {value!r}")


def _read_only(value: V) -> V | Mapping[Any, Any]:
    return MappingProxyType(value) if isinstance(value, dict) else value
