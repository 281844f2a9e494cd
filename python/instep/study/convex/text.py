"""What is told of the experiment, of the effective rates and of theorem 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from instep.study.convex import schedules, theorem
from instep.study.convex.effective_rates import BETA1, BETA2, crossing, drift
from instep.study.convex.experiment import DRAWN, PERIOD, PERIODIC, RUNS, STOCHASTIC
from instep.study.convex.theorem import SLOPES
from instep.study.report.words import listed, markdown_table, number, signed, spoken

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from instep.study.arrays import Doubles
    from instep.study.convex.experiment import Result
    from instep.study.convex.online_linear import Course
    from instep.study.convex.schedules import Training, Trainings
    from instep.study.report.iterations import Iterations

SOURCE = """\
S. J. Reddi, S. Kale, S. Kumar, "On the Convergence of Adam and Beyond", ICLR 2018: linear functions
of one number in [−1, 1] on which Adam does not find the better end."""


def describe_experiment(results: Sequence[Result], at: Iterations) -> str:
    """Return what was played and where it ended."""
    heads = ("optimizer", "learning rate", "x", "R_T/T", "x, stochastic", "range", "R_T/T")
    rows = []
    for one, many in zip(results[::2], results[1::2], strict=True):
        x, regret = np.median(many.final), np.median(many.regret[-1])
        rows.append(
            (
                *(one.title, one.rate, signed(one.final[0]), f"{one.regret[-1, 0]:.4f}"),
                signed(x),
                f"{signed(many.final.min())} to {signed(many.final.max())}",
                f"{regret:.4f}",
            )
        )
    return f"""\
### Their experiment

f_t(x) = 1010 x in every 101st iteration (t mod 101 = 1), else −10 x; or, stochastic, 1010 x with
probability 0.01, else −10 x ({RUNS} runs). x is projected on [−1, 1] and starts at 0. The slopes
sum to 10 in a period, and their mean is 0.2 where chance plays, so the best fixed point is −1 and
the worst +1. Whoever stays at +1 has an average regret of 20/101 = 0.198, stochastic 0.4.

β = (0.9, 0.99) as in the paper, no ε (the first gradients are not 0); RMSprop is Adam with β₁ = 0.
Adam has torch's bias correction; "uncorrected" is the paper's form, as is AMSGrad. Learning rates:
α/√t as in the paper's theory, and a constant. SGD's are a hundredth of those named, since nothing
divides its gradients by their root mean square of 101; Adagrad's are the constants 1 and 0.1, since
its sum of squares grows as t. The stochastic games' regret is that against −1, in expectation over
the gradient of each step: 0.2 (mean of x + 1). After {at[-1]:,} iterations (stochastic: median, and
range of x over the runs; the CSV file has {len(at)} ends of periods evenly spaced in log t, every
fourth of them for the stochastic runs):

{markdown_table(heads, rows)}

{_ends(results)} {_chances(results)} {_corrections(results, at)}"""


def _ends(results: Sequence[Result]) -> str:
    places: dict[str, list[str]] = {"at the worst end": [], "at the best end": [], "between": []}
    for result in results:
        if result.game == PERIODIC and result.title in DRAWN:
            x, who = float(result.final[0]), f"{result.title} ({result.rate})"
            if abs(x) > 0.9:
                places["at the worst end" if x > 0 else "at the best end"].append(who)
            else:
                places["between"].append(f"{who} at {signed(x)}")
    told = (f"{place}: {', '.join(who)}" for place, who in places.items() if who)
    return f"The periodic game ends {'; '.join(told)}."


def _chances(results: Sequence[Result]) -> str:
    """Tell how many runs of the stochastic game have arrived."""
    adam, amsgrad = (
        result.final
        for title in ("Adam", "AMSGrad")
        for result in results
        if (result.title, result.rate, result.game) == (title, "1/√t", STOCHASTIC)
    )
    return (
        f"Of the {RUNS} stochastic runs at 1/√t, {np.count_nonzero(adam > 0.9)} of Adam's end "
        f"above +0.9, and {np.count_nonzero(amsgrad < -0.9)} of AMSGrad's below −0.9; the farthest "
        f"of AMSGrad's from −1 is at {signed(amsgrad.max())}."
    )


def _corrections(results: Sequence[Result], at: Iterations) -> str:
    with_it, without = (
        [result for result in results if result.title == title]
        for title in ("Adam", "Adam, uncorrected")
    )
    early = late = 0.0
    for one, other in zip(with_it, without, strict=True):
        apart = np.abs(one.x - other.x)
        early = max(early, float(apart[at <= 1000].max()))
        late = max(late, float(np.abs(one.final - other.final).max()))
    return (
        "Adam with and without bias correction: the largest distance between their x is "
        f"{early:.2g} in the first thousand iterations and {late:.2g} at the end."
    )


def describe_why(
    rates: Mapping[str, Doubles], forget: Doubles, drifts: Mapping[str, Sequence[float]]
) -> str:
    """Return how the effective rates move, and where that leads x in a period."""
    seen = _rates_seen(rates["Adam"], rates["AMSGrad"]), _drifts_seen(forget, drifts)
    return "\n\n".join(("### Why", *seen))


def _rates_seen(adam: Doubles, amsgrad: Doubles) -> str:
    grows = float(np.mean(np.diff(adam) > 0))
    ever = int(np.count_nonzero(np.diff(amsgrad) > 0))
    spread = float(adam[-PERIOD:].max() / adam[-PERIOD:].min())
    return (
        "The effective rate α_t/√v_t multiplies the (averaged) gradient. On the online problem, "
        f"over {len(adam):,} iterations, Adam's is larger than the iteration before in "
        f"{grows:.1%} of them; in the last period its largest value is {spread:.2f} times its "
        "smallest, and the smallest falls on the large gradient and those right after it. "
        f"AMSGrad's rose in {ever} iterations."
    )


def _drifts_seen(forget: Doubles, drifts: Mapping[str, Sequence[float]]) -> str:
    crossings = "; ".join(
        f"{name} where β₂ is above about {1 - crossing(forget, np.array(drifts[title])):.5f}"
        for title, name in (("Adam", "with β₁ = 0.9"), ("RMSprop", "with β₁ = 0 (RMSprop)"))
    )
    return (
        "What decides is the sum of the steps in a period, once the moments repeat themselves, "
        "for a rate that stands still meanwhile: at β₂ = 0.99 Adam moves by "
        f"{drift(BETA1, BETA2):+.2f} α towards the worst point, RMSprop by "
        f"{drift(0.0, BETA2):+.2f} α, and AMSGrad by {-drift(BETA1, BETA2, amsgrad=True):.4f} α "
        "towards the best: AMSGrad goes the right way, and slowly. At Adam's default β₂ = 0.999 "
        f"the drift is {drift(BETA1, 0.999):+.3f} α. A memory that is long for the period turns "
        f"it round: {crossings}. But for any fixed β₁ < √β₂ there is such a problem "
        "(their theorem 2): a longer period, with a rarer and larger gradient."
    )


def describe_theorem(courses: Mapping[str, Course], steps: int) -> str:
    """Return what the theorem says and what came of it."""
    rows = []
    for index, slope in enumerate(SLOPES):
        for title, course in courses.items():
            times, of = theorem.returns(course, index)
            come = theorem.arrival(course, index)
            rows.append(
                (
                    *(title, f"{slope:g}", signed(course.final[index, 0], 4)),
                    f"{times:,} of {of:,}",
                    "never" if come is None else f"{come:,}",
                    *(f"{course.regret[-1, index, 0]:.4f}", f"{2 * (slope - 2) / 3:.4f}"),
                )
            )
    heads = ("optimizer", "C", "x", "x = 1 at t mod 3 = 1", "below −0.9 from", "R_T/T")
    table = markdown_table((*heads, "2 (C − 2) / 3"), rows)
    held = [
        f"{title}: {'at every one' if all(t == of for t, of in counts) else 'not at all'} of them"
        for title in ("Adam, uncorrected", "Adam")
        if (counts := [theorem.returns(courses[title], index) for index in range(len(SLOPES))])
    ]
    return f"""\
### Theorem 1

f_t(x) = C x where t mod 3 = 1, else −x, with C > 2; β₁ = 0, β₂ = 1/(1 + C²), α_t = α/√t with
α = 0.9 √(1 − β₂) (the theorem asks for less than √(1 − β₂)), from x₁ = 1, projected on [−1, 1]. The
theorem has neither bias correction nor ε: `bias_correction=False` and ε = 0, which the first
gradient, not 0, allows. It says that Adam stands at exactly 1 whenever the large gradient comes.
Three iterations then cost C from x = 1, and at least −2 from the two others; x = −1 costs 2 − C; so
the regret of three iterations is at least 2 C − 4, and tends to it as the steps shrink. After
{steps:,} iterations:

{table}

Exactly 1 (compared as numbers, not within a tolerance) where t mod 3 = 1: {"; ".join(held)}. The
same rule with a long memory, β₂ = 0.999, is none that the theorem speaks of: without β₁, and with
bias correction, it divides by about the root of the mean squared gradient, so with α/√t it is
nearly Adagrad (largest distance between their x: {theorem.distance_from_adagrad(courses):.1g}).
(Curves in the CSV file: {len(theorem.marks(steps))} iterations evenly spaced in log t.)"""


WIDE = 2.0
"""A rate whose loss is at most so many times the best's is a good one."""


def describe_schedules(trainings: Trainings) -> str:
    """Return how means fare against schedules."""
    steps = next(iter(next(iter(trainings.values()))))
    shorter = [steps // each for each in schedules.SHORTER]
    whole = {title: by_length[steps] for title, by_length in trainings.items()}
    heads = (
        *("optimizer", "best rate", *(f"after {length:,}" for length in (*shorter, steps))),
        *(f"ending at {length:,}" for length in shorter),
        f"rates of {len(schedules.RATES)} within {WIDE:g} times",
    )
    rows = [
        (
            title,
            f"{schedules.RATES[training.best]:.2g}",
            *(number(at(training, length)) for length in (*shorter, steps)),
            *(
                number(trainings[title][length].losses[:, -1].min())
                if length in trainings[title]
                else "–"
                for length in shorter
            ),
            str(good_rates(training)),
        )
        for title, training in whole.items()
    ]
    return f"""\
### Schedules, and means in their place

A rate that stays does not converge where gradients are noisy, and one that falls to 0 at the end
must know the end. A mean of the points needs neither (Polyak & Juditsky 1992), and schedule-free
optimizers take their gradients near such a mean (Defazio et al. 2024, "The Road Less Scheduled").
Minimised is the mean absolute error of a linear model with {schedules.WIDTH} features of variances
1/k, whose true outputs have noise of deviation {schedules.NOISE:g}; it is learned from a stream of
{steps:,} examples, one a step, each once, from 0, {schedules.DISTANCE:g} from the solution, whose
loss is known exactly. Rates: {schedules.RATES[0]:.2g} to {schedules.RATES[-1]:g}, each twice the
last; the best is that with the least loss at the end; losses are means over
{schedules.STREAMS} streams, the same for all. "SGD, schedule" has the rate/√t; "linear" and
"cosine" fall to 0 at the end; ASGD is the plain mean of all points of SGD at a constant rate; the
schedule-free ones have a constant rate and their default momenta. "Ending at": the least loss of
schedules that are made to end there, at the best rate for that.

{markdown_table(heads, rows)}

{_schedules_seen(trainings, whole, shorter)}"""


def good_rates(training: Training) -> int:
    """Return how many rates end nearly as low as the best."""
    ends = training.losses[:, -1]
    return int(np.count_nonzero(ends <= WIDE * ends.min()))


def at(training: Training, count: int) -> float:
    """Return the loss at the best rate, at the mark that is nearest to so many examples."""
    column = int(np.argmin(np.abs(training.marks - count)))
    return float(training.losses[training.best, column])


def _schedules_seen(
    trainings: Trainings, whole: Mapping[str, Training], shorter: Sequence[int]
) -> str:
    ends = {title: float(training.losses[:, -1].min()) for title, training in whole.items()}
    sentences = []
    for family in ("SGD", "Adam"):
        free = next(title for title in ends if title.startswith(f"ScheduleFree{family}"))
        times = listed(
            f"{ends[free] / ends[title]:.2f} times {spoken(title)}'s"
            for title in ends
            if title != free and (title.split(",")[0] == family or title == f"A{family}")
        )
        sentences.append(f"At the end the loss of {free} is {times}.")
    sentences.append(_on_the_way(trainings["SGD, cosine"], whole, shorter))
    wide = listed(
        f"{good_rates(training)} with {spoken(title)}" for title, training in whole.items()
    )
    sentences.append(f"Rates that end within {WIDE:g} times the best's loss: {wide}.")
    return " ".join(sentences)


def _on_the_way(
    cosines: Mapping[int, Training], whole: Mapping[str, Training], shorter: Sequence[int]
) -> str:
    def beside_schedule_free(losses: Sequence[float]) -> str:
        return listed(
            f"{loss / at(whole['ScheduleFreeSGD'], length):.2g} times after {length:,}"
            for length, loss in zip(shorter, losses, strict=True)
        )

    early = beside_schedule_free([at(whole["SGD, cosine"], length) for length in shorter])
    ended = beside_schedule_free([cosines[length].losses[:, -1].min() for length in shorter])
    return (
        f"On the way, SGD with the cosine has a loss that is {early} that of ScheduleFreeSGD; "
        f"where the cosine is made to end there, {ended}."
    )
