"""The benchmark's peers: what each one offers, and that it steps as the reference does."""

from __future__ import annotations

import dataclasses
import functools
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import instep
from instep.bench.arrays import DTYPES, LAYOUTS
from instep.bench.cases import Case
from instep.bench.contenders import Contender, NotOffered
from instep.bench.own import INSTEP, REFERENCE
from instep.bench.peers import PEERS, load
from instep.bench.rules import RULES, Rule
from tests.processes import run_python, run_scenario

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

ADAM = next(rule for rule in RULES if rule.name == "adam")
ALL_RULES = frozenset(
    {
        *("sgd", "sgd-momentum", "sgd-nesterov", "adam", "adamw", "amsgrad"),
        *("rmsprop", "rmsprop-momentum", "rmsprop-centered", "adagrad", "adadelta"),
    }
)
"""What a contender steps that has them all; a new rule is not among them until it is taught."""

CONTIGUOUS = frozenset({"contiguous"})
FLOAT32 = frozenset({"float32"})

SIZES = ((48,), (16, 80))
"""One array, and several."""


@dataclass(frozen=True)
class Offer:
    """The cases that a contender takes part in."""

    rules: AbstractSet[str]
    dtypes: AbstractSet[str] = frozenset(DTYPES)
    layouts: AbstractSet[str] = frozenset(LAYOUTS)

    def __contains__(self, case: Case) -> bool:
        return (
            case.rule.name in self.rules
            and case.dtype in self.dtypes
            and case.layout in self.layouts
        )


OFFERS = {
    "numpy out=": Offer(ALL_RULES),
    "torch single": Offer(ALL_RULES),
    "torch foreach": Offer(ALL_RULES - {"sgd-nesterov"}),
    "torch fused": Offer(
        {"sgd", "sgd-momentum", "sgd-nesterov", "adam", "adamw", "amsgrad", "adagrad"},
        layouts=CONTIGUOUS,
    ),
    "deepspeed": Offer({"adam", "adamw", "adagrad"}, FLOAT32, CONTIGUOUS),
    "optax": Offer(ALL_RULES, layouts=CONTIGUOUS),
    "numba": Offer(ALL_RULES, layouts={"contiguous", "strided"}),
    "thinc": Offer({"sgd", "adam"}, FLOAT32, CONTIGUOUS),
    "scikit-learn": Offer({"sgd-momentum", "sgd-nesterov", "adam"}),
}

EPS_ELSEWHERE: dict[tuple[str, str], dict[str, Any]] = {
    ("optax", "amsgrad"): {"eps_hat": True},
    ("optax", "adagrad"): {"eps_inside_sqrt": True},
    ("thinc", "adam"): {"eps_hat": True},
    ("scikit-learn", "adam"): {"eps_hat": True},
}
"""Where a contender's rule has another place for eps: the option that puts it there."""

TELLING = {
    "lr": 0.1,
    "betas": (0.8, 0.95),
    "eps": 0.05,
    "alpha": 0.8,
    "rho": 0.8,
    "momentum": 0.7,
    "weight_decay": 0.2,
}
"""Hyperparameters each of which shows in the result of a few steps."""

every_contender = pytest.mark.parametrize("name", OFFERS)
every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)
every_layout = pytest.mark.parametrize("layout", LAYOUTS)


@pytest.fixture(autouse=True)
def no_cap() -> Iterator[None]:
    yield
    instep.set_num_threads(None)


@functools.cache
def installed() -> tuple[dict[str, Contender], dict[str, str]]:
    contenders, skipped = load(PEERS)
    return {contender.name: contender for contender in contenders}, skipped


def contender(name: str) -> Contender:
    contenders, skipped = installed()
    if name not in contenders:
        pytest.skip(f"{name}: {', '.join(skipped.values())}")
    return contenders[name]


def telling(rule: Rule, **more: Any) -> Rule:
    """Return `rule` with hyperparameters of `TELLING` for those that it uses."""
    used = {name: value for name, value in TELLING.items() if rule.hyperparameters.get(name)}
    return dataclasses.replace(rule, options={**rule.options, **used, **more})


def assert_steps_as_the_reference(contender: Contender, case: Case) -> None:
    elsewhere = EPS_ELSEWHERE.get((contender.name, case.rule.name), {})
    reference = REFERENCE.prepare(dataclasses.replace(case, rule=telling(case.rule, **elsewhere)))
    stepper = contender.prepare(dataclasses.replace(case, rule=telling(case.rule)))
    for _ in range(5):
        stepper.step()
        reference.step()
    expected = reference.params()
    actual = stepper.params()
    assert [(array.dtype, array.size) for array in actual] == [
        (array.dtype, array.size) for array in expected
    ]
    tolerance = 2e-6 if case.dtype == "float32" else 1e-13
    for ours, theirs in zip(actual, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


# What is offered


def test_every_contender_is_in_the_table() -> None:
    contenders, skipped = installed()
    assert contenders.keys() <= OFFERS.keys()
    if not skipped:
        assert list(contenders) == list(OFFERS)


@every_layout
@every_dtype
@every_rule
@every_contender
def test_steps_as_the_reference_or_says_that_it_cannot(
    name: str, rule: Rule, dtype: str, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = contender(name)
    if Case(rule, dtype, (48,), layout) in OFFERS[name]:
        for sizes in SIZES:
            for buffers in (1, 3):
                assert_steps_as_the_reference(peer, Case(rule, dtype, sizes, layout, buffers))
    else:
        monkeypatch.setattr(Case, "arrays", None)  # it has no reason to make any
        with pytest.raises(NotOffered, match=r"^[^A-Z]+$"):
            peer.prepare(Case(rule, dtype, (48,), layout))


def test_deepspeed_leaves_out_adagrad_where_it_overwrites_the_gradient() -> None:
    (adagrad,) = (rule for rule in RULES if rule.name == "adagrad")
    with pytest.raises(NotOffered, match="overwrites"):
        contender("deepspeed").prepare(Case(adagrad, "float32", (48, 10)))


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule.name in ALL_RULES], ids=lambda rule: rule.name
)
def test_numba_steps_as_the_reference_on_several_threads(
    rule: Rule, monkeypatch: pytest.MonkeyPatch
) -> None:
    numba = contender("numba")
    monkeypatch.setattr("instep.bench.peers.numba._SEVERAL_THREADS", 1)
    assert_steps_as_the_reference(numba, Case(rule, "float32", (16, 80)))


# What is not installed


@pytest.mark.parametrize(
    ("peer", "library"),
    [(name, name) for name in PEERS if name != "numpy_out"] + [("deepspeed", "torch")],
)
def test_a_missing_library_is_named(
    peer: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if peer in installed()[1]:
        pytest.skip(installed()[1][peer])
    for module in list(sys.modules):
        if module.partition(".")[0] == library or module.startswith("instep.bench.peers."):
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    contenders, skipped = load([peer])
    assert contenders == []
    assert list(skipped) == [peer]
    assert re.fullmatch(rf"{library}(\.\w+)* is not installed", skipped[peer])


def test_one_missing_library_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "instep.bench.peers.thinc", raising=False)
    monkeypatch.setitem(sys.modules, "thinc.api", None)
    contenders, skipped = load(["thinc", "numpy_out"])
    assert [each.name for each in contenders] == ["numpy out="]
    assert list(skipped) == ["thinc"]


# What the process keeps


def arithmetic() -> bytes:
    """Return the bits of float32 results, normal and subnormal ones."""
    x = np.logspace(-45, 38, 999, dtype=np.float32)
    with np.errstate(all="ignore"):
        results = [x * np.float32(0.7), x / x[::-1], np.sqrt(x), x - x[::-1], x * x, np.exp(-x)]
    return b"".join(result.tobytes() for result in results)


def everyone_steps() -> None:
    before, threads = arithmetic(), instep.get_num_threads()
    for limit in (1, None, 1, None):
        case = Case(ADAM, "float32", (20_000,), threads=limit)
        for stepper in [each.prepare(case) for each in (INSTEP, *installed()[0].values())]:
            stepper.step()
        limited = [
            sys.modules[name] for name in ("instep", "torch", "numba") if name in sys.modules
        ]
        assert {each.get_num_threads() for each in limited} == {limit or threads}
    assert np.float32(1e-40) * np.float32(1) != 0
    assert arithmetic() == before


@pytest.mark.parametrize("threads", [None, "1"])
def test_floating_point_and_threads_stay_as_they_were(threads: str | None) -> None:
    call = f"from {__name__} import everyone_steps; everyone_steps()"
    result = run_python("-W", "error", "-c", call, environment={"OMP_NUM_THREADS": threads})
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


# Threads


@every_contender
def test_more_threads_than_processors_are_no_error(name: str) -> None:
    contender(name).prepare(Case(ADAM, "float32", (48,), threads=1000))
    contender(name).prepare(Case(ADAM, "float32", (48,)))


def optax_limits_its_pool() -> None:
    (optax,), _ = load(["optax"])
    for threads, expected in ((1, 1), (None, len(os.sched_getaffinity(0)))):
        before = pool_threads()
        optax.prepare(Case(ADAM, "float32", (48,), threads=threads)).step()
        assert pool_threads() - before == expected


def pool_threads() -> int:
    names = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    return names.count("tf_XLAEigen")


@pytest.mark.skipif(sys.platform != "linux", reason="the pool's threads are told by their names")
def test_optax_limits_its_pool() -> None:
    contender("optax")
    run_scenario(optax_limits_its_pool)
