"""What the combinations store, and how many bytes their steps move."""

from __future__ import annotations

import pytest

from instep.study.sixteen_bits.combinations import COMBINATIONS, Combination

BYTES = {
    ("", "float32"): 28,
    ("states", "bfloat16, nearest"): 20,
    ("states", "bfloat16, stochastic"): 20,
    ("states", "mean in float16, squares in bfloat16"): 20,
    ("states", "float16, stochastic"): 20,
    ("weights", "bfloat16, nearest"): 22,
    ("weights", "bfloat16, stochastic"): 22,
    ("weights", "bfloat16 with its master"): 26,
    ("weights", "float32 with a copy in bfloat16"): 28,
    ("weights and states", "all nearest"): 14,
    ("weights and states", "all stochastic"): 14,
    ("weights and states", "master, states stochastic"): 18,
}


def test_every_combination_has_a_row() -> None:
    assert [(each.subject, each.title) for each in COMBINATIONS] == list(BYTES)


@pytest.mark.parametrize(
    "combination", COMBINATIONS, ids=lambda each: f"{each.subject} {each.title}"
)
def test_what_a_step_reads_and_writes(combination: Combination) -> None:
    # Weights, masters' rests and states are read and written, gradients read, copies written.
    assert combination.bytes_per_element == BYTES[combination.subject, combination.title]
