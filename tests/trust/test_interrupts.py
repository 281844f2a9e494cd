"""A KeyboardInterrupt between any two instructions: all of an operation happened, or nothing."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np
import pytest

import instep
from instep.two_points import TwoPointOptimizer
from tests.api.model import make, params_of, random_arrays
from tests.cases import Array
from tests.trust.made import (
    FORMATS,
    doubled,
    fingerprint,
    narrow_adam,
    odd_parameters,
    other_adam,
    other_narrow,
    saved_adam,
    saved_narrow,
    step_with,
    structured,
    with_two_points,
)

# Python closes what was open when the interrupt came, and says so.
files_are_left_to_python = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)

PACKAGE = str(Path(instep.__file__).parent)


def traced(call: Callable[[], Any], at: Callable[[FrameType], None]) -> None:
    """Call, and tell of each instruction in this library's own Python code before it is done."""

    def entered(frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        return inside

    def inside(frame: FrameType, event: str, _: Any) -> Any:
        if event == "opcode":
            at(frame)
        return inside

    before = sys.gettrace()
    sys.settrace(entered)
    try:
        call()
    finally:
        sys.settrace(before)


def moments(call: Callable[[], Any]) -> list[int]:
    """Return which instructions of a call to interrupt: each where it is met first and last."""
    seen: list[tuple[CodeType, int]] = []
    traced(call, lambda frame: seen.append((frame.f_code, frame.f_lasti)))
    first = {place: n for n, place in reversed(list(enumerate(seen)))}
    last = {place: n for n, place in enumerate(seen)}
    return sorted({*first.values(), *last.values()})


def interrupt(call: Callable[[], Any], moment: int) -> None:
    """Interrupt a call before the instruction that comes after so many."""
    to_come = itertools.count()

    def raise_at(_: FrameType) -> None:
        if next(to_come) == moment:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        traced(call, raise_at)


def outcome(optimizer: Any) -> str:
    """Return what an optimizer is, and what it is after the next step."""
    found = []
    for seed in (None, 31):
        if seed is not None:
            if isinstance(optimizer, TwoPointOptimizer):
                optimizer.train()
            grads = random_arrays(params_of(optimizer), seed)
            optimizer.step(structured(optimizer, grads))
        more = (optimizer._structure, optimizer._gradient_options, len(optimizer.param_groups))
        found.append((fingerprint(optimizer), more))
    return repr(found)


def fresh() -> Any:
    return make("Adam", [{"params": odd_parameters()[1:3]}, {"params": [np.ones(3)]}])


def stepped() -> Any:
    optimizer = fresh()
    step_with(optimizer, 0)
    return optimizer


def halving(step: int) -> float:
    return 0.5**step


def scheduled() -> Any:
    return make("SGD", odd_parameters(), lr=halving, momentum=0.5)


STATES = stepped().state_dict()
NARROW_STATES = other_narrow().state_dict()
GRADS = random_arrays(odd_parameters(), 4)

OPERATIONS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "lr": (stepped, lambda it: setattr(it, "lr", 0.25)),
    "clip_norm": (stepped, lambda it: setattr(it, "clip_norm", 0.25)),
    "update": (stepped, lambda it: it.param_groups[1].update(lr=0.25, eps=0.5)),
    "add_param_group": (other_adam, lambda it: it.add_param_group({"params": {"x": np.ones(2)}})),
    "rebind": (other_adam, lambda it: it.rebind(doubled(it))),
    "rebind of groups": (stepped, lambda it: it.rebind(doubled(it))),
    "reset": (stepped, lambda it: it.reset()),
    "eval": (with_two_points, lambda it: it.eval()),
    "step": (scheduled, lambda it: it.step(GRADS)),
    "state_dict": (stepped, lambda it: it.state_dict()),
    "load_state_dict": (fresh, lambda it: it.load_state_dict(STATES)),
    "repr": (stepped, repr),
    "add_param_group with copies": (
        other_narrow,
        lambda it: it.add_param_group({"params": [np.ones(2)]}, copies=[np.ones(2, np.float16)]),
    ),
    "rebind with copies": (other_narrow, lambda it: it.rebind(doubled(it))),
    "reset with a master": (other_narrow, lambda it: it.reset()),
    "load_state_dict of 16 bits": (
        lambda: narrow_adam(seed=3),
        lambda it: it.load_state_dict(NARROW_STATES),
    ),
}


def nothing() -> None:
    pass


def walk(
    prepare: Callable[[], Any],
    call: Callable[[Any], Any],
    check: Callable[[], None] = nothing,
    stride: int = 1,
    outcome: Callable[[Any], str] = outcome,
) -> None:
    """Interrupt a call at each of its instructions, or at each of so many."""
    before, changed = outcome(prepare()), prepare()
    call(changed)
    after, traced_one = outcome(changed), prepare()
    found = set()
    for moment in moments(lambda: call(traced_one))[::stride]:
        optimizer = prepare()
        interrupt(lambda optimizer=optimizer: call(optimizer), moment)  # type: ignore[misc]
        check()
        found.add(outcome(optimizer))
        assert found <= {before, after}, f"instruction {moment}"
    assert before in found


@pytest.mark.parametrize(("prepare", "call"), OPERATIONS.values(), ids=list(OPERATIONS))
def test_interrupts(prepare: Callable[[], Any], call: Callable[[Any], Any]) -> None:
    walk(prepare, call)


@pytest.mark.parametrize("steps", [0, 1])
def test_interrupts_of_keyed_steps(steps: int) -> None:
    """At a key's first step and at a later one, by another array and rate."""

    def prepare() -> tuple[instep.Keyed, Array]:
        keyed, w = instep.Keyed(instep.Adam, lr=0.5), np.zeros(3)
        for _ in range(steps):
            keyed.step("w", w, np.ones(3))
        return keyed, w.copy()

    walk(
        prepare,
        lambda it: it[0].step("w", it[1], np.ones(3), 0.25),
        outcome=lambda it: repr([it[0].state_dict(), it[1].tolist()]),
    )


@files_are_left_to_python
@pytest.mark.parametrize(
    ("saved", "other", "stride"),
    [(saved_adam, other_adam, 7), (saved_narrow, other_narrow, 29)],
    ids=["wide", "narrow"],
)
@pytest.mark.parametrize("suffix", FORMATS)
def test_interrupts_of_load(
    suffix: str,
    saved: Callable[[Path], Any],
    other: Callable[[], Any],
    stride: int,
    tmp_path: Path,
) -> None:
    path = tmp_path / f"run{suffix}"
    saved(path)
    walk(other, lambda it: it.load(path, params=True), stride=stride)


@files_are_left_to_python
@pytest.mark.parametrize("suffix", FORMATS)
def test_interrupts_of_save(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"run{suffix}"
    saved_adam(path)
    old = path.read_bytes()
    other_adam().save(path)
    new = path.read_bytes()

    def check() -> None:
        assert [each.name for each in tmp_path.iterdir()] == [path.name]
        assert path.read_bytes() in (old, new)
        path.write_bytes(old)

    walk(other_adam, lambda it: it.save(path), check, stride=2)
