"""``instep study convex``: what Reddi, Kale & Kumar prove, and what their experiment shows."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import instep
from instep.schedules import InverseSquareRoot
from instep.study.convex import part
from instep.study.convex.effective_rates import GRADIENTS, drift, effective_rates
from instep.study.convex.experiment import Result, play_all
from instep.study.convex.online_linear import CHUNK, chunks, play
from instep.study.convex.theorem import arrival
from instep.study.convex.theorem import play_all as play_theorem
from instep.study.progress import Progress
from instep.study.report.iterations import logarithmic_marks

if TYPE_CHECKING:
    from instep.study.arrays import Doubles
    from instep.study.convex.online_linear import Course
    from instep.study.progress import Bar

SLOPES = (2.001, 2.1, 3.0, 10.0, 1000.0)
STEPS = 3 * 2000


@pytest.fixture(scope="module")
def bar() -> Bar:
    return Progress().bar("test", 1)


@pytest.fixture(scope="module")
def theorem() -> dict[str, Course]:
    return play_theorem(SLOPES, STEPS, Progress())


@pytest.fixture(scope="module")
def experiment() -> list[Result]:
    return play_all(0, 300, Progress())


class TestTheorem1:
    @pytest.mark.parametrize("title", ["Adam, uncorrected", "Adam"])
    def test_adam_is_at_exactly_1_before_every_large_gradient(
        self, theorem: dict[str, Course], title: str
    ) -> None:
        x = theorem[title].x[:, :, 0]
        assert np.array_equal(x[0::3], np.ones((STEPS // 3, len(SLOPES))))
        assert np.all(x[1::3] < 1.0)  # and has moved between

    def test_its_regret_is_at_least_that_of_staying_at_1(self, theorem: dict[str, Course]) -> None:
        after_triples = theorem["Adam, uncorrected"].regret[2::3, :, 0]
        limit = (2 * np.array(SLOPES) - 4) / 3
        assert np.all(after_triples >= limit)
        # What comes on top are steps of α/√t: their mean is below 2 α/√T times a small number.
        assert np.all(after_triples[-1] - limit < 5 / np.sqrt(STEPS))

    @pytest.mark.parametrize("slope", [3.0, 10.0, 1000.0])
    @pytest.mark.parametrize("title", ["AMSGrad", "Adagrad", "SGD", "Adam, β₂ = 0.999"])
    def test_the_others_go_to_the_best_point(
        self, theorem: dict[str, Course], title: str, slope: float
    ) -> None:
        index = SLOPES.index(slope)
        assert arrival(theorem[title], index) is not None
        assert theorem[title].final[index, 0] < -0.95

    def test_amsgrad_needs_long_where_the_slopes_nearly_cancel(
        self, theorem: dict[str, Course]
    ) -> None:
        assert arrival(theorem["AMSGrad"], SLOPES.index(2.001)) is None
        slow, fast = (arrival(theorem["AMSGrad"], SLOPES.index(slope)) for slope in (2.1, 3.0))
        assert slow is not None
        assert fast is not None
        assert slow > 10 * fast


class TestExperiment:
    @staticmethod
    def final(experiment: list[Result], title: str, rate: str, game: str = "periodic") -> Doubles:
        (found,) = (
            result
            for result in experiment
            if (result.title, result.rate, result.game) == (title, rate, game)
        )
        return found.final

    @pytest.mark.parametrize("title", ["Adam", "Adam, uncorrected", "RMSprop"])
    @pytest.mark.parametrize("rate", ["1/√t", "0.002"])
    def test_adam_and_rmsprop_go_to_the_worst_point(
        self, experiment: list[Result], title: str, rate: str
    ) -> None:
        assert self.final(experiment, title, rate)[0] > 0.95

    @pytest.mark.parametrize("rate", ["1/√t", "0.1/√t", "0.002"])
    def test_amsgrad_goes_the_other_way(self, experiment: list[Result], rate: str) -> None:
        assert self.final(experiment, "AMSGrad", rate)[0] < -0.03

    def test_chance_does_not_save_adam(self, experiment: list[Result]) -> None:
        adam, amsgrad = (
            self.final(experiment, title, "1/√t", "stochastic") for title in ("Adam", "AMSGrad")
        )
        assert np.median(adam) > 0.8
        assert np.median(amsgrad) < -0.2


class TestWhy:
    @pytest.mark.parametrize("beta2", [0.9, 0.99, 0.999])
    def test_amsgrads_effective_rate_never_grows(self, beta2: float) -> None:
        adam, amsgrad = effective_rates(np.tile(GRADIENTS, 20), beta2)
        assert np.all(np.diff(amsgrad) <= 0)
        assert np.any(np.diff(adam) > 0)
        assert np.all(amsgrad <= adam)

    def test_effective_rate_by_hand(self) -> None:
        adam, amsgrad = effective_rates(np.array([4.0, 0.0]), 0.75)
        assert adam.tolist() == pytest.approx([1 / 2, 1 / np.sqrt(2) / np.sqrt(3)], rel=1e-15)
        assert amsgrad.tolist() == pytest.approx([1 / 2, 1 / np.sqrt(2) / 2], rel=1e-15)

    @pytest.mark.parametrize(
        ("beta2", "amsgrad", "direction"),
        [
            (0.9, False, 1),
            (0.99, False, 1),
            (0.999, False, 1),
            (0.9999, False, -1),
            (0.9, True, -1),
            (0.9999, True, -1),
        ],
    )
    def test_direction_of_the_drift(self, beta2: float, amsgrad: bool, direction: int) -> None:
        assert np.sign(drift(0.9, beta2, amsgrad=amsgrad)) == direction

    @pytest.mark.parametrize("amsgrad", [False, True])
    def test_the_drift_is_that_of_a_long_run(self, amsgrad: bool) -> None:
        x = np.zeros(1)
        options = {"lr": 1.0, "betas": (0.9, 0.99), "eps": 0.0, "bias_correction": False}
        optimizer = instep.Adam(x, amsgrad=amsgrad, **options)  # type: ignore[arg-type]
        for gradient in np.tile(GRADIENTS, 40)[:, None]:
            optimizer.step(gradient)
        before = x[0]
        for gradient in GRADIENTS[:, None]:
            optimizer.step(gradient)
        assert drift(0.9, 0.99, amsgrad=amsgrad) == pytest.approx(x[0] - before, rel=1e-9)

    def test_sgd_like_drift_is_the_sum_of_the_gradients(self) -> None:
        # Equal squares: v is the same at every step, and the steps sum to −Σg/√v.
        period = np.array([2.0, 2.0, -2.0])
        assert drift(0.5, 0.75, period=period) == pytest.approx(-1.0, rel=1e-12)


class TestPlay:
    def test_regret_by_hand(self, bar: Bar) -> None:
        gradients = np.array([3.0, -1.0, -1.0]).reshape(3, 1, 1)
        course = play(
            instep.SGD, [{"lr": 0.5}], [gradients], np.array([1, 2, 3]), start=0.5, bar=bar
        )
        # Played 0.5, −1 (from 0.5 − 1.5), −0.5; paid 1.5, 1, 0.5; the best fixed point pays
        # −3, −2, −1.
        assert course.x[:, 0, 0].tolist() == [0.5, -1.0, -0.5]
        assert course.mean[:, 0, 0].tolist() == pytest.approx([0.5, -0.25, -1 / 3])
        assert course.regret[:, 0, 0].tolist() == pytest.approx([4.5, (2.5 + 2) / 2, (3 + 1) / 3])
        assert course.final[0, 0] == 0.0

    def test_sums_go_on_over_chunks(self, bar: Bar) -> None:
        steps = 2 * CHUNK + 100
        marks = logarithmic_marks(steps)
        whole = np.ones((steps, 1, 1))
        pieces = [whole[: len(iterations)] for iterations in chunks(steps)]
        assert len(pieces) == 3
        course = play(instep.SGD, [{"lr": 0.0}], pieces, marks, start=0.5, bar=bar)
        assert course.mean[:, 0, 0].tolist() == pytest.approx(np.full(len(marks), 0.5))
        assert course.regret[:, 0, 0].tolist() == pytest.approx(np.full(len(marks), 1.5))

    def test_groups_have_their_own_rates(self, bar: Bar) -> None:
        gradients = np.full((1, 1, 2), 1.0)
        groups: list[dict[str, Any]] = [{"lr": 0.25}, {"lr": InverseSquareRoot(0.5)}]
        course = play(instep.SGD, groups, [gradients], np.array([1]), start=0.0, bar=bar)
        assert course.final.tolist() == [[-0.25, -0.25], [-0.5, -0.5]]


class TestDeterminism:
    @staticmethod
    def numbers(seed: int) -> list[object]:
        return [
            (result.x.tolist(), result.regret.tolist(), result.final.tolist())
            for result in play_all(seed, 20, Progress())
        ]

    def test_same_seed_same_numbers(self) -> None:
        assert self.numbers(0) == self.numbers(0)

    def test_other_seed_other_numbers(self) -> None:
        assert self.numbers(0) != self.numbers(1)


def test_finds_all_three_things() -> None:
    findings = part.run(argparse.Namespace(seed=3, quick=True), Progress())
    assert [picture.name for picture in findings.pictures] == [
        *("experiment", "learning-rates", "effective-rates", "memory", "theorem")
    ]
    assert "Adam, uncorrected: at every one of them; Adam: at every one of them" in findings.text
