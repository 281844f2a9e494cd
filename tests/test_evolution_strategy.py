"""The recipe of an evolution strategy reaches its aim, and does what its page says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from instep.schedules import CosineDecay
from tests.cases import Array
from tests.examples import names_of, needs_examples

pytestmark = needs_examples


def example(name: str) -> Any:
    return names_of("evolution_strategy.py")[name]


def bowl(candidates: Array) -> Array:
    score: Array = -np.sum((candidates - 1) ** 2 * np.arange(1, 6), axis=-1)
    return score


def evolved(
    objective: Callable[[Array], Any], generations: int, lr: Any = 0.1, **options: Any
) -> Array:
    mean = np.zeros(5)
    strategy = example("EvolutionStrategy")(mean, lr, **{"sigma": 0.1, "pairs": 8, **options})
    for _ in range(generations):
        strategy.step(objective)
    return mean


def test_the_pole_is_balanced(capsys: pytest.CaptureFixture[str]) -> None:
    untrained = example("steps_balanced")(np.zeros((1, 48)), np.zeros((1, 4)))
    assert untrained < 50
    assert example("main")() >= 475  # of 500
    assert "generation 60" in capsys.readouterr().out


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_comes_to_the_maximum(seed: int) -> None:
    mean = evolved(bowl, 300, CosineDecay(0.1, steps=300), seed=seed)
    assert bowl(mean) > -1e-3 > bowl(np.zeros(5))


def test_a_seed_decides_all() -> None:
    assert evolved(bowl, 10).tobytes() == evolved(bowl, 10).tobytes()
    assert evolved(bowl, 10).tobytes() != evolved(bowl, 10, seed=1).tobytes()


@pytest.mark.parametrize("rising", [np.arctan, np.exp, lambda scores: 1e6 * scores - 3])
def test_ranks_alone_decide(rising: Any) -> None:
    mean = evolved(lambda candidates: rising(bowl(candidates)), 10)
    assert mean.tobytes() == evolved(bowl, 10).tobytes()


def test_a_pair_that_does_as_well_on_both_sides_moves_nothing() -> None:
    mean = evolved(lambda candidates: -np.abs(candidates).max(axis=-1), 1)
    assert mean.tolist() == [0.0] * 5


@pytest.mark.parametrize(
    ("scores", "ranks"),
    [
        ([3.0, -9.0, 3.5], [0.0, -0.5, 0.5]),
        ([3, 3, 3], [0.0, 0.0, 0.0]),
        ([5, 0, 5, 0, 2], [0.375, -0.375, 0.375, -0.375, 0.0]),
    ],
)
def test_ranks_are_evenly_spaced_and_shared_by_ties(scores: Any, ranks: Any) -> None:
    assert example("ranked")(np.array(scores)).tolist() == ranks


def test_a_network_s_layers_are_views_of_its_weights() -> None:
    weights = np.arange(48.0)
    hidden, bias, output = example("layers")(weights)
    assert (hidden.shape, bias.shape, output.shape) == ((4, 8), (8,), (8,))
    weights += 1
    assert [*hidden.ravel(), *bias, *output] == weights.tolist()
