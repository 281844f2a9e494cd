"""A group of parameters with its hyperparameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, NoReturn, Self

from instep.hyperparameters import callables_of

if TYPE_CHECKING:
    from instep.parameters import Array


# Made by optimizers alone, so that nobody needs to know of what.
class ParamGroup(MutableMapping[str, Any]):  # numpydoc ignore=PR01
    """Hyperparameters of one group, by name, and its parameters under ``"params"``.

    A value can be set between steps; it is checked at once, and several that are set by `update`
    take effect together or not at all. Keys can be neither added nor deleted. A copy, also
    by ``pickle``, is a plain dictionary with the same keys.
    """

    __slots__ = ("_change", "_found", "_shown", "_values", "names", "params")

    # Replaced by the core in the same moment as its own numbers and arrays (`_set_hyperparameters`,
    # `_rebind`), and never changed: an interrupt finds both as they were or both as they are to be.
    _values: dict[str, Any]
    params: tuple[Array, ...]

    def __init__(
        self,
        change: Callable[[ParamGroup, Mapping[str, object]], None],
        params: list[Array],
        names: list[str] | None,
        values: dict[str, Any],
        shown: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._change = change
        self._shown = shown  # what there is to read of the optimizer, under names of its own
        self._values = values
        self._found = values, callables_of(values)
        self.params = tuple(params)
        self.names: list[str] | None = names

    def _callables(self) -> dict[str, Callable[[int], Any]]:
        """Return those of the values that are callables, which each step asks: found once."""
        if self._found[0] is not self._values:
            self._found = self._values, callables_of(self._values)
        return self._found[1]

    def __getitem__(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        return self.params if name == "params" else self._shown()[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def __delitem__(self, name: str) -> NoReturn:
        raise TypeError(f"{name!r}: a group's hyperparameters can be set but not deleted")

    def __iter__(self) -> Iterator[str]:
        yield "params"
        yield from self._values
        yield from self._shown()

    def __len__(self) -> int:
        return 1 + len(self._values) + len(self._shown())

    def update(self, /, *args: Any, **kwargs: Any) -> None:
        """Set several hyperparameters, all of them or, when one is refused, none.

        Parameters
        ----------
        *args, **kwargs
            As `dict.update` takes them.

        Raises
        ------
        TypeError, ValueError, KeyError
            When a value is refused; the group then stays as it was.
        """
        changes = dict(*args, **kwargs)
        for name in self._shown():
            if name in changes:
                raise ValueError(
                    f"{name}: it cannot be set; the optimizer's train() and eval() change it"
                )
        if changes:
            self._change(self, changes)

    def __ior__(self, other: Mapping[str, Any]) -> Self:
        self.update(other)
        return self

    # For copy and pickle: what belongs to no optimizer must not look as if to set its values did
    # something.
    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (dict(self),)

    def __repr__(self) -> str:
        values = {**self._values, **self._shown()}
        options = ", ".join(f"{name}={value!r}" for name, value in values.items())
        size = sum(param.size for param in self.params)
        return f"{len(self.params)} parameters, {size:,} elements: {options}"
