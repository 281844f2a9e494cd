"""What was done and what came of it, written from the numbers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from instep.study.report.words import listed, markdown_table, spoken
from instep.study.where_adam_fails.linear_duels import (
    SOLVED,
    contenders,
    higher_accuracy,
    lower_loss,
    won_equal_lost,
)
from instep.study.where_adam_fails.linear_training import (
    BATCH_SIZE,
    DEFAULT_RATES,
    LINE_SEARCH,
    OPTIMIZERS,
    RATES,
    UNCORRECTED,
)
from instep.study.where_adam_fails.unique_features import ADAPTIVE, POSITIVE_SHARE, SGD_RATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from instep.study.where_adam_fails.linear_duels import Entry, Table
    from instep.study.where_adam_fails.linear_training import LinearRuns
    from instep.study.where_adam_fails.unique_features import Fit

PROBLEMS = """\
### Linear models

Data that a model can fit exactly are where Vaswani et al. (2019, "Painless Stochastic Gradient") \
prove fast convergence of SGD with an Armijo line search. Minimised from w = 0, without \
regularisation, is the mean over examples of the logistic loss log(1 + exp(−y wᵀx)), the squared \
hinge loss max(0, 1 − y wᵀx)², or the cross-entropy of the softmax.

- *τ*: x = z + τ y u with z ~ N(0, I) in 20 dimensions, u a random unit vector and \
y = sign(uᵀz); 1000 examples to train on, 1000 to test on.
- *breast cancer*, *digits*: scikit-learn's data (569 examples of 30 features, standardised; 1797 \
of 64 pixels, ten classes), with a constant feature, a fifth of them to test on.
- *kernel*: the features of x are exp(−‖x − xⱼ‖² / s) for all xⱼ to train on, s the median of the \
squared distances; *even digits* are the digits as even against odd ones, 800 to \
train on and 997 to test on."""

MARGINS = (
    "Distance of the closest example to train on from the plane that was found, in units of the "
    "margin τ (negative: it lies on the wrong side)"
)

DUELS = (
    "Against Adam: on how many problems better / about equal / worse. A loss counts as better "
    "below half the other's, an accuracy above it by more than a percentage point; losses up to "
    f"{SOLVED:g} are equal."
)


def describe_linear_models(outcomes: dict[str, LinearRuns], epochs: int, draws: int) -> str:
    """Return what was done and what came of it."""
    table = {name: contenders(by_optimizer) for name, by_optimizer in outcomes.items()}
    separable = {
        name: row for name, row in table.items() if np.isfinite(row[LINE_SEARCH].run.margin)
    }
    return "\n\n".join(
        (
            PROBLEMS,
            _method(epochs, draws),
            "Training loss after the last epoch (in brackets: the rate of a tuned one)",
            _table(table, _loss),
            "Test accuracy after the last epoch, in percent",
            _table(table, lambda entry: f"{100 * entry.run.accuracy:.1f}"),
            MARGINS,
            _table(separable, lambda entry: f"{entry.run.margin:.2f}"),
            DUELS,
            _duels(table),
            _seen(table),
        )
    )


def _method(epochs: int, draws: int) -> str:
    return (
        f"Batches of {BATCH_SIZE}, {epochs} epochs, the same batches for every optimizer; median "
        f"of losses, mean of all else over {draws} draw(s) of data and batches. The line search "
        "(c = 0.1, backtracking 0.9, growth 2 an epoch, step sizes up to 10) is not tuned. The "
        "others keep a constant rate: *default* is the one of the class "
        f"({', '.join(f'{title} {rate:g}' for title, rate in DEFAULT_RATES.items())}), *tuned* "
        f"that of {', '.join(f'{rate:g}' for rate in RATES)} with the least training loss after "
        "the last epoch. AMSGrad is Reddi et al.'s, without bias correction: over the first "
        "1/(1 − β₂) = 1000 steps or so it divides by less than Adam, and its steps are longer at "
        "the same rate. *Adam uncorrected* is Adam without it, to tell the two differences apart; "
        "it is not drawn."
    )


def _loss(entry: Entry) -> str:
    return f"{entry.run.loss:.2g}" + (f" ({entry.rate:g})" if entry.rate else "")


def _table(table: Table, cell: Callable[[Entry], str]) -> str:
    shown = [LINE_SEARCH, "Adam, default", *(f"{title}, tuned" for title in OPTIMIZERS)]
    return markdown_table(
        ("problem", *shown),
        ((name, *(cell(row[title]) for title in shown)) for name, row in table.items()),
    )


def _duels(table: Table) -> str:
    adams = ("Adam, default", "Adam, tuned")
    rivals = [title for title in next(iter(table.values())) if title not in adams]
    pairs = [(compare, adam) for compare in (lower_loss, higher_accuracy) for adam in adams]

    def row(title: str) -> Iterator[str]:
        yield title
        for compare, adam in pairs:
            names = won_equal_lost(table, title, adam, compare)
            yield " / ".join(str(len(names[sign])) for sign in (1, 0, -1))

    return markdown_table(
        ("", *(f"{what}: {adam}" for what in ("loss", "accuracy") for adam in adams)),
        (tuple(row(title)) for title in rivals),
    )


def _seen(table: Table) -> str:
    sentences = [
        _duel_told(table, LINE_SEARCH, "Adam, default"),
        _duel_told(table, LINE_SEARCH, "Adam, tuned"),
        _duel_told(table, "AMSGrad, default", "Adam, default"),
        _duel_told(table, "AMSGrad, tuned", "Adam, tuned"),
        _duel_told(table, "AMSGrad, default", f"{UNCORRECTED}, default"),
        _duel_told(table, "AMSGrad, tuned", f"{UNCORRECTED}, tuned"),
    ]
    over_adam, over_uncorrected = (
        len(won_equal_lost(table, "AMSGrad, default", f"{adam}, default", lower_loss)[1])
        for adam in ("Adam", UNCORRECTED)
    )
    if over_uncorrected < over_adam:
        sentences.append(
            f"Without its bias correction Adam would lose to AMSGrad on {over_uncorrected} "
            f"instead of {over_adam} at the default rate: that much is due to the longer first "
            "steps and not to the maximum that AMSGrad takes."
        )
    default, tuned = (
        len(won_equal_lost(table, LINE_SEARCH, adam, lower_loss)[1])
        for adam in ("Adam, default", "Adam, tuned")
    )
    if tuned < default:
        sentences.append(
            f"So of {default} defeats by the line search, {default - tuned} are those of Adam's "
            "default rate, which is too small for so few steps, and not of Adam."
        )
    tunings = [
        entry.rate for row in table.values() for title, entry in row.items() if "tuned" in title
    ]
    sentences.append(
        f"{tunings.count(max(RATES))} of {len(tunings)} tuned rates are the largest of the grid: "
        "on separable data the logistic loss has no minimum, and long steps end low."
    )
    lowest: Counter[str] = Counter()
    for row in table.values():
        first, second = sorted(row, key=lambda title: row[title].run.loss)[:2]
        lowest["several at once" if row[second].run.loss <= SOLVED else first] += 1
    told = ", ".join(f"{title} on {count}" for title, count in lowest.most_common())
    sentences.append(f"The lowest loss of all was reached by {told}.")
    farther = [
        name
        for name, row in table.items()
        if row[LINE_SEARCH].run.margin > row["Adam, tuned"].run.margin
    ]
    sentences.append(
        "The closest example is farther from the plane of the line search than from that of "
        f"Adam, tuned, on {_names(farther, table)}: a low loss can also come from long weights."
    )
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _duel_told(table: Table, title: str, other: str) -> str:
    losses = won_equal_lost(table, title, other, lower_loss)
    accuracies = won_equal_lost(table, title, other, higher_accuracy)
    return (
        f"{title}, against {other}: lower loss on {_names(losses[1], table)}; higher on "
        f"{_names(losses[-1], table)}. Better accuracy on {_names(accuracies[1], table)}; worse "
        f"on {_names(accuracies[-1], table)}."
    )


def _names(names: Sequence[str], table: Table) -> str:
    """Name some of the problems, or those that are missing where these are fewer."""
    if not names:
        return "none"
    if len(names) <= len(table) / 2:
        return f"{len(names)} ({'; '.join(names)})"
    missing = "; ".join(name for name in table if name not in names)
    return f"{len(names)} (all but {missing})" if missing else f"all {len(names)}"


def describe_unique_features(fits: Sequence[Fit], count: int) -> str:
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
        "positive; SGD reaches the solution of least norm. It holds of AdaBelief and Lion for the "
        "same reason: as long as the weights are such a multiple, all gradients are multiples of "
        "Xᵀy, and what is left of one is its sign. With gradients of single examples (a "
        "random one for each step, default ε) the lemma does not hold. Rates: "
        f"{rates}, SGD {SGD_RATE:g}; {len(fits[0].losses) - 1} steps.\n\n"
        f"{table}\n\n{_fits_seen(fits)}"
    )


def _fits_seen(fits: Sequence[Fit]) -> str:
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
    full, single = (
        {one.title: one.accuracy == 1 for one in fits if one.gradients == gradients}
        for gradients in ("all", "single")
    )
    mended = [title for title, right in full.items() if not right and single[title]]
    if mended:
        sentences.append(
            f"- So the failure of {listed(map(spoken, mended))} is one of full gradients: single "
            "examples, in random order, break the symmetry that the lemma rests on."
        )
    left = [title for title, right in full.items() if not right and not single[title]]
    if left:
        sentences.append(
            f"- {listed(map(spoken, left))} calls new examples positive all the same: a step by "
            "the sign is as long for a feature that a single example has, and on all the steps "
            "until that example comes again, as for those that tell the label."
        )
    return "\n".join(sentences)
