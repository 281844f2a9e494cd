"""``instep study digits``: a small convolutional network on handwritten digits."""

from __future__ import annotations

import argparse
import math
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from instep.extras import CommandError, require
from instep.study.optimizers import OPTIMIZERS

if TYPE_CHECKING:
    from collections.abc import Callable

    Subparsers: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]

Number = TypeVar("Number", int, float)

DESCRIPTION = """\
Train a small convolutional network on handwritten digits, once with each optimizer, from the same
weights and with the same batches. JAX computes the gradients on the CPU; instep steps the NumPy
weights in place, and the NumPy reference steps copies of them. The two must end bit-equal.
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add ``digits`` to the parser of ``instep study``."""
    parser = subparsers.add_parser(
        "digits",
        usage="%(prog)s [options]",
        help="a small network on handwritten digits",
        description=DESCRIPTION,
    )
    rates = ", ".join(f"{name} {pairing.lr:g}" for name, pairing in OPTIMIZERS.items())
    parser.add_argument(
        "--optimizers",
        nargs="+",
        choices=OPTIMIZERS,
        default=list(OPTIMIZERS),
        metavar="NAME",
        help=f"any of {', '.join(OPTIMIZERS)} (default: all)",
    )
    parser.add_argument(
        "--lr",
        type=_learning_rate,
        metavar="RATE",
        help=f"learning rate of every optimizer (default: {rates})",
    )
    parser.add_argument(
        "--epochs",
        type=_positive,
        default=20,
        metavar="N",
        help="passes over the training images (default: %(default)s)",
    )
    parser.add_argument(
        "--batch-size",
        type=_positive,
        default=32,
        metavar="N",
        help="images in a step (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=_natural,
        default=0,
        metavar="N",
        help="seed of weights, batches and split (default: %(default)s)",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder with MNIST's IDX files, gzipped or not; the t10k pair alone is split into "
        "train and test (default: the digits inside scikit-learn, no download)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("study"),
        metavar="DIR",
        help="folder for the picture, made when missing (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train with each optimizer, print the table and write the picture."""
    require("jax", "matplotlib", "rich", *(["sklearn"] if args.data is None else []), extra="study")

    from instep.study import data

    if args.data is None:
        digits = data.shipped_digits(args.seed)
    else:
        digits = data.mnist_digits(args.data, args.seed)
    if args.batch_size > len(digits.train):
        raise CommandError(
            f"--batch-size {args.batch_size} is more than the {len(digits.train)} training images"
        )
    _make_folder(args.out)

    import jax

    jax.config.update("jax_platforms", "cpu")  # type: ignore[no-untyped-call]

    from instep.study import network, report
    from instep.study.training import Schedule, train

    schedule = Schedule(args.epochs, args.batch_size, args.seed)
    _, height, width, _ = digits.train.images.shape
    initial = network.initial_weights(height, width, args.seed)
    pairings = [OPTIMIZERS[name] for name in dict.fromkeys(args.optimizers)]
    steps = args.epochs * schedule.steps_per_epoch(digits)
    outcomes = []
    with report.TrainingProgress(pairings, steps) as progress:
        for pairing in pairings:
            progress.begin(pairing)
            lr = pairing.lr if args.lr is None else args.lr
            outcomes.append(
                train(
                    pairing,
                    lr,
                    initial,
                    digits,
                    network,
                    schedule,
                    partial(progress.step, pairing),
                )
            )

    conditions = (
        f"{len(digits.train)} images to train on, {len(digits.test)} to test on, "
        f"{args.epochs} epochs, batches of {args.batch_size}"
    )
    report.print_table(outcomes, digits.source, f"{conditions}.")
    picture = args.out / "digits.png"
    report.draw_losses(outcomes, f"{digits.source}\n{conditions}", picture)
    print(f"Loss curves: {picture}")
    return 0


def _make_folder(folder: Path) -> None:
    """Fail before the training, not after it, where no picture could be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(
            f"cannot make the folder '{folder}' ({error.strerror}); name another with --out"
        ) from error
    if not os.access(folder, os.W_OK):
        raise CommandError(f"cannot write into the folder '{folder}'; name another with --out")


def _learning_rate(text: str) -> float:
    return _at_least(0.0, float, "a finite number", text)


def _positive(text: str) -> int:
    return _at_least(1, int, "a whole number", text)


def _natural(text: str) -> int:
    return _at_least(0, int, "a whole number", text)


def _at_least(least: Number, kind: Callable[[str], Number], noun: str, text: str) -> Number:
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not least <= value < math.inf:
        raise argparse.ArgumentTypeError(f"expected {noun}, at least {least:g}, not {text!r}")
    return value
