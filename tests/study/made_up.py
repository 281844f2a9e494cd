"""Parts of a study that find at once what a test wants found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from instep.study.parts import Part
from instep.study.report.findings import Curves, Findings, Picture

if TYPE_CHECKING:
    import argparse

    from instep.study.progress import Progress


def findings(text: str = "Text.", pictures: tuple[str, ...] = ("curve",)) -> Findings:
    """Return a text, pictures of these names, and a table of numbers."""
    drawn = []
    for name in pictures:
        figure = Figure(figsize=(2, 2))
        figure.subplots().plot([0, 1], [1, 0])
        drawn.append(Picture(name, figure, f"Caption of {name}."))
    curves = Curves("numbers", "optimizer", "iteration", "x")
    curves.add("Adam", np.arange(2), [0.5, 0.25])
    return Findings(text, drawn, [curves])


@dataclass(frozen=True)
class MadeUpPart(Part):
    """A part that remembers with what settings it ran; `error` is raised in the middle."""

    runs: list[argparse.Namespace] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)

    def run(self, settings: argparse.Namespace, progress: Progress) -> Findings:
        bar = progress.bar(self.name, 2)
        self.runs.append(settings)
        bar.advance()
        if self.errors:
            raise self.errors.pop()
        bar.advance()
        return findings(f"Found by {self.name} with seed {settings.seed}.")
