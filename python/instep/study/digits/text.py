"""What is told of the runs on the digits, from what they measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from instep.study.digits.arguments import CONTENDERS
from instep.study.handwriting.training import CHANCE
from instep.study.report.words import listed, markdown_table, significant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from instep.study.handwriting.data import Digits
    from instep.study.handwriting.training import Schedule, TrainingRun

STUCK = 0.95 * CHANCE

PROBLEM = """\
{architecture}, on handwritten digits: {source}, {train:,} images to train on, {test:,} to test on,
{epochs} epochs, batches of {batch}. All runs, {runs} and one of each kind, start from the same
weights and see the same batches; JAX computes the gradients. Apart from the learning rate,
hyperparameters are the package's defaults (AMSGrad is Reddi et al.'s, without bias correction). Two
ablations change one thing each: RMSprop gets a momentum of 0.9, and Adam loses its own (β₁ = 0).

Final loss: the mean over the last epoch's batches; a network that tells all digits alike has
ln 10 = 2.303. Live units: those that at least one training image activates at the end, in the two
convolutions and the fully connected layer. Where a layer has none, the gradients of its weights
and of all below it are exactly zero, and no gradient leads back, whatever the optimizer."""

ADADELTA = """\
**Adadelta has no momentum**, though it is sometimes said to. Both of its running means (Zeiler
2012) are of squares: of gradients and of updates. They set how far a coordinate moves; where to is
told by the sign of the present gradient alone. Nor has it a learning rate of its own: the paper's
rule is the rate 1, and at the rates of the others it makes a fraction of those steps."""

STEP_SIZES = """\
How long the steps are follows from the rules. RMSprop has no bias correction: its first step is
lr/√(1 − α), ten times the learning rate, in every coordinate. A momentum of 0.9 lets its steps grow
to ten times their length while the gradient keeps its sign. Adam's first moment is a mean and no
larger than the gradients it is of, and its first step is the learning rate, with β₁ and without."""


def describe(
    outcomes: Sequence[TrainingRun], digits: Digits, schedule: Schedule, architecture: str
) -> str:
    """Return the report in Markdown."""
    problem = PROBLEM.format(
        architecture=architecture,
        source=digits.source,
        train=len(digits.train),
        test=len(digits.test),
        epochs=schedule.epochs,
        batch=schedule.batch_size,
        runs=len(outcomes),
    )
    tables = [table(lr, runs) for lr, runs in by_rate(outcomes).items()]
    sections = [problem, *tables, stuck(outcomes), momentum(outcomes), ADADELTA, times(outcomes)]
    return "\n\n".join(section for section in sections if section)


def by_rate(outcomes: Sequence[TrainingRun]) -> dict[float, list[TrainingRun]]:
    """Return the runs of each learning rate."""
    rates = dict.fromkeys(outcome.lr for outcome in outcomes)
    return {lr: [outcome for outcome in outcomes if outcome.lr == lr] for lr in rates}


def table(lr: float, outcomes: Sequence[TrainingRun]) -> str:
    """Return a row for each run at a learning rate."""
    rows = [
        (
            outcome.pairing.title,
            significant(outcome.final_loss),
            f"{outcome.accuracy:.1%}",
            " / ".join(f"{share:.0%}" for share in outcome.live_units),
        )
        for outcome in outcomes
    ]
    columns = (f"learning rate {lr:g}", "final loss", "test accuracy", "live units")
    return markdown_table(columns, rows)


def is_stuck(outcome: TrainingRun) -> bool:
    """Return whether the run ended at the chance level or worse, or diverged."""
    return not outcome.final_loss < STUCK


def stuck(outcomes: Sequence[TrainingRun]) -> str:
    """Say which runs learned nothing, and whether their units are dead."""
    best = listed(
        f"{found.pairing.title} at {lr:g} ({found.accuracy:.1%})"
        for lr, runs in by_rate(outcomes).items()
        for found in [max(runs, key=lambda outcome: outcome.accuracy)]
    )
    lines = [f"**The best** test accuracies: {best}."]
    caught = [outcome for outcome in outcomes if is_stuck(outcome)]
    if not caught:
        return f"{lines[0]} No run ended at the chance level (final loss from {STUCK:.3g} on)."
    dead = [outcome for outcome in caught if min(outcome.live_units) == 0]
    alive = [outcome for outcome in caught if min(outcome.live_units) > 0]
    lines.append(
        f"**At the chance level** (final loss from {STUCK:.3g}, which is 0.95 ln 10, on, or not "
        f"finite) ended {len(caught)} of {len(outcomes)} runs."
    )
    if dead:
        lines.append(
            f"{len(dead)} of them died: a layer of theirs has no live unit: {named(dead)}. "
            "Being stuck means here that steps too long have carried the weights to where ReLU "
            "passes nothing."
        )
    if alive:
        ends = listed(
            f"{outcome.pairing.title} at {outcome.lr:g} (loss from {significant(outcome.losses[0])}"
            f" to {significant(outcome.final_loss)})"
            for outcome in alive
        )
        lines.append(f"{len(alive)} of them have live units in every layer: {ends}.")
    spared = [
        title
        for title in dict.fromkeys(outcome.pairing.title for outcome in outcomes)
        if title not in {outcome.pairing.title for outcome in caught}
    ]
    lines.append(f"At none of the rates stuck: {listed(spared) or 'none of them'}.")
    return " ".join(lines)


def named(outcomes: Sequence[TrainingRun]) -> str:
    """List runs by optimizer and rate."""
    return listed(f"{outcome.pairing.title} at {outcome.lr:g}" for outcome in outcomes)


def momentum(outcomes: Sequence[TrainingRun]) -> str:
    """Hold the runs without momentum against those with it."""
    found = {(outcome.pairing.title, outcome.lr): outcome for outcome in outcomes}
    titles = [
        (CONTENDERS["rmsprop"].title, CONTENDERS["rmsprop-momentum"].title),
        (CONTENDERS["adam-beta1-0"].title, CONTENDERS["adam"].title),
    ]
    pairs = [
        (found[without, lr], found[with_, lr])
        for lr in by_rate(outcomes)
        for without, with_ in titles
        if (without, lr) in found and (with_, lr) in found
    ]
    if not pairs:
        return ""
    freed = [without for without, with_ in pairs if is_stuck(without) and not is_stuck(with_)]
    caught = [without for without, with_ in pairs if is_stuck(with_) and not is_stuck(without)]
    text = (
        "**Does RMSprop get stuck for want of momentum**, as has been claimed of these rates? "
        f"{verdict([pair for pair in pairs if pair[0].pairing is CONTENDERS['rmsprop']])}"
        f"Pairs of runs without and with momentum at the same rate: {len(pairs)}. Momentum "
        f"frees {len(freed)} from the chance level{in_brackets(freed)} and brings {len(caught)} "
        f"down to it{in_brackets(caught)}. Test accuracy without → with: {changes(pairs)}."
    )
    return f"{text} {STEP_SIZES}"


def changes(pairs: Sequence[tuple[TrainingRun, TrainingRun]]) -> str:
    """Spell the accuracies of runs without and with momentum."""
    spelled: dict[str, list[str]] = {}
    for without, with_ in pairs:
        name = without.pairing.title.partition(",")[0]
        change = f"{without.accuracy:.1%} → {with_.accuracy:.1%} at {without.lr:g}"
        spelled.setdefault(name, []).append(change)
    return "; ".join(f"{name} {listed(changes)}" for name, changes in spelled.items())


def verdict(pairs: Sequence[tuple[TrainingRun, TrainingRun]]) -> str:
    """Say where RMSprop is stuck, and what momentum does there."""
    if not pairs:
        return ""
    caught = [(without, with_) for without, with_ in pairs if is_stuck(without)]
    if not caught:
        return "At none of these rates is RMSprop stuck here. "
    where = listed(f"{without.lr:g}" for without, _ in caught)
    freed = [without for without, with_ in caught if not is_stuck(with_)]
    if not freed:
        return f"RMSprop is stuck at {where}, and with a momentum of 0.9 it is stuck there too. "
    rates = listed(f"{without.lr:g}" for without in freed)
    return f"RMSprop is stuck at {where}; with a momentum of 0.9 it is not, at {rates}. "


def in_brackets(outcomes: Sequence[TrainingRun]) -> str:
    """Name the runs in brackets, if any."""
    return f" ({named(outcomes)})" if outcomes else ""


def times(outcomes: Sequence[TrainingRun]) -> str:
    """Return the times of both sides, all runs of an optimizer together."""
    rows = []
    for title in dict.fromkeys(outcome.pairing.title for outcome in outcomes):
        runs = [outcome for outcome in outcomes if outcome.pairing.title == title]
        ours = sum(outcome.seconds for outcome in runs)
        theirs = sum(outcome.reference_seconds for outcome in runs)
        steps = sum(len(outcome.losses) for outcome in runs)
        rows.append(
            (title, f"{steps:,}", f"{ours:.3f} s", f"{theirs:.3f} s", f"{theirs / ours:.1f}×")
        )
    return (
        f"**Time in the steps.** {len(outcomes)} times the NumPy reference stepped copies of the "
        "weights with the same gradients, after instep; weights and states ended equal, bit for "
        "bit.\n\n"
        + markdown_table(("optimizer", "steps", "instep", "NumPy reference", "ratio"), rows)
    )
