"""The pictures: every line in every panel, and the same look everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.lines import Line2D

from instep.bench import roofline, scaling
from instep.bench.pictures import styles
from tests.bench.made_up import TABLE, case, measurement, results

SECONDS = {
    "instep": 1e-6,
    "numpy": 9e-6,
    "torch fused": 7e-6,
    "torch foreach": 8e-6,
    "traffic floor": 0.9e-6,
    "root floor": 0.8e-6,
}


def points(line: Line2D) -> np.ndarray[Any, Any]:
    """Return the line's points, one a row."""
    return np.asarray(line.get_xydata())


def test_times_have_a_panel_for_each_kind_and_a_line_for_each_contender() -> None:
    figure = roofline.draw(results(*TABLE))
    adam, sgd = figure.axes
    assert [each.get_title() for each in figure.axes] == [
        "adam, float32",
        "sgd, float64, 1 thread",
    ]
    for axes in figure.axes:
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    lines = {line.get_label(): points(line) for line in adam.get_lines()}
    assert lines == {
        "instep": pytest.approx(np.array([(10, 25), (1e6, 0.28)])),
        "numpy": pytest.approx(np.array([(10, 1250), (1e6, 2.8)])),
        "torch fused": pytest.approx(np.array([(10, 7503)])),
        "traffic floor": pytest.approx(np.array([(10, 5), (1e6, 0.25)])),
        "root floor": pytest.approx(np.array([(1e6, 0.28)])),
    }
    assert {line.get_label() for line in sgd.get_lines()} == {"instep", "torch fused"}
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(lines)
    assert "several arrays are left out" in figure.get_supxlabel()
    assert figure.get_supylabel() == "time of a step: ns per element"


def test_lines_run_from_small_to_large() -> None:
    given = [measurement(case((size,)), SECONDS) for size in (1000, 10, 100)]
    (axes,) = roofline.draw(results(*given)).axes
    for line in axes.get_lines():
        assert points(line)[:, 0].tolist() == [10, 100, 1000]


@pytest.mark.parametrize("kinds", [1, 2, 4, 11])
def test_any_number_of_panels(kinds: int) -> None:
    given = [measurement(case((10,), threads=n + 1), SECONDS) for n in range(kinds)]
    assert len(roofline.draw(results(*given)).axes) == kinds


def test_scaling_has_a_panel_for_the_largest_array_of_each_kind() -> None:
    given = [
        measurement(
            case((size,), rule, threads=threads),
            {name: each * size / (threads or 4) for name, each in SECONDS.items()},
        )
        for rule in ("sgd", "adam")
        for threads in (None, 1, 2)
        for size in (10, 1000)
    ]
    figure = scaling.draw(results(*given))
    assert [each.get_title() for each in figure.axes] == [
        "sgd, float32: 1,000",
        "adam, float32: 1,000",
    ]
    for axes in figure.axes:
        assert len(axes.get_lines()) == len(SECONDS) + 1
        for line in axes.get_lines():
            assert points(line) == pytest.approx(np.array([(1, 1), (2, 2), (4, 4)]))


def test_scaling_without_one_contender() -> None:
    given = [
        measurement(case((10,), threads=1), SECONDS),
        measurement(case((10,), threads=2), {"instep": 0.5e-6}),
        measurement(case((10,), "sgd", threads=1), {"instep": 1e-6}),
        measurement(case((10,), "sgd", threads=2), {"instep": 0.5e-6}),
    ]
    assert len(scaling.draw(results(*given)).axes) == 2


def test_no_two_contenders_look_alike() -> None:
    seconds = SECONDS | dict.fromkeys(
        ("numpy out=", "deepspeed", "optax jit", "numba", "thinc", "sklearn", "torch"), 1e-6
    )
    looks = styles([measurement(case((10,)), seconds)])
    assert next(iter(looks)) == "instep"
    assert list(looks)[-2:] == ["traffic floor", "root floor"]
    keys = ("color", "marker", "linestyle")
    assert len({tuple(look.get(key) for key in keys) for look in looks.values()}) == len(seconds)
    assert looks["torch"]["color"] == looks["torch fused"]["color"]


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_pictures_can_be_written(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"picture.{suffix}"
    roofline.draw(results(*TABLE)).savefig(path)
    assert path.stat().st_size > 1000
