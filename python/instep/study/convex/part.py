"""Reddi, Kale & Kumar: convex problems on which Adam goes to the worst point, and AMSGrad not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from instep.study.convex import experiment_report, rates, theorem
from instep.study.report.findings import Findings

if TYPE_CHECKING:
    import argparse

    from instep.study.progress import Progress

SOURCE = """\
S. J. Reddi, S. Kale, S. Kumar, "On the Convergence of Adam and Beyond", ICLR 2018: linear functions
of one number in [−1, 1] on which Adam does not find the better end."""


def run(settings: argparse.Namespace, progress: Progress) -> Findings:
    """Play their experiment and their theorem's sequence, and look at the effective rates."""
    quick = settings.quick
    sections = (
        experiment_report.run(settings.seed, progress, quick=quick),
        rates.run(quick=quick),
        theorem.run(progress, quick=quick),
    )
    return Findings(
        "\n\n".join((SOURCE, *(section.text for section in sections))),
        [picture for section in sections for picture in section.pictures],
        [curves for section in sections for curves in section.curves],
    )
