"""How it is measured: everyone in turn, nobody left out, nobody kept."""

from __future__ import annotations

import itertools
import weakref
from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from instep.bench import measure as module
from instep.bench.cases import Case
from instep.bench.contenders import Contender, NotOffered, Stepper
from instep.bench.measure import FEWEST_LONG_ROUNDS, FEWEST_ROUNDS, in_turn, measure
from tests.bench.made_up import case

CASE = case((10,))


def contender(name: str, step: Callable[[], object]) -> Contender:
    return Contender(name, lambda _: Stepper(step, list))


def test_everyone_is_due_as_often_as_given() -> None:
    times = {"a": 40, "b": 5, "c": 3, "d": 40}
    assert Counter(in_turn(times, Random(0))) == times


def test_who_is_due_less_often_is_due_evenly() -> None:
    order = list(in_turn({"often": 40, "seldom": 4}, Random(0)))
    places = [place for place, name in enumerate(order) if name == "seldom"]
    assert [place // 11 for place in places] == [0, 1, 2, 3]


def test_nobody_always_follows_the_same_other() -> None:
    order = list(in_turn(dict.fromkeys("abcd", 30), Random(0)))
    for start in range(0, len(order), 4):
        assert sorted(order[start : start + 4]) == ["a", "b", "c", "d"]
    pairs = {(one, other) for one, other in itertools.pairwise(order) if one != other}
    assert len(pairs) == 4 * 3
    assert order == list(in_turn(dict.fromkeys("abcd", 30), Random(0)))


def test_without_time_everyone_has_the_fewest_rounds() -> None:
    measurement = measure(CASE, [contender("a", int), contender("b", list)], 0)
    assert measurement.case is CASE
    for timings in measurement.timings.values():
        assert timings.rounds == FEWEST_ROUNDS
        assert timings.steps > 1
        assert 0 < timings.seconds.lower <= timings.seconds.median <= timings.seconds.upper


def test_long_steps_have_fewer_rounds_and_no_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONG", 0.0)
    monkeypatch.setattr(module, "SHORTEST_TIMING", 0.0)
    steps: list[None] = []
    measurement = measure(CASE, [contender("a", lambda: steps.append(None))], 0)
    assert measurement.timings["a"].rounds == FEWEST_LONG_ROUNDS
    # One that may compile, one that tells how long a step is.
    assert len(steps) == 2 + FEWEST_LONG_ROUNDS


def test_time_is_divided_equally(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        """Stands in for `time` and for `timeit`: steps take what they say."""

        def __init__(self, step: Callable[[], float]) -> None:
            self._step = step

        def timeit(self, steps: int) -> float:
            return steps * self._step()

    monkeypatch.setattr("timeit.Timer", Clock)
    monkeypatch.setattr("time.sleep", lambda _: None)
    field = [contender("fast", lambda: 1e-3), contender("slow", lambda: 50e-3)]
    timings = measure(CASE, field, 14.0).timings
    # Seven seconds each; 5 ms of settling, a step to warm up, a step.
    assert timings["fast"].rounds == pytest.approx(7 / 7e-3, rel=0.01)
    assert timings["slow"].rounds == pytest.approx(7 / 105e-3, rel=0.03)


def test_who_does_not_offer_the_step_is_left_out() -> None:
    def prepare(_: Case) -> Stepper:
        raise NotOffered("no such step")

    measurement = measure(CASE, [contender("a", int), Contender("b", prepare)], 0)
    assert list(measurement.timings) == ["a"]
    assert measurement.skipped == {"b": "no such step"}


def test_everything_is_prepared_anew_and_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    alive: list[int] = []
    kept: list[weakref.ref[object]] = []

    class Heavy:
        def step(self) -> None:
            pass

    def prepare(_: Case) -> Stepper:
        alive.append(sum(each() is not None for each in kept))
        heavy = Heavy()
        kept.append(weakref.ref(heavy))
        return Stepper(heavy.step, list)

    measure(CASE, [Contender("a", prepare)], 1e-9)
    assert alive == [0] * module.PLACEMENTS
    assert kept[-1]() is None


def test_a_large_case_is_prepared_once_and_its_cycles_are_freed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "LARGE", 0)
    kept: list[weakref.ref[object]] = []

    class Knot:
        def __init__(self) -> None:
            self.myself = self

        def step(self) -> None:
            pass

    def prepare(_: Case) -> Stepper:
        knot = Knot()
        kept.append(weakref.ref(knot))
        return Stepper(knot.step, list)

    monkeypatch.setattr("time.sleep", lambda _: None)
    measure(CASE, [Contender("a", prepare)], 1e-9)
    (only,) = kept
    assert only() is None
