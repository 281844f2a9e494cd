"""Which examples are trained on, in which order, and which are kept to test on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instep.study.sampling import batches, train_and_test


@pytest.mark.parametrize(("count", "tested"), [(2, 1), (4, 1), (5, 1), (10, 2), (1797, 359)])
def test_a_fifth_is_tested_on_and_never_trained_on(count: int, tested: int) -> None:
    train, test = train_and_test(count, np.random.default_rng(0))
    assert len(test) == tested
    assert sorted([*train, *test]) == list(range(count))


def test_the_split_is_drawn() -> None:
    first, other = (train_and_test(100, np.random.default_rng(seed))[1] for seed in (0, 1))
    assert first.tolist() != other.tolist()


@given(
    count=st.integers(1, 40), size=st.integers(1, 40), epochs=st.integers(1, 4), seed=st.integers(0)
)
def test_an_epoch_is_full_batches_of_different_examples(
    count: int, size: int, epochs: int, seed: int
) -> None:
    drawn = list(batches(count, size=size, epochs=epochs, seed=seed))
    assert len(drawn) == epochs
    for epoch in drawn:
        assert [len(batch) for batch in epoch] == [size] * (count // size)
        seen = {*np.concatenate(epoch).tolist()} if epoch else set()
        assert len(seen & {*range(count)}) == count // size * size


@pytest.mark.parametrize("seed", [3, (0, 0)])
def test_epochs_differ_and_seeds_repeat_them(seed: int | tuple[int, int]) -> None:
    (first,), (second,) = batches(50, size=50, epochs=2, seed=seed)
    assert first.tolist() != second.tolist()
    again = [batch.tolist() for (batch,) in batches(50, size=50, epochs=2, seed=seed)]
    assert again == [first.tolist(), second.tolist()]
