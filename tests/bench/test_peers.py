"""The benchmark's peers: what each one offers, and that it steps as the reference does."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import instep
from instep.bench.arrays import DTYPES, LAYOUTS
from instep.bench.cases import Case
from instep.bench.contenders import Contender, NotOffered, Offer
from instep.bench.own import INSTEP, REFERENCE
from instep.bench.peers import PEERS, load
from instep.bench.rules import RULES, Rule
from tests.bench.made_up import RULE
from tests.processes import run_python, run_scenario

if TYPE_CHECKING:
    from collections.abc import Iterator

SGD_ALL = ("sgd", "sgd-momentum", "sgd-nesterov")
ADAM_ALL = ("adam", "adamw", "amsgrad")
RMSPROP_ALL = ("rmsprop", "rmsprop-momentum", "rmsprop-centered")
TAUGHT = (*SGD_ALL, *ADAM_ALL, *RMSPROP_ALL, "adagrad", "adadelta")

TORCH_ALL = (*TAUGHT, "adamax", "radam", "rprop", "adafactor")

CONTIGUOUS = ("contiguous",)
FLOAT32 = ("float32",)

AT_LEAST = {
    "numpy_out": {"numpy out=": Offer(TAUGHT)},
    "torch": {
        "torch drop-in": Offer(TORCH_ALL),
        "torch single": Offer(TORCH_ALL),
        "torch foreach": Offer([rule for rule in TORCH_ALL if rule != "sgd-nesterov"]),
        "torch fused": Offer((*SGD_ALL, *ADAM_ALL, "adagrad"), layouts=CONTIGUOUS),
    },
    "deepspeed": {"deepspeed": Offer(("adam", "adamw", "adagrad"), FLOAT32, CONTIGUOUS)},
    "optax": {"optax": Offer((*TAUGHT, "adabelief", "lars-adapted", "lamb"), layouts=CONTIGUOUS)},
    "pytorch_optimizer": {
        "pytorch_optimizer": Offer(("adabelief", "ftrl", "adan", "ademamix"), layouts=CONTIGUOUS)
    },
    "numba": {"numba": Offer(TAUGHT, layouts=("contiguous", "strided"))},
    "thinc": {"thinc": Offer(("sgd", "adam"), FLOAT32, CONTIGUOUS)},
    "sklearn": {"scikit-learn": Offer(("sgd-momentum", "sgd-nesterov", "adam"))},
}
"""What must not get lost. What a peer learns beyond it, and another peer, need no line here."""

SIZES = ((48,), (16, 80))
"""One array, and several."""

TELLING: dict[str, Any] = {
    "lr": 0.1,
    "betas": (0.8, 0.95, 0.9),
    "eps": 0.05,
    "alpha": 0.8,
    "rho": 0.8,
    "momentum": 0.7,
    "etas": (0.4, 1.5),
    "step_sizes": (0.02, 0.2),
    "weight_decay": 0.2,
}
"""Hyperparameters each of which shows in the result of a few steps."""

every_peer = pytest.mark.parametrize("peer", PEERS)
every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
every_dtype = pytest.mark.parametrize("dtype", DTYPES)
every_layout = pytest.mark.parametrize("layout", LAYOUTS)


@pytest.fixture(autouse=True)
def no_cap() -> Iterator[None]:
    yield
    instep.set_num_threads(None)


@functools.cache
def contenders(peer: str) -> list[Contender]:
    """Return the peer's contenders, or skip the test where its libraries are not installed."""
    loaded, skipped = load([peer])
    if peer in skipped:
        pytest.skip(skipped[peer])
    return loaded


def telling(rule: Rule, **more: Any) -> Rule:
    """Return `rule` with hyperparameters of `TELLING` for those that it uses."""
    used = {name: value for name, value in TELLING.items() if rule.hyperparameters.get(name)}
    if "betas" in used:
        used["betas"] = TELLING["betas"][: len(rule.hyperparameters["betas"])]
    if isinstance(rule.hyperparameters.get("eps"), tuple):
        used["eps"] = (TELLING["eps"], 1e-3)
    return dataclasses.replace(rule, options={**rule.options, **used, **more})


def assert_steps_as_the_reference(contender: Contender, case: Case) -> None:
    form = contender.offer.forms.get(case.rule.name, {})
    reference = REFERENCE.prepare(dataclasses.replace(case, rule=telling(case.rule, **form)))
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


@every_layout
@every_dtype
@every_rule
@every_peer
def test_steps_as_the_reference_or_says_that_it_cannot(
    peer: str, rule: Rule, dtype: str, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for contender in contenders(peer):
        if contender.offer.why_not(Case(rule, dtype, (48,), layout)) is None:
            for sizes in SIZES:
                for buffers in (1, 3):
                    case = Case(rule, dtype, sizes, layout, buffers)
                    assert_steps_as_the_reference(contender, case)
        else:
            with monkeypatch.context() as patch:
                patch.setattr(Case, "arrays", None)  # it has no reason to make any
                with pytest.raises(NotOffered, match=r"^[^A-Z]+$"):
                    contender.prepare(Case(rule, dtype, (48,), layout))


@pytest.mark.parametrize("peer", AT_LEAST)
def test_offers_what_it_has_been_taught(peer: str) -> None:
    offers = {contender.name: contender.offer for contender in contenders(peer)}
    for name, taught in AT_LEAST[peer].items():
        for rule, dtype, layout in itertools.product(RULES, DTYPES, LAYOUTS):
            case = Case(rule, dtype, (48,), layout)
            assert taught.why_not(case) or offers[name].why_not(case) is None


def test_an_offer_says_what_is_in_the_way() -> None:
    offer = Offer(
        ("sgd", "adam"),
        FLOAT32,
        ("rows",),
        other_layouts="rows alone",
        lacking={"adam": "loses its bits", "adamw": "loses its weights"},
    )
    for case, reason in {
        ("sgd", "float32", "rows"): None,
        ("sgd", "float32", "strided"): "rows alone",
        ("sgd", "float64", "rows"): "no float64",
        ("amsgrad", "float32", "rows"): "no such rule",
        ("adam", "float32", "rows"): "loses its bits",
        ("adamw", "float32", "rows"): "loses its weights",
    }.items():
        name, dtype, layout = case
        assert offer.why_not(Case(RULE[name], dtype, (48,), layout)) == reason


def test_deepspeed_leaves_out_adagrad_where_it_overwrites_the_gradient() -> None:
    (deepspeed,) = contenders("deepspeed")
    with pytest.raises(NotOffered, match="overwrites"):
        deepspeed.prepare(Case(RULE["adagrad"], "float32", (48, 10)))


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule.name in TAUGHT], ids=lambda rule: rule.name
)
def test_numba_steps_as_the_reference_on_several_threads(
    rule: Rule, monkeypatch: pytest.MonkeyPatch
) -> None:
    (numba,) = contenders("numba")
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
    contenders(peer)
    for module in list(sys.modules):
        if module.partition(".")[0] == library or module.startswith("instep.bench.peers."):
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    loaded, skipped = load([peer])
    assert loaded == []
    assert list(skipped) == [peer]
    assert re.fullmatch(rf"{library}(\.\w+)* is not installed", skipped[peer])


def test_one_missing_library_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "instep.bench.peers.thinc", raising=False)
    monkeypatch.setitem(sys.modules, "thinc.api", None)
    loaded, skipped = load(["thinc", "numpy_out"])
    assert [each.name for each in loaded] == ["numpy out="]
    assert list(skipped) == ["thinc"]


# What the process keeps


def some_case(contender: Contender, *sizes: int, threads: int | None = None) -> Case:
    """Return a case of a rule that the contender offers."""
    return Case(RULE[next(iter(contender.offer.rules))], "float32", sizes, threads=threads)


def arithmetic() -> bytes:
    """Return the bits of float32 results, normal and subnormal ones."""
    x = np.logspace(-45, 38, 999, dtype=np.float32)
    with np.errstate(all="ignore"):
        results = [x * np.float32(0.7), x / x[::-1], np.sqrt(x), x - x[::-1], x * x, np.exp(-x)]
    return b"".join(result.tobytes() for result in results)


def everyone_steps() -> None:
    before, threads = arithmetic(), instep.get_num_threads()
    for limit in (1, None, 1, None):
        everyone = (INSTEP, *load(PEERS)[0])
        cases = [some_case(each, 20_000, threads=limit) for each in everyone]
        for stepper in [each.prepare(case) for each, case in zip(everyone, cases, strict=True)]:
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


@every_peer
def test_more_threads_than_processors_are_no_error(peer: str) -> None:
    for contender in contenders(peer):
        contender.prepare(some_case(contender, 48, threads=1000))
        contender.prepare(some_case(contender, 48))


def optax_limits_its_pool() -> None:
    (optax,), _ = load(["optax"])
    for threads, expected in ((1, 1), (None, len(os.sched_getaffinity(0)))):
        before = pool_threads()
        optax.prepare(Case(RULE["adam"], "float32", (48,), threads=threads)).step()
        assert pool_threads() - before == expected


def pool_threads() -> int:
    names = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    return names.count("tf_XLAEigen")


@pytest.mark.skipif(sys.platform != "linux", reason="the pool's threads are told by their names")
def test_optax_limits_its_pool() -> None:
    contenders("optax")
    run_scenario(optax_limits_its_pool)
