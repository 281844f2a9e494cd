"""What stands in a report: tables, numbers, names in a row."""

from __future__ import annotations

import pytest

from instep.study.report.words import capitalised, listed, markdown_table, signed, significant


def test_a_table_is_markdown() -> None:
    assert markdown_table(("optimizer", "loss"), [("Adam", "0.5"), ("SGD", "1")]).splitlines() == [
        "| optimizer | loss |",
        "| --- | ---: |",
        "| Adam | 0.5 |",
        "| SGD | 1 |",
    ]


@pytest.mark.parametrize(
    ("number", "spelled"),
    [
        *((0.012345, "0.0123"), (1.0, "1.00"), (3e12, "3.00e+12"), (0.0, "0.00")),
        *((float("nan"), "nan"), (float("inf"), "inf"), (-2.5, "-2.50")),
    ],
)
def test_numbers_have_three_digits(number: float, spelled: str) -> None:
    assert significant(number) == spelled


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
)
def test_names_are_joined_as_a_sentence_does(names: list[str], text: str) -> None:
    assert listed(iter(names)) == text


@pytest.mark.parametrize(
    ("number", "spelled"),
    [(0.5, "+0.50"), (-0.5, "−0.50"), (0.0, "+0.00"), (-1234.5, "−1234.50")],
)
def test_a_sign_is_always_there_and_a_minus_is_one(number: float, spelled: str) -> None:
    assert signed(number, 2) == spelled


@pytest.mark.parametrize(("title", "start"), [("rare words", "Rare words"), ("A", "A"), ("", "")])
def test_only_the_first_letter_becomes_a_capital(title: str, start: str) -> None:
    assert capitalised(title) == start
