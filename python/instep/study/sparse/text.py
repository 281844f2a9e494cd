"""What is told of learning from rare and frequent features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from instep.study.report.words import capitalised, markdown_table, spoken
from instep.study.sparse.bags_of_words import FREQUENT, LENGTH, VOCABULARY, bayes_loss
from instep.study.sparse.exact_zeros import HELD_OUT_COST, STRENGTHS
from instep.study.sparse.learning import LEARNERS, accuracy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from instep.study.arrays import Doubles
    from instep.study.sparse.exact_zeros import Sparsity
    from instep.study.sparse.learning import SparseRun


def describe(runs: Sequence[SparseRun]) -> str:
    """Return what was learned, and who learned it best."""
    rows, sentences = [], []
    titles = list(dict.fromkeys(run.problem.title for run in runs))
    for title in titles:
        of_problem = {run.learner.title: run for run in runs if run.problem.title == title}
        rows += [_row(run) for run in of_problem.values()]
        sentence = _comparison(title, of_problem)
        weights = of_problem["SGD"].problem.weights
        sentences.append(sentence if weights is None else sentence + _rarest(of_problem, weights))
    first = runs[0].problem
    distinct = np.mean([len(np.unique(words)) for words in first.stream.words])
    known = "; ".join(
        f"{run.problem.title} {bayes_loss(run.problem):.3f}"
        for run in runs[:: len(LEARNERS)]
        if run.problem.weights is not None
    )
    real = runs[-1].problem
    heads = ("problem", "optimizer", "best rate", "online loss", "held-out loss", "accuracy")
    table = markdown_table((*heads, "rates within 10 %"), rows)
    return f"""\
After J. Duchi, E. Hazan, Y. Singer, "Adaptive Subgradient Methods for Online Learning and
Stochastic Optimization", JMLR 12, 2011, who made Adagrad for features that are rare and tell much.

Documents are {LENGTH} words drawn from {VOCABULARY:,}, the word of rank r with a frequency of
1/r; they hold {distinct:.1f} different ones on average. A label is 1 with probability σ(sum of the
words' true weights). Three cases: the words beyond the {FREQUENT} most frequent have weights ±3 and
the others 0; all have ±1; only the {FREQUENT} most frequent have ±1. Logistic regression learns
from {len(first.stream):,} documents, one a step, each once; the gradient is an
`instep.RowGradient`, so a step touches the rows of its words and no other. The real case is
scikit-learn's digits: a word for each pixel and brightness, 64 of {real.vocabulary:,} in each
image, ten labels (one against the rest), {len(real.stream):,} images, each once.

Each optimizer has a grid of {len(LEARNERS[0].rates)} learning rates, each twice the last: SGD with
a constant rate and with α/√t, Adagrad, and Adam in its lazy form (moments of rows that are not
touched stay as they are). The best rate is that with the least online loss, the mean loss of each
example before the step that learns from it; losses are sums over the labels. All else is at its
default. Held-out: {len(first.held_out):,} documents, {len(real.held_out)} images. "Rates within
10 %": how many rates of the grid have an online loss at most a tenth above the best's.
Held-out loss of the true weights: {known}.

{table}

{chr(10).join(f"- {sentence}" for sentence in sentences)}

(CSV files: held-out losses at {len(runs[0].marks)} steps evenly spaced in their logarithm.)"""


def _row(run: SparseRun) -> tuple[str, ...]:
    rate = run.learner.rates[run.best]
    edge = run.best in (0, len(run.learner.rates) - 1)
    schedule = "/√t" if run.learner.title == "SGD, schedule" else ""
    near = np.count_nonzero(run.online <= 1.1 * run.online.min())
    return (
        run.problem.title,
        run.learner.title,
        f"{rate:.2g}{schedule}{' (edge of the grid)' if edge else ''}",
        f"{run.online[run.best]:.4f}",
        f"{run.held_out[run.best, -1]:.4f}",
        f"{accuracy(run.weights[run.best], run.problem.held_out):.1%}",
        f"{near}",
    )


def _comparison(title: str, runs: Mapping[str, SparseRun]) -> str:
    """Compare Adagrad's online loss with that of the better SGD."""
    sgd = min((runs["SGD"], runs["SGD, schedule"]), key=lambda run: float(run.online.min()))
    loss, other = float(runs["Adagrad"].online.min()), float(sgd.online.min())
    less = 1 - loss / other
    verdict = f"{abs(less):.1%} {'lower' if less > 0 else 'higher'}"
    if abs(less) < 0.05:
        verdict += ", which is little"
    return (
        f"{capitalised(title)}: against the better SGD ({sgd.learner.title}), Adagrad's "
        f"online loss is {verdict} ({loss:.3f}, SGD's {other:.3f})."
    )


def _rarest(runs: Mapping[str, SparseRun], weights: Doubles) -> str:
    """Compare the errors of the rarer half's weights."""
    half = VOCABULARY // 2
    ends = {title: run.weights[run.best][:, 0] for title, run in runs.items()}
    ends["untouched"] = np.zeros_like(weights)
    errors = ", ".join(
        f"{spoken(title)} {np.sqrt(np.mean((end - weights)[half:] ** 2)):.2f}"
        for title, end in ends.items()
    )
    return f" Root mean square error of the weights of the rarer {half:,} words: {errors}."


def describe_zeros(sparsities: Sequence[Sparsity]) -> str:
    """Return how many weights L1 leaves exactly 0, and what that costs."""
    rows = [row for each in sparsities for row in _zeros_rows(each)]
    heads = ("problem", "L1", "weights not 0", "online loss", "held-out loss", "Adagrad, cut")
    return f"""\
### Weights that are exactly 0

FTRL-Proximal (McMahan et al. 2013, "Ad Click Prediction") has Adagrad's rates, and a weight is
exactly 0 as long as the sum that it is made of is at most L1. Without L1 it is Adagrad in other
words: at the same rate the weights of the two are at most
{max(each.from_adagrad for each in sparsities):.1g} apart here. Adagrad itself leaves a weight at 0
only where the word never came. FTRL learns the same streams, each at Adagrad's best rate, with L1
from {STRENGTHS[1]:g} to {STRENGTHS[-1]:g}. "Adagrad, cut": the held-out loss of Adagrad's weights
where all are set to 0 but as many as FTRL has left, the largest.

{markdown_table(heads, rows)}

{chr(10).join(f"- {_zeros_seen(each)}" for each in sparsities)}"""


def _zeros_rows(each: Sparsity) -> Iterator[tuple[str, ...]]:
    losses = zip(each.online, each.held_out, each.cut, strict=True)
    for strength, kept, spelled in zip(STRENGTHS, each.kept, losses, strict=True):
        identity = each.problem.title, f"{strength:g}", f"{kept:,}"
        yield *identity, *(f"{loss:.4f}" for loss in spelled)


def _zeros_seen(each: Sparsity) -> str:
    at, table = each.sparsest, each.adagrad.weights[each.adagrad.best]
    sentence = (
        f"{capitalised(each.problem.title)}: of {table.size:,} weights Adagrad leaves "
        f"{np.count_nonzero(table):,} that are not 0; FTRL leaves {each.kept[at]:,} with an L1 of "
        f"{STRENGTHS[at]:g}, the strongest with which its held-out loss ({each.held_out[at]:.4f}) "
        f"is at most {HELD_OUT_COST - 1:.0%} above Adagrad's ({each.held_out[0]:.4f}); Adagrad's "
        f"as many largest alone have {each.cut[at]:.4f}."
    )
    if each.problem.weights is not None:
        telling = np.count_nonzero(each.problem.weights)
        sentence += f" Of the {telling:,} that tell, {each.telling[at]:,} are among FTRL's."
    return sentence
