"""Directions are as long as the filters of the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from instep.study.loss_surface.filter_directions import (
    filter_lengths,
    move,
    normalise,
    random_direction,
)

if TYPE_CHECKING:
    from instep.study.arrays import Singles

SHAPES = {
    "conv.weight": (3, 3, 2, 4),
    "conv.bias": (4,),
    "dense.weight": (6, 5),
    "dense.bias": (5,),
}


def weights(seed: int = 0) -> dict[str, Singles]:
    generator = np.random.default_rng(seed)
    return {
        name: 3 * generator.standard_normal(shape, np.float32) for name, shape in SHAPES.items()
    }


def directions(seed: int = 1) -> tuple[dict[str, Singles], dict[str, Singles]]:
    raw = random_direction(weights(), np.random.default_rng(seed))
    return raw, normalise(raw, weights())


def test_each_filter_of_a_direction_is_as_long_as_that_of_the_weights() -> None:
    _, scaled = directions()
    for name, axes in {"conv.weight": (0, 1, 2), "dense.weight": (0,)}.items():
        np.testing.assert_allclose(
            np.linalg.norm(scaled[name].reshape(-1, SHAPES[name][-1]), axis=0),
            np.sqrt((weights()[name] ** 2).sum(axis=axes)),
            rtol=1e-6,
        )
        assert scaled[name].dtype == np.float32


def test_scaling_leaves_each_filter_its_direction() -> None:
    raw, scaled = directions()
    for name in ("conv.weight", "dense.weight"):
        ratios = (scaled[name] / raw[name]).reshape(-1, SHAPES[name][-1])
        np.testing.assert_allclose(ratios, ratios[[0] * len(ratios)], rtol=1e-5)
        assert (ratios > 0).all()


def test_biases_do_not_move() -> None:
    for direction in directions():
        for name in ("conv.bias", "dense.bias"):
            assert not direction[name].any()


def test_a_filter_of_zeros_does_not_move() -> None:
    own = weights()
    own["dense.weight"][:, 2] = 0
    raw, _ = directions()
    scaled = normalise(raw, own)
    assert not scaled["dense.weight"][:, 2].any()
    assert (filter_lengths(scaled["dense.weight"])[[0, 1, 3, 4]] > 0).all()


def test_directions_are_standard_normal_and_of_their_seed() -> None:
    large = {"weight": np.zeros((100, 100), np.float32)}
    one, again, other = (
        random_direction(large, np.random.default_rng(seed))["weight"] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    assert abs(one.mean()) < 0.05
    assert abs(one.std() - 1) < 0.05


def test_to_move_leaves_the_weights_themselves() -> None:
    own = weights()
    first, second = directions(1)[1], directions(2)[1]
    moved = move(own, (0.5, first), (-2.0, second))
    for name, array in weights().items():
        np.testing.assert_array_equal(own[name], array)
        np.testing.assert_allclose(
            moved[name], array + 0.5 * first[name] - 2.0 * second[name], rtol=1e-5, atol=1e-6
        )
