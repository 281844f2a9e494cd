"""What the part ``digits`` can be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from instep.commandline.numbers import nonnegative, positive
from instep.study.handwriting.argument import add_data_argument
from instep.study.optimizers import ABLATIONS, OPTIMIZERS, RELATIVES

if TYPE_CHECKING:
    import argparse

CONTENDERS = {
    name: (OPTIMIZERS | ABLATIONS)[name]
    for name in (
        *("adam", "adam-beta1-0", "amsgrad", "rmsprop", "rmsprop-momentum"),
        *("adagrad", "adadelta", "sgd"),
    )
}
"""The six optimizers, each ablation beside the one that it is of."""

ON_REQUEST = CONTENDERS | RELATIVES

RATES = (0.1, 0.01, 0.0001)
STEPS, QUICK_STEPS = 450, 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add them to the part's parser."""
    parser.add_argument(
        "--optimizers",
        nargs="+",
        choices=ON_REQUEST,
        default=list(CONTENDERS),
        metavar="NAME",
        help=f"any of {', '.join(ON_REQUEST)} (default: the first {len(CONTENDERS)})",
    )
    parser.add_argument(
        "--rates",
        nargs="+",
        type=nonnegative,
        default=list(RATES),
        metavar="RATE",
        help=f"learning rates, a panel each (default: {' '.join(f'{rate:g}' for rate in RATES)})",
    )
    parser.add_argument(
        "--epochs",
        type=positive,
        metavar="N",
        help=f"passes over the training images (default: as many as make about {STEPS} steps, "
        f"with --quick {QUICK_STEPS})",
    )
    parser.add_argument(
        "--batch-size",
        type=positive,
        default=512,
        metavar="N",
        help="images in a step (default: %(default)s)",
    )
    add_data_argument(parser)
