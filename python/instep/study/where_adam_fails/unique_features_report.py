"""What is told and drawn of the features that are seen once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from instep.study.report.findings import Curves, Picture
from instep.study.report.iterations import logarithmic_marks
from instep.study.report.legends import legend_below
from instep.study.report.styles import style
from instep.study.report.words import markdown_table
from instep.study.where_adam_fails.unique_features import ADAPTIVE, POSITIVE_SHARE, SGD_RATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from instep.study.where_adam_fails.unique_features import Fit

LEAST_LOSS = 1e-10
"""What is less is drawn here."""

WIDTHS = {"RMSprop": 3.5, "Adam": 2.2}


def draw(fits: Sequence[Fit]) -> Picture:
    """Draw losses and scores of new examples for full gradients and for single examples."""
    figure = Figure(figsize=(10, 6), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True, sharey="row")
    for one in fits:
        column = 0 if one.gradients == "all" else 1
        steps = np.arange(1, len(one.losses) + 1)
        losses = np.maximum(one.losses, LEAST_LOSS)
        kept = logarithmic_marks(len(steps), rounding=np.floor) - 1
        # Wider below: RMSprop and Adagrad coincide for a while.
        look: dict[str, Any] = {**style(one.title), "linewidth": WIDTHS.get(one.title, 1.2)}
        panels[0, column].plot(steps[kept], losses[kept], **look)
        panels[1, column].plot(steps[kept], one.negative_scores[kept], **look)
    for axes, what in zip(panels[0], ("all examples", "one random example"), strict=True):
        axes.set(title=f"gradients of {what}", xscale="log", yscale="log")
        axes.set_ylim(LEAST_LOSS / 2, 2.0)
        axes.grid(alpha=0.3)
    for axes in panels[1]:
        axes.axhspan(0, 1, color="black", alpha=0.08)
        axes.set(xlabel="steps taken, plus 1", ylim=(-1, 1))
        axes.text(1.1, 0.9, "wrong", va="top")
        axes.text(1.1, -0.9, "right", va="bottom")
        axes.grid(alpha=0.3)
    panels[0, 0].set_ylabel("training loss")
    panels[1, 0].set_ylabel("score of a new negative example")
    legend_below(figure, panels[0, 0])
    return Picture(
        "unique-features",
        figure,
        "Wilson et al.'s data. With gradients of all examples every optimizer fits the data, but "
        "the scores of the adaptive ones meet at ¼, on the wrong side; with gradients of single "
        f"examples they need not. Losses below {LEAST_LOSS:g} are drawn there.",
    )


def curves(fits: Sequence[Fit]) -> Curves:
    """Return losses and scores of new examples after steps with ever larger gaps."""
    rows = Curves(
        *("unique-features", "optimizer", "examples for a gradient", "steps"),
        *("training loss", "score of a new positive example", "score of a new negative example"),
    )
    for one in fits:
        kept = logarithmic_marks(len(one.losses), rounding=np.floor) - 1
        values = (one.losses, one.positive_scores, one.negative_scores)
        rows.add(one.title, one.gradients, kept, *(value[kept] for value in values))
    return rows


def text(fits: Sequence[Fit], count: int) -> str:
    """Return what was done and what came of it."""
    table = markdown_table(
        ("optimizer", "gradients of", "training loss", "new positive", "new negative", "accuracy"),
        (
            (
                one.title,
                f"{one.gradients} examples" if one.gradients == "all" else "one example",
                f"{one.losses[-1]:.1e}",
                f"{one.positive_scores[-1]:.3f}",
                f"{one.negative_scores[-1]:.3f}",
                f"{one.accuracy:.0%}",
            )
            for one in fits
        ),
    )
    rates = ", ".join(f"{title} {rate:g}" for title, (_, rate) in ADAPTIVE.items())
    return (
        "### Features that are seen once\n\n"
        'Wilson et al. (2017, "The Marginal Value of Adaptive Gradient Methods in Machine '
        'Learning", section 3.3) construct examples with label y = ±1 and the features '
        "(y, 1, 1), one more 1 where y = 1 and five where y = −1, in places that no other example "
        f"has, and 0 elsewhere: here {count} of them, {POSITIVE_SHARE:.0%} positive. Half the mean "
        "squared error of wᵀx is minimised from w = 0. A new example's own features have weight 0, "
        "so that its score is w₁y + w₂ + w₃ and tells the class where w₁ > w₂ + w₃. With gradients "
        "of all examples and ε = 0, AdaGrad, RMSprop and Adam can only reach multiples of "
        "sign(Xᵀy) (their lemma 3.1), which is ¼ everywhere at the minimum and calls everything "
        "positive; SGD reaches the solution of least norm. With gradients of single examples (a "
        "random one for each step, default ε) the lemma does not hold. Rates: "
        f"{rates}, SGD {SGD_RATE:g}; {len(fits[0].losses) - 1} steps.\n\n"
        f"{table}\n\n{_seen(fits)}"
    )


def _seen(fits: Sequence[Fit]) -> str:
    sentences = []
    for gradients, how in (("all", "all examples"), ("single", "single examples")):
        right, wrong = (
            ", ".join(
                one.title
                for one in fits
                if one.gradients == gradients and (one.accuracy == 1) == expected
            )
            for expected in (True, False)
        )
        sentences.append(
            f"- With gradients of {how}, new examples of both classes are told apart by "
            + (f"{right or 'none'}; not by {wrong}." if wrong else "every optimizer.")
        )
    if all(one.accuracy == 1 for one in fits if one.gradients == "single"):
        sentences.append(
            "- So the failure is one of full gradients: single examples, in random order, break "
            "the symmetry that the lemma rests on."
        )
    return "\n".join(sentences)
