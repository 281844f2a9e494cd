"""Where the handwritten digits come from, as a part that trains on them is told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_data_argument(parser: argparse.ArgumentParser) -> None:
    """Add where the digits come from."""
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder with MNIST's IDX files, gzipped or not; the t10k pair alone is split into "
        "train and test (default: the digits inside scikit-learn, no download)",
    )
