"""The network, in interpreters of their own: JAX's threads do not go with the tests that fork."""

from __future__ import annotations

import math

import numpy as np

from instep.study.handwriting.data import LabelledImages
from tests.processes import run_scenario


def random_part(count: int, height: int, width: int) -> LabelledImages:
    generator = np.random.default_rng(0)
    images = generator.random((count, height, width, 1), np.float32)
    return LabelledImages(images, generator.integers(0, 10, count).astype(np.int32))


def takes_images_of_every_size() -> None:
    from instep.study.handwriting import network

    for height, width in ((1, 1), (3, 8), (8, 8)):
        weights = network.initial_weights(height, width, seed=0)
        part = random_part(6, height, width)
        loss, gradients = network.loss_and_gradients(weights, part.images, part.labels)
        assert math.isfinite(loss)
        assert list(gradients) == list(weights)
        for name, gradient in gradients.items():
            assert isinstance(gradient, np.ndarray), name
            assert gradient.shape == weights[name].shape, name
            assert gradient.dtype == np.float32, name
            # A view of JAX's memory, not a copy.
            assert not gradient.flags.owndata, name
            assert not gradient.flags.writeable, name


def gradients_are_slopes_of_the_loss() -> None:
    from instep.study.handwriting import network

    part = random_part(6, 8, 8)
    weights = network.initial_weights(8, 8, seed=0)
    _, gradients = network.loss_and_gradients(weights, part.images, part.labels)
    length = math.sqrt(sum(float((gradient**2).sum()) for gradient in gradients.values()))

    def loss_along_gradient(distance: float) -> float:
        moved = {
            name: weights[name] + np.float32(distance / length) * gradient
            for name, gradient in gradients.items()
        }
        return network.loss_and_gradients(moved, part.images, part.labels)[0]

    slope = (loss_along_gradient(1e-3) - loss_along_gradient(-1e-3)) / 2e-3
    assert math.isclose(slope, length, rel_tol=0.01), (slope, length)


def steps_in_place_are_seen_by_the_next_loss() -> None:
    from instep.study.handwriting import network

    part = random_part(6, 8, 8)
    weights = network.initial_weights(8, 8, seed=0)
    for name in ("dense2.weight", "dense2.bias"):
        network.loss_and_gradients(weights, part.images, part.labels)
        weights[name][...] = 0
    loss, _ = network.loss_and_gradients(weights, part.images, part.labels)
    assert math.isclose(loss, math.log(10), rel_tol=1e-6), loss


def accuracy_counts_every_image_once() -> None:
    from instep.study.handwriting import network

    part = random_part(network.PIECE + 5, 3, 3)
    weights = network.initial_weights(3, 3, seed=0)
    weights["dense2.weight"][...] = 0
    weights["dense2.bias"][7] = 1
    assert network.accuracy(weights, part) == np.mean(part.labels == 7)


def the_loss_of_a_part_is_the_mean_over_its_images() -> None:
    from instep.study.handwriting import network

    part = random_part(network.PIECE + 5, 3, 3)
    weights = network.initial_weights(3, 3, seed=0)
    whole, _ = network.loss_and_gradients(weights, part.images, part.labels)
    assert math.isclose(network.loss(weights, part), whole, rel_tol=1e-5)
    # The five of the last piece count five, not as much as the thousand before.
    few, _ = network.loss_and_gradients(weights, part.images[-5:], part.labels[-5:])
    assert not math.isclose(few, whole, rel_tol=1e-3)


def units_live_where_an_image_activates_them() -> None:
    from instep.study.handwriting import network

    part = random_part(network.PIECE + 1, 8, 8)
    part.images[:-1] = 0
    weights = network.initial_weights(8, 8, seed=0)
    for name in ("conv1", "conv2", "dense1"):
        weights[f"{name}.weight"] = np.abs(weights[f"{name}.weight"])
    assert network.live_units(weights, part) == (1.0, 1.0, 1.0)
    # One image of the last piece is enough; without it there is none.
    assert network.live_units(weights, part[:-1]) == (0.0, 0.0, 0.0)

    weights["conv2.bias"][:4] = -1e6
    assert network.live_units(weights, part) == (1.0, 1 - 4 / network.CHANNELS[1], 1.0)
    weights["dense1.bias"][:] = -1e6
    assert network.live_units(weights, part)[2] == 0
    _, gradients = network.loss_and_gradients(weights, part.images, part.labels)
    for name, gradient in gradients.items():
        # What the report says of dead layers: nothing gets through.
        assert gradient.any() == (name == "dense2.bias"), name


def the_seed_decides_the_weights() -> None:
    from instep.study.handwriting import network

    first, again, other = (network.initial_weights(8, 8, seed) for seed in (1, 1, 2))
    for name, weight in first.items():
        np.testing.assert_array_equal(weight, again[name])
        # Biases start at zero, whatever the seed.
        assert np.array_equal(weight, other[name]) == name.endswith("bias"), name


def test_takes_images_of_every_size() -> None:
    run_scenario(takes_images_of_every_size)


def test_gradients_are_slopes_of_the_loss() -> None:
    run_scenario(gradients_are_slopes_of_the_loss)


def test_steps_in_place_are_seen_by_the_next_loss() -> None:
    run_scenario(steps_in_place_are_seen_by_the_next_loss)


def test_accuracy_counts_every_image_once() -> None:
    run_scenario(accuracy_counts_every_image_once)


def test_the_loss_of_a_part_is_the_mean_over_its_images() -> None:
    run_scenario(the_loss_of_a_part_is_the_mean_over_its_images)


def test_units_live_where_an_image_activates_them() -> None:
    run_scenario(units_live_where_an_image_activates_them)


def test_the_seed_decides_the_weights() -> None:
    run_scenario(the_seed_decides_the_weights)
