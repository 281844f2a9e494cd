"""FTRL's zeros are exact, and what is cut off Adagrad's weights is the smallest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import instep
from instep.study.progress import Progress
from instep.study.sparse.bags_of_words import Bags, SparseProblem, power_law
from instep.study.sparse.exact_zeros import STRENGTHS, Sparsity, largest, learn_sparsely
from instep.study.sparse.learning import Learner, learn, learn_stream, mean_loss

if TYPE_CHECKING:
    from instep.study.progress import Bar


@pytest.fixture(scope="module")
def bar() -> Bar:
    return Progress().bar("test", 1)


@pytest.fixture(scope="module")
def found(bar: Bar) -> Sparsity:
    problem = power_law("frequent words tell", np.random.default_rng(0), 1000, 200)
    return learn_sparsely(
        learn(problem, Learner("Adagrad", instep.Adagrad, range(-2, 0)), bar), bar
    )


def test_a_weight_is_0_up_to_an_l1_of_its_gradients_sum(bar: Bar) -> None:
    # The example's words are 1 (once) and 2 (twice): from weights of 0 the sums of their gradients
    # are −1/2 and −1, and so are their roots of squares.
    bags = Bags(np.array([[2, 1, 2]]), np.array([[1.0]]))
    problem = SparseProblem("one document", 4, bags, bags)
    groups = [
        {"lr": 1.0, "initial_accumulator_value": 0.0, "l1": strength}
        for strength in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    learned = learn_stream(problem, instep.FTRL, groups, bar)
    assert learned.weights[:, :, 0].tolist() == [
        [0, 1, 1, 0],
        [0, 0.5, 0.75, 0],
        [0, 0, 0.5, 0],
        [0, 0, 0.25, 0],
        [0, 0, 0, 0],
    ]


def test_without_l1_it_is_adagrad(found: Sparsity) -> None:
    assert found.from_adagrad < 1e-6
    assert found.online[0] == pytest.approx(found.adagrad.online.min(), rel=1e-6)
    assert found.cut[0] == pytest.approx(found.held_out[0], rel=1e-6)


def test_the_more_l1_the_fewer_weights(found: Sparsity) -> None:
    assert found.kept == sorted(found.kept, reverse=True)
    assert found.kept[0] > 10 * found.kept[-1]
    assert np.all(found.telling <= np.minimum(found.kept, 100))


def test_the_sparsest_costs_nearly_nothing_and_the_next_does(found: Sparsity) -> None:
    assert 0 < found.sparsest < len(STRENGTHS) - 1
    assert found.held_out[found.sparsest] <= 1.02 * found.held_out[0]
    assert np.all(found.held_out[found.sparsest + 1 :] > 1.02 * found.held_out[0])


def test_the_largest_weights_are_left(found: Sparsity) -> None:
    table = np.array([[3.0, -1.0], [0.5, -2.0]])
    left = [largest(table, count).tolist() for count in (0, 1, 3, 4)]
    assert left == [[[0, 0], [0, 0]], [[3, 0], [0, 0]], [[3, -1], [0, -2]], table.tolist()]
    trained = found.adagrad.weights[found.adagrad.best]
    cut = mean_loss(largest(trained, found.kept[3]), found.problem.held_out)
    assert found.cut[3] == cut
