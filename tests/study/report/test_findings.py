"""What a part hands in: rows of numbers."""

from __future__ import annotations

import numpy as np
import pytest

from instep.study.report.findings import Curves


def test_curves_are_rows_one_after_another() -> None:
    curves = Curves("name", "optimizer", "x", "y")
    curves.add("Adam", np.arange(2), np.array([0.5, 0.25]))
    curves.add("SGD", 7, 1.5)
    assert list(curves.rows()) == [("Adam", 0, 0.5), ("Adam", 1, 0.25), ("SGD", 7, 1.5)]
    # Python's own numbers, which csv spells to the last bit.
    assert {type(value) for row in curves.rows() for value in row} == {str, int, float}


@pytest.mark.parametrize("values", [("Adam", [1, 2]), ("Adam", [1, 2], [1, 2], [1, 2])])
def test_a_value_for_each_column_is_needed(values: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match="name: expected 3 columns"):
        Curves("name", "optimizer", "x", "y").add(*values)


def test_columns_have_one_length() -> None:
    with pytest.raises(ValueError, match="broadcast"):
        Curves("name", "x", "y").add([1, 2], [1, 2, 3])
