from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping, Sequence
from typing import Any, Literal, Self, TypedDict, final, type_check_only

import numpy as np
from numpy.typing import NDArray

from instep.dlpack import AnyArray

__version__: str

@type_check_only
class InstructionSets(TypedDict):
    built: list[str]
    supported: list[str]
    chosen: str

@type_check_only
class BuildConfig(TypedDict):
    compiler: str
    flags: str
    openmp: str
    isa: InstructionSets

def build_config() -> BuildConfig: ...
def as_ndarray(
    value: Any, role: str, name: str | None = None, position: int = -1
) -> NDArray[Any]: ...
def rules() -> dict[
    str,
    tuple[
        tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...], tuple[str, ...], bool
    ],
]: ...
def block_sums(
    grad: NDArray[Any],
    scale: float,
    bound: float,
    rescale: float,
    guarded: bool,
    flush_subnormals: bool,
) -> NDArray[np.float64]: ...
def max_threads() -> int: ...
def set_thread_cap(cap: int) -> None: ...
def set_grain(n_bytes: int) -> int: ...
def new_state(param: NDArray[Any], k: int, states: int, dtype: np.dtype[Any]) -> NDArray[Any]: ...

@final
class StepFunction:
    def __new__(
        cls,
        *,
        rule: str,
        arrays: Sequence[str],
        required: Collection[str],
        # Name, default, what converts a value, and the first and the last float that needs no
        # conversion; None of a flag.
        options: Sequence[tuple[str, float, Callable[[object], float], tuple[float, float] | None]],
        conditions: Sequence[str],
        switches: Mapping[str, str],
        by_chance: int,
        check_step: Callable[[object], int] | None,
        check_together: Callable[[Mapping[str, Any]], None] | None,
        check_conditions: Callable[
            [dict[str, Any]], tuple[float, Mapping[str, Any], Mapping[str, Any]]
        ],
        refuse: Callable[..., None],
    ) -> Self: ...
    def __call__(self, *args: Any, **kwargs: Any) -> None: ...
    def __get__(self, instance: Any, owner: type | None = None, /) -> Any: ...

class _Metaclass(type): ...  # pybind11's, of each of its classes

class Floor(metaclass=_Metaclass):
    def __init__(
        self, arrays: Sequence[NDArray[Any]], roots: int, read_before: int, threads: int
    ) -> None: ...
    @property
    def bytes(self) -> int: ...
    def run(self) -> None: ...

class RowGradient(metaclass=_Metaclass):
    def __init__(self, rows: AnyArray, values: AnyArray) -> None: ...
    @property
    def rows(self) -> NDArray[Any]: ...
    @property
    def values(self) -> NDArray[Any]: ...

class TensorWatch(metaclass=_Metaclass):
    def __init__(self, optimizer: Optimizer, place_of: Callable[[Any], object]) -> None: ...
    def add(
        self,
        param: Any,
        group: int,
        tensors: dict[str, Any],
        step: NDArray[Any] | None,
        counts: bool,
        count: int,
        scalars: list[NDArray[Any]],
        fresh: dict[str, Any],
        /,
    ) -> None: ...
    def holds(self, groups: Sequence[Mapping[str, Any]], states: Mapping[Any, Any], /) -> bool: ...
    def watch_options(self, options: Mapping[int, Mapping[str, object]], /) -> None: ...
    def has_options(self, groups: Sequence[Mapping[str, Any]], /) -> bool: ...
    def gradients(self) -> tuple[list[Any], list[int]]: ...
    def see_by_python(self, k: int, /) -> None: ...
    def stepped(self) -> list[Any]: ...
    def show_steps(self, states: MutableMapping[Any, Any], /) -> None: ...

class HeldTurn(metaclass=_Metaclass):
    def __init__(self, optimizer: Optimizer) -> None: ...
    def __enter__(self) -> None: ...
    def __exit__(self, *error: object) -> None: ...

class Progress(metaclass=_Metaclass):
    def __init__(
        self,
        *,
        steps: int,
        param_steps: Sequence[int],
        scalars: Sequence[Sequence[float]],
        train_mode: bool,
        skipped_steps: int,
        last_grad_norm: float | None,
        seed: int,
    ) -> None: ...

class Hyperparameters(metaclass=_Metaclass):
    def __init__(
        self,
        *,
        groups: Sequence[Any],
        values: Sequence[dict[str, Any]],
        options: Sequence[Sequence[float]],
        scheduled: Sequence[tuple[int, int]],
    ) -> None: ...

class NewGroup(metaclass=_Metaclass):
    def __init__(
        self,
        *,
        params: Sequence[NDArray[Any]],
        names: Sequence[str | None],
        states: Callable[[int], Sequence[NDArray[Any] | None]],
        copies: Sequence[AnyArray | None],
        numbers: Sequence[int],
        by_chance: int,
        options: Sequence[float],
        scalars: Sequence[float],
        groups: tuple[Any, ...],
        structure: str,
        scheduled: Sequence[tuple[int, int]],
    ) -> None: ...

class Optimizer(metaclass=_Metaclass):
    def __init__(self, rule: str, seed: int) -> None: ...
    def step(
        self,
        grads: AnyArray
        | RowGradient
        | Iterable[AnyArray | RowGradient | None]
        | Mapping[str, AnyArray | RowGradient | None]
        | None,
        *,
        grad_scale: float = 1.0,
    ) -> None: ...
    def _set_gradient_options(self, gradient_options: Mapping[str, Any]) -> None: ...
    def _add_group(self, group: NewGroup) -> None: ...
    def _rebind(
        self, groups: Sequence[Any], params: Sequence[tuple[NDArray[Any], ...]]
    ) -> None: ...
    def _exchange(self, train_mode: bool) -> None: ...
    def _set_hyperparameters(self, hyperparameters: Hyperparameters) -> None: ...
    def _replace(
        self,
        states: Sequence[Sequence[NDArray[Any] | None]],
        params: Sequence[NDArray[Any]],
        progress: Progress,
        hyperparameters: Hyperparameters,
    ) -> None: ...
    def _options(self) -> list[list[float]]: ...
    def _steps(self) -> int: ...
    def _seed(self) -> int: ...
    def _copies(self) -> list[NDArray[Any] | None]: ...
    def _param_steps(self) -> list[int]: ...
    def _scalars(self) -> list[list[float]]: ...
    def _train_mode(self) -> bool: ...
    def _set_first_indices(self, indices: Sequence[int]) -> None: ...
    def _set_progress(self, progress: Progress) -> None: ...
    def _states(self) -> list[list[NDArray[Any] | None]]: ...
    @property
    def _structure(self) -> Literal["array", "sequence", "mapping"]: ...
    @property
    def _skipped_steps(self) -> int: ...
    @property
    def _last_grad_norm(self) -> float | None: ...
