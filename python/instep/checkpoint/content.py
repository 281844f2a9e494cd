"""What a checkpoint holds: a text, its metadata, and arrays by name, whatever the format.

The arrays are ``state.<k>.<name>`` for the states of the k-th parameter and ``param.<k>`` for the
parameter itself, in C order. The metadata is a JSON object:

``format``, ``version``
    ``"instep checkpoint"`` and the version of the format.
``instep``
    The version of the library that wrote it; for people.
``class``, ``rule``
    The optimizer's class in this library and its rule.
``steps``, ``skipped_steps``, ``param_steps``
    The counts; the last a list, one for each parameter.
``scalars``
    For each parameter the numbers that it has beside its step count, by name, where the rule has
    such.
``seed``
    That of stochastic rounding; files of before there was one lack it.
``params``
    For each parameter its dtype's name and its shape; null for what `instep.Keyed` does not know.
``param_groups``
    For each group its hyperparameters, ``params``, the number of its parameters, and where they
    have names ``param_names``.
``dtypes``
    The name of each state's dtype; in files of before there were several, it is the parameter's.
``checksums``
    The CRC-32 of the bytes of each array.

A new key needs no new version, where readers of before refuse what they would misread by it: they
refuse arrays of 16 bits.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

from instep._core import __version__
from instep.checkpoint.format import Format, Opened, Sizes, as_bytes, parse_json, stored_order
from instep.numbers import check_count
from instep.parameters import everywhere
from instep.state_dict import as_mapping, labels, read_ids, read_state_dict
from instep.storage import stored_dtype, widens

if TYPE_CHECKING:
    from instep.param_group import ParamGroup
    from instep.parameters import Array
    from instep.rule import Rule

FORMAT = "instep checkpoint"
VERSION = 1

_STATE = re.compile(r"state\.(0|[1-9][0-9]{0,9})\.(?!step$)([a-z_][a-z0-9_]*)")
_PARAM = re.compile(r"param\.(0|[1-9][0-9]{0,9})")


class Kind(NamedTuple):
    """What must agree between the optimizer that was saved and the one that is loaded."""

    class_name: str
    """The library's class that it is, or that its class is derived from."""
    rule: str


class Snapshot(NamedTuple):
    """An optimizer at one moment, in arrays of the snapshot's own."""

    kind: Kind
    state_dict: dict[str, Any]
    skipped_steps: int
    described: list[tuple[str | None, tuple[int, ...] | None]]
    """Dtype and shape of each parameter, as far as they are known."""
    params: list[Array]
    """In C order; empty where they are not to be saved."""


class Expectation(NamedTuple):
    """What a checkpoint must fit: an optimizer whose arrays are looked at but not changed."""

    kind: Kind
    groups: Sequence[ParamGroup]
    states: list[dict[str, Array]]
    """Of each parameter, those that exist."""
    params: list[Array]
    rule: Rule


class Content(NamedTuple):
    """What was read and fits."""

    state_dict: dict[str, Any]
    params: list[Array]
    """Empty where they were not asked for."""
    skipped_steps: int
    described: list[Any]
    """Dtype and shape of each parameter, as the file says."""


class Checked(NamedTuple):
    """What a file says of itself, and fits."""

    metadata: Mapping[str, Any]
    places: list[int]
    """Of the parameters, in the file."""
    names: dict[str, tuple[int, str | None]]
    """For the name of each array its parameter, and its state or None."""
    arrays: dict[str, Array]
    """Arrays like those in the file, without memory of their size."""

    def wanted(self, *, params: bool) -> list[str]:
        """Return the names of the arrays that are to be read, or raise ValueError."""
        if params and any(f"param.{k}" not in self.names for k in self.places):
            raise ValueError(
                "expected parameters too, as params=True asks for; save with params=True"
            )
        return [name for name, (_, state) in self.names.items() if params or state is not None]

    def empty(self, name: str, shape: tuple[int, ...]) -> Array:
        """Return memory for some of the elements of an array, as they stand in the file."""
        return np.empty(shape, stored_order(self.arrays[name].dtype))


def encode(snapshot: Snapshot) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the metadata of a file, without its checksums, and the arrays."""
    states = snapshot.state_dict["state"]
    arrays = {
        f"state.{k}.{name}": states[k][name]
        for k in states
        for name in states[k]
        if isinstance(states[k][name], np.ndarray)
    }
    scalars = [
        {name: each for name, each in states[k].items() if isinstance(each, float)} for k in states
    ]
    groups = snapshot.state_dict["param_groups"]
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "instep": __version__,
        "class": snapshot.kind.class_name,
        "rule": snapshot.kind.rule,
        "steps": snapshot.state_dict["steps"],
        "seed": snapshot.state_dict["seed"],
        "skipped_steps": snapshot.skipped_steps,
        "param_steps": [states[k]["step"] for k in states],
        **({"scalars": scalars} if any(scalars) else {}),
        "params": snapshot.described,
        "param_groups": [{**group, "params": len(group["params"])} for group in groups],
        "dtypes": {name: array.dtype.name for name, array in arrays.items()},
    }
    arrays.update({f"param.{k}": param for k, param in enumerate(snapshot.params)})
    return metadata, arrays


def open_content(expected: Expectation, form: Format, file: IO[bytes]) -> tuple[Opened, Checked]:
    """Return what a file holds beside its arrays, and what it says of these.

    Nothing is allocated for the arrays before the metadata has shown that they fit. Raises
    TypeError, ValueError or KeyError when the content does not.
    """
    opened = form.open_file(file, sizes(expected))
    metadata = read_metadata(parse_json(opened.metadata), expected.kind)
    return opened, check_content(expected, metadata, _names_in(opened, metadata))


def check_content(
    expected: Expectation, metadata: Mapping[str, Any], names: Collection[str]
) -> Checked:
    """Return what metadata says of the arrays of these names.

    Raises TypeError, ValueError or KeyError when it does not fit.
    """
    _check_described(metadata, expected)
    return _check(metadata, names, expected)


def read_arrays(opened: Opened, checked: Checked, *, params: bool) -> Content:
    """Return what a file holds, or raise ValueError."""
    arrays = {}
    for name in checked.wanted(params=params):
        arrays[name] = checked.empty(name, checked.arrays[name].shape)
        read_array(opened, checked, name, [as_bytes(arrays[name])])
    return content_of(checked, arrays)


def read_array(opened: Opened, checked: Checked, name: str, buffers: Iterable[memoryview]) -> None:
    """Fill one buffer after another with an array, or raise ValueError.

    When one is asked for, the one before it is full.
    """
    checksum = 0

    def filled() -> Iterator[memoryview]:
        nonlocal checksum
        for buffer in buffers:
            yield buffer
            checksum = zlib.crc32(buffer, checksum)

    opened.read(name, checked.arrays[name], filled())
    if checksum != checked.metadata["checksums"][name]:
        raise ValueError(f"the checksum of {name} is wrong, the file is damaged")


def content_of(checked: Checked, arrays: Mapping[str, Array]) -> Content:
    """Return what was read, of which these are the arrays."""
    metadata, places, names, _ = checked
    native = {
        name: array.astype(array.dtype.newbyteorder("="), copy=False)
        for name, array in arrays.items()
    }
    params = [native[f"param.{place}"] for place in places if f"param.{place}" in native]
    return Content(
        _state_dict(metadata, {name: names[name] for name in native}, native),
        params,
        check_count("skipped_steps", _get(metadata, "skipped_steps")),
        metadata["params"],
    )


def read_described(
    kind: Kind, expect: Callable[[Mapping[str, Any]], Expectation], form: Format, file: IO[bytes]
) -> Content:
    """Return what a file holds whose parameters nobody knows but the file, without their values.

    `expect` makes the expectation from the metadata. No more is allocated for the arrays than the
    file has bytes. Raises TypeError, ValueError or KeyError when the content does not fit.
    """
    size = file.seek(0, 2)
    opened = form.open_file(file, Sizes(size, size))
    metadata = read_metadata(parse_json(opened.metadata), kind)
    expected = expect(metadata)
    checked = _check(metadata, _names_in(opened, metadata), expected)
    if sum(array.nbytes for array in checked.arrays.values()) > size:
        raise ValueError(f"the file has {size:,} bytes, fewer than the arrays that it describes")
    return read_arrays(opened, checked, params=False)


def read_metadata(parsed: object, kind: Kind) -> Mapping[str, Any]:
    """Return the metadata of an optimizer of a kind, or raise TypeError, ValueError or KeyError."""
    metadata = as_mapping(parsed, "metadata")
    _check_kind(metadata, kind)
    return metadata


def _names_in(opened: Opened, metadata: Mapping[str, Any]) -> Collection[str]:
    """Return the names of a file's arrays, which are those that have a checksum."""
    checksums = as_mapping(_get(metadata, "checksums"), "checksums")
    if set(opened.names) != checksums.keys():
        odd = sorted(set(opened.names) ^ checksums.keys())
        raise ValueError(f"expected the arrays that the metadata names, but they differ by {odd}")
    return checksums.keys()


def _check(metadata: Mapping[str, Any], found: Collection[str], expected: Expectation) -> Checked:
    """Raise for the reasons that a dictionary is refused."""
    places = _places(metadata, expected)
    shapes = {
        (k, name): array.shape
        for k, states, param in zip(places, expected.states, expected.params, strict=True)
        for name, array in (*states.items(), (None, param))
    }
    names = _names(found, len(places))
    dtypes = as_mapping(metadata.get("dtypes", {}), "dtypes")
    arrays = {
        name: everywhere(
            0.0,
            shapes.get(place, shapes[place[0], None]),
            stored_dtype(dtypes.get(name, metadata["params"][place[0]][0])),
        )
        for name, place in names.items()
    }
    read_state_dict(
        _state_dict(metadata, names, arrays), expected.groups, expected.states, expected.rule
    )
    return Checked(metadata, places, names, arrays)


def sizes(expected: Expectation) -> Sizes:
    """Return what such a checkpoint has at most, with room for what may be added."""
    groups, params = expected.groups, expected.params
    per_param = 1 + len(expected.rule.states)
    names = sum(len(name) for group in groups for name in group.names or ())
    axes = sum(param.ndim for param in params)
    # A character of a name takes up to 12 in JSON, a position on an axis up to 20.
    metadata = 2**20 + 4096 * len(groups) + 256 * per_param * len(params) + 12 * names + 20 * axes
    # A state has its parameter's type or float32, or fewer bits; a rest lies in what these spare.
    data = per_param * sum(param.size * max(param.itemsize, 4) for param in params)
    return Sizes(metadata, data + 4 * metadata)


def _check_kind(metadata: Mapping[str, Any], expected: Kind) -> None:
    if metadata.get("format") != FORMAT:
        raise ValueError(f"expected a checkpoint of instep, got {metadata.get('format')!r}")
    version = check_count("version", _get(metadata, "version"))
    if version > VERSION:
        raise ValueError(
            f"the file has version {version} of the format, this instep reads up to version "
            f"{VERSION}; install a newer one"
        )
    found = (metadata.get("class"), metadata.get("rule"))
    if found != expected:
        raise ValueError(
            f"expected a checkpoint of {expected.class_name} ({expected.rule}), "
            f"got {found[0]} ({found[1]})"
        )


def _places(metadata: Mapping[str, Any], expected: Expectation) -> list[int]:
    """Return the place in the file of each parameter, which is its position or found by its name.

    Raises TypeError, ValueError or KeyError when they do not fit.
    """
    described, params = _get(metadata, "params"), expected.params
    if not isinstance(described, list):
        raise TypeError(f"params: expected a list, got {type(described).__name__}")
    if len(described) != len(params):
        raise ValueError(f"expected {len(params)} parameters, got {len(described)}")
    return read_ids(_state_dict(metadata, {}, {}), expected.groups)


def _check_described(metadata: Mapping[str, Any], expected: Expectation) -> None:
    """Raise unless each parameter has the shape that is expected, and a dtype that widens to it."""
    places = _places(metadata, expected)
    for label, k, param in zip(labels(expected.groups), places, expected.params, strict=True):
        found, dtype_and_shape = metadata["params"][k], [param.dtype.name, list(param.shape)]
        if (
            not isinstance(found, list)
            or found[1:] != dtype_and_shape[1:]
            or not widens(found[0], param.dtype.name)
        ):
            raise ValueError(
                f"parameter {label}: expected dtype and shape {dtype_and_shape}, got {found}"
            )


def _names(names: Collection[str], count: int) -> dict[str, tuple[int, str | None]]:
    """Return for the name of each array its parameter, and its state or None."""
    places: dict[str, tuple[int, str | None]] = {}
    for name in names:
        if match := _STATE.fullmatch(name):
            places[name] = int(match[1]), match[2]
        elif match := _PARAM.fullmatch(name):
            places[name] = int(match[1]), None
        if name not in places or places[name][0] >= count:
            raise ValueError(f"expected arrays of {count} parameters, got {name!r}")
    return places


def _state_dict(
    metadata: Mapping[str, Any],
    places: Mapping[str, tuple[int, str | None]],
    arrays: Mapping[str, Array],
) -> dict[str, Any]:
    param_steps, groups = _get(metadata, "param_steps"), _get(metadata, "param_groups")
    if not isinstance(param_steps, list) or not isinstance(groups, list):
        raise TypeError("param_steps, param_groups: expected lists")
    if len(param_steps) != len(metadata["params"]):
        raise ValueError(f"param_steps: expected as many as parameters, got {len(param_steps)}")
    first = 0
    param_groups = []
    for group in groups:
        count = check_count("params of a group", as_mapping(group, "param_groups").get("params"))
        param_groups.append({**group, "params": range(first, first + count)})
        first += count
    state: dict[int, dict[str, Any]] = {k: {"step": step} for k, step in enumerate(param_steps)}
    scalars = metadata.get("scalars", [{}] * len(param_steps))
    if not isinstance(scalars, list) or len(scalars) != len(param_steps):
        raise ValueError("scalars: expected a list, of as many as there are parameters")
    for k, numbers in enumerate(scalars):
        state[k] |= {**as_mapping(numbers, "scalars"), **state[k]}
    for name, (k, state_name) in places.items():
        if state_name is not None:
            state[k][state_name] = arrays[name]
    seed = {"seed": metadata["seed"]} if "seed" in metadata else {}
    return {
        "state": state,
        "param_groups": param_groups,
        "steps": _get(metadata, "steps"),
        **seed,
    }


def _get(metadata: Mapping[str, Any], key: str) -> Any:
    if key not in metadata:
        raise KeyError(f"metadata: expected the key {key!r}")
    return metadata[key]
