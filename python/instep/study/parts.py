"""The parts of the study. Each is a folder whose `part.py` is imported when it runs, not before."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from instep.study.digits import arguments as digits_arguments
from instep.study.handwriting.argument import add_data_argument

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from instep.study.progress import Progress
    from instep.study.report.findings import Findings


def _no_arguments(_: argparse.ArgumentParser) -> None:
    pass


@dataclass(frozen=True)
class Part:
    """A part's name, its title, what it needs beyond the study's own extras, and its arguments."""

    name: str
    title: str
    needs: tuple[str, ...] = ()
    add_arguments: Callable[[argparse.ArgumentParser], None] = _no_arguments

    def run(self, settings: argparse.Namespace, progress: Progress) -> Findings:
        """Run it. Its `part.py` has a function of this name."""
        module = importlib.import_module(f"instep.study.{self.name.replace('-', '_')}.part")
        run = cast("Callable[[argparse.Namespace, Progress], Findings]", module.run)
        return run(settings, progress)


PARTS = {
    part.name: part
    for part in (
        Part(
            "digits",
            "A small convolutional network on handwritten digits",
            ("jax",),
            digits_arguments.add_arguments,
        ),
        Part("convex", "Convex problems on which Adam fails, and means in the place of schedules"),
        Part("where-adam-fails", "Where Adam fails", ("sklearn",)),
        Part("toy", "One cubic, five starting points"),
        Part("landscapes", "Valleys, plains and a saddle"),
        Part(
            "loss-surface",
            "Slices of the loss around the points that the optimizers find",
            ("jax",),
            add_data_argument,
        ),
        Part("sparse", "Rare and frequent features", ("sklearn",)),
        Part(
            "sixteen-bits",
            "Weights, states and copies in 16 bits",
            ("jax", "ml_dtypes", "sklearn"),
        ),
        Part("descent", "Batch and stochastic descent, noise floors and falling rates"),
    )
}
