"""The functions of two variables: gradients and minima are what they are said to be."""

from __future__ import annotations

import numpy as np
import pytest

from instep.study.landscapes.surfaces import (
    SURFACES,
    Surface,
    beale,
    himmelblau,
    rosenbrock,
    saddle,
)

each_surface = pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.name)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (rosenbrock(np.array(-1.2), np.array(1.0)), 2.2**2 + 100 * 0.44**2),
        (beale(np.array(0.0), np.array(5.0)), 1.5**2 + 2.25**2 + 2.625**2),
        (beale(np.array(1.0), np.array(2.0)), 2.5**2 + 5.25**2 + 9.625**2),
        (himmelblau(np.array(0.0), np.array(0.0)), 11**2 + 7**2),
        (himmelblau(np.array(1.0), np.array(2.0)), 8**2 + 2**2),
        (saddle(np.array(3.0), np.array(2.0)), 9 - 4 + 4),
    ],
)
def test_values_by_hand(value: np.ndarray, expected: float) -> None:
    assert value == pytest.approx(expected, rel=1e-14)


@each_surface
def test_gradients_are_slopes(surface: Surface) -> None:
    x, y = np.random.default_rng(0).uniform(-3, 3, (2, 100))
    step = 1e-30  # along the imaginary axis: nothing cancels
    slopes = (
        np.imag(surface.value(x + 1j * step, y)) / step,
        np.imag(surface.value(x, y + 1j * step)) / step,
    )
    for slope, component in zip(slopes, surface.gradient(x, y), strict=True):
        np.testing.assert_allclose(component, slope, rtol=1e-11, atol=1e-11)


@each_surface
def test_minima_are_minima(surface: Surface) -> None:
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    for x, y in surface.minima:
        assert surface.value(x, y) == pytest.approx(surface.lowest, abs=1e-25 + 1e-15)
        np.testing.assert_allclose(surface.gradient(x, y), 0, atol=1e-11)
        around = surface.value(x + 0.01 * np.cos(angles), y + 0.01 * np.sin(angles))
        assert (around > surface.lowest).all()


def test_himmelblau_has_four_minima() -> None:
    (surface,) = (surface for surface in SURFACES if surface.name == "himmelblau")
    known = [[3.0, 2.0], [-3.779310, -3.283186], [-2.805118, 3.131313], [3.584428, -1.848127]]
    np.testing.assert_allclose(surface.minima, known, atol=1e-6)


def test_the_second_valley_of_beale_sinks_to_a_value_above_0() -> None:
    # With y = 1 − t/x and x → −∞ the terms become cₖ − k t: least for t = Σ k cₖ / Σ k².
    c, k = np.array([1.5, 2.25, 2.625]), np.array([1, 2, 3])
    t = (k @ c) / (k @ k)
    limit = ((c - k * t) ** 2).sum()
    x = np.array([-(10.0**power) for power in range(1, 7)])
    values = beale(x, 1 - t / x)
    assert limit == pytest.approx(0.452, abs=5e-5)
    assert (values > limit).all()
    assert values[-1] == pytest.approx(limit, rel=1e-4)
