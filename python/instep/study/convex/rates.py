"""Why Adam goes the wrong way: its steps are short where the gradient is large."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from instep.functional import adam_step
from instep.study.convex.experiment import BETAS, LARGE, PERIOD, SMALL
from instep.study.report.findings import Curves, Findings, Picture
from instep.study.report.iterations import logarithmic_marks
from instep.study.report.styles import style

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from instep.study.arrays import Doubles

GRADIENTS = np.array([LARGE] + [SMALL] * (PERIOD - 1))
"""A period of the gradients of the experiment."""

BETA1, BETA2 = BETAS


def effective_rates(gradients: Doubles, beta2: float = BETA2) -> tuple[Doubles, Doubles]:
    r"""Return :math:`\alpha_t / \sqrt{v_t}` of Adam and of AMSGrad for :math:`\alpha = 1`.

    The states are the caller's own here, so that v can be read after every step.
    """
    x, first, second, largest = np.zeros((4, 1))
    moments = np.empty((2, len(gradients)))
    step = partial(adam_step, step=1, lr=1.0, beta2=beta2, eps=0.0, bias_correction=False)
    for index, gradient in enumerate(gradients[:, None]):
        step(x, gradient, first, second, largest)
        moments[:, index] = second[0], largest[0]
    adam, amsgrad = 1.0 / np.sqrt(np.arange(len(gradients)) + 1) / np.sqrt(moments)
    return adam, amsgrad


def drift(
    beta1: float, beta2: float, *, amsgrad: bool = False, period: Doubles = GRADIENTS
) -> float:
    """Return how far x moves in a period, in learning rates, once the moments repeat themselves.

    Positive is away from the best point. Adam's moments start where a period returns to, which
    is known: the sum over all earlier gradients is a geometric series of periods.
    """
    earlier, age = period[::-1], np.arange(len(period))
    x, first, second = np.zeros((3, 1))
    first[0] = _repeating_mean(earlier, beta1, age)
    second[0] = _repeating_mean(earlier**2, beta2, age)
    largest = np.zeros(1) if amsgrad else None
    step = partial(
        adam_step, step=1, lr=1.0, beta1=beta1, beta2=beta2, eps=0.0, bias_correction=False
    )
    # AMSGrad meets its largest second moment in the first period and keeps it in the second.
    for _ in range(2):
        begin = x[0]
        for gradient in period[:, None]:
            step(x, gradient, first, second, largest)
    return float(x[0] - begin)


def _repeating_mean(earlier: Doubles, beta: float, age: NDArray[np.int64]) -> float:
    """Return the exponential mean of an endless periodic past, the last value first."""
    return float((1 - beta) * np.sum(beta**age * earlier) / (1 - beta ** len(earlier)))


def run(*, quick: bool) -> Findings:
    """Draw effective rates, and the drift against the length of the memory."""
    rates, rates_text, rates_curves = _rates(30 if quick else 2000)
    memory, memory_text, memory_curves = _memory(13 if quick else 61)
    text = f"### Why\n\n{rates_text}\n\n{memory_text}"
    return Findings(text, [rates, memory], [rates_curves, memory_curves])


def _rates(periods: int) -> tuple[Picture, str, Curves]:
    adam, amsgrad = effective_rates(np.tile(GRADIENTS, periods))
    length = PERIOD
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    near, far = figure.subplots(1, 2)
    curves = Curves("effective-rates", "optimizer", "curve", "iteration", "rate")
    shown = slice(20 * length, 24 * length)
    middles = (np.arange(periods) + 0.5) * length
    for title, rate in (("Adam", adam), ("AMSGrad", amsgrad)):
        iterations = np.arange(len(rate))[shown] + 1
        look = style(title)
        near.plot(iterations, rate[shown], **look, linewidth=2)
        curves.add(title, "each iteration", iterations, rate[shown])
        by_period = rate.reshape(periods, length)
        low, high = by_period.min(axis=1), by_period.max(axis=1)
        far.fill_between(middles, low, high, color=look["color"], alpha=0.35, linewidth=0)
        far.plot(middles, by_period.mean(axis=1), **look, linewidth=1.5)
        thin = logarithmic_marks(periods) - 1
        for name, values in (("lowest of a period", low), ("highest of a period", high)):
            curves.add(title, name, middles[thin], values[thin])
    for start in range(shown.start, shown.stop, length):
        near.axvline(start + 1, color="0.6", linewidth=0.8, linestyle=":", zorder=0)
    near.set(xlabel="iteration (dotted: gradient 1010)", title="Four periods", ylim=(0, None))
    near.set_ylabel("effective rate $\\alpha_t / \\sqrt{v_t}$, with α = 1")
    far.set(xlabel="iteration", xscale="log", yscale="log", title="In the long run, by period")
    for axes in (near, far):
        axes.grid(alpha=0.3)
    far.legend(title="line: mean; band: from lowest to highest", alignment="left")
    grows = float(np.mean(np.diff(adam) > 0))
    ever = int(np.count_nonzero(np.diff(amsgrad) > 0))
    spread = float(adam[-length:].max() / adam[-length:].min())
    text = (
        "The effective rate α_t/√v_t multiplies the (averaged) gradient. On the online problem, "
        f"over {len(adam):,} iterations, Adam's is larger than the iteration before in "
        f"{grows:.1%} of them; in the last period its largest value is {spread:.2f} times its "
        "smallest, and the smallest falls on the large gradient and those right after it. "
        f"AMSGrad's rose in {ever} iterations."
    )
    caption = (
        "Adam forgets the large gradient and lets its rate grow until the next one comes; "
        "AMSGrad's √v̂ remembers the largest second moment, so its rate can only fall, with 1/√t."
    )
    return Picture("effective-rates", figure, caption), text, curves


def _memory(count: int) -> tuple[Picture, str, Curves]:
    forget = np.geomspace(0.5, 1e-5, count)
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    curves = Curves("drift", "optimizer", "1 - beta2", "drift of a period in alphas")
    drifts = {
        "Adam": [drift(BETA1, 1 - each) for each in forget],
        "RMSprop": [drift(0.0, 1 - each) for each in forget],
        "AMSGrad": [drift(BETA1, 1 - each, amsgrad=True) for each in forget],
    }
    for title, values in drifts.items():
        axes.plot(forget, values, **style(title), linewidth=2)
        curves.add(title, forget, values)
    axes.axhline(0, color="0.3", linewidth=1)
    axes.axhspan(0, 200, color="0.93", zorder=0)
    axes.text(0.012, 0.95, "towards the worst point", transform=axes.transAxes, va="top")
    axes.text(0.012, 0.03, "towards the best point", transform=axes.transAxes)
    axes.axvline(1 - BETA2, color="0.4", linewidth=1, linestyle=":")
    axes.set_xscale("log")
    axes.set_yscale("asinh", linear_width=0.05)
    axes.set_yticks(
        (-1, -0.1, 0, 0.1, 1, 10, 100), ("−1", "−0.1", "0", "+0.1", "+1", "+10", "+100")
    )
    axes.set(xlabel="1 − β₂ (left: a long memory)", ylim=(-2, 200))
    axes.set_ylabel("drift of x in a period of 101, in α")
    axes.grid(alpha=0.3)
    axes.legend(loc="center right")
    crossings = "; ".join(
        f"{name} where β₂ is above about {1 - _crossing(forget, np.array(drifts[title])):.5f}"
        for title, name in (("Adam", "with β₁ = 0.9"), ("RMSprop", "with β₁ = 0 (RMSprop)"))
    )
    text = (
        "What decides is the sum of the steps in a period, once the moments repeat themselves, "
        "for a rate that stands still meanwhile: at β₂ = 0.99 Adam moves by "
        f"{drift(BETA1, BETA2):+.2f} α towards the worst point, RMSprop by "
        f"{drift(0.0, BETA2):+.2f} α, and AMSGrad by {-drift(BETA1, BETA2, amsgrad=True):.4f} α "
        "towards the best: AMSGrad goes the right way, and slowly. At Adam's default β₂ = 0.999 "
        f"the drift is {drift(BETA1, 0.999):+.3f} α. A memory that is long for the period turns "
        f"it round: {crossings}. But for any fixed β₁ < √β₂ there is such a problem "
        "(their theorem 2): a longer period, with a rarer and larger gradient."
    )
    caption = (
        "How far x moves in a period of the online problem, in learning rates: Adam goes the right "
        "way only with a memory far longer than the period. Dotted: the paper's β₂ = 0.99."
    )
    return Picture("memory", figure, caption), text, curves


def _crossing(forget: Doubles, values: Doubles) -> float:
    """Return where the drift changes its sign, between points in the logarithm of 1 − β₂."""
    after = int(np.argmax(values < 0))
    (left, right), (low, high) = (
        np.log(forget[after - 1 : after + 1]),
        values[after - 1 : after + 1],
    )
    return float(np.exp(left + (right - left) * low / (low - high)))
