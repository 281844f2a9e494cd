"""What is drawn and stored of a long curve: few iterations, both ends among them."""

from __future__ import annotations

import numpy as np
import pytest

from instep.study.report.iterations import from_the_start, logarithmic_marks


@pytest.mark.parametrize("first", [1, 2, 50])
def test_marks_go_from_the_first_to_the_last_evenly_in_their_logarithm(first: int) -> None:
    marks = logarithmic_marks(100_000, first=first)
    assert (marks[0], marks[-1]) == (first, 100_000)
    assert (np.diff(marks) > 0).all()
    assert len(marks) <= 400
    late = marks[marks > 1000]
    assert np.ptp(late[1:] / late[:-1]) < 2e-3


def test_no_mark_is_between_two_iterations() -> None:
    exact = np.geomspace(1, 1000, 7)
    assert logarithmic_marks(1000, 7).tolist() == np.rint(exact).tolist()
    assert logarithmic_marks(1000, 7, rounding=np.ceil).tolist() == np.ceil(exact).tolist()


def test_what_is_drawn_of_a_long_path_has_both_ends() -> None:
    rows = from_the_start(100_000)
    assert rows[0] == 0
    assert rows[-1] == 100_000
    assert (np.diff(rows) > 0).all()
    assert len(rows) <= 600
