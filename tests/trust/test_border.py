"""What the core refuses of Python's own side, where a word or a count has not been checked."""

from __future__ import annotations

import numpy as np
import pytest

import instep
import instep._core as _core
import instep.gradient_options as gradient_options


def test_an_unknown_guard_is_refused() -> None:
    optimizer = instep.SGD(np.zeros(3), lr=1.0, nonfinite="skip")
    with pytest.raises(ValueError, match=r"nonfinite: expected .* got 'ignore'"):
        optimizer._set_gradient_options({**gradient_options.DEFAULTS, "nonfinite": "ignore"})
    assert optimizer.nonfinite == "skip"
    optimizer.step(np.full(3, np.nan))
    assert optimizer.skipped_steps == 1


def test_an_unknown_structure_is_refused() -> None:
    optimizer = instep.SGD(np.zeros(3), lr=1.0)
    group = _core.NewGroup(
        params=[np.zeros(2)],
        names=[None],
        states=[[None, None]].__getitem__,
        copies=[None],
        numbers=[1],
        by_chance=0,
        options=optimizer._options()[0],
        scalars=[],
        groups=(*optimizer.param_groups, *optimizer.param_groups),
        structure="tree",
        scheduled=[],
    )
    with pytest.raises(ValueError, match=r"structure: expected .* got 'tree'"):
        optimizer._add_group(group)
    assert len(optimizer.param_groups) == len(optimizer._states()) == 1


def test_a_number_for_each_option_that_is_scheduled_is_needed() -> None:
    w = np.zeros(3)
    optimizer = instep.SGD(w, lr=1.0)
    [group] = optimizer.param_groups
    for scheduled in ([(0, 0)], [(1, 0)]):
        optimizer._set_hyperparameters(
            _core.Hyperparameters(
                groups=[group],
                values=[dict(group._values)],
                options=optimizer._options(),
                scheduled=scheduled,
            )
        )
        with pytest.raises(RuntimeError):
            optimizer.step(np.ones(3))
        assert (w.tolist(), optimizer.steps) == ([0.0, 0.0, 0.0], 0)


def test_floors_of_16_bits_are_refused() -> None:
    """There are no such loops."""
    arrays = [np.zeros(8, np.float16) for _ in range(3)]
    with pytest.raises(TypeError, match="param: expected dtype float32 or float64"):
        _core.Floor(arrays, 0, 0, 1)
