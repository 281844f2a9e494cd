"""The folder that a study leaves: pictures, CSV files and reports, and which parts are finished."""

from __future__ import annotations

import csv
import io
import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from PIL import Image

import instep
from instep.commandline.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from matplotlib.figure import Figure

    from instep.study.report.findings import Curves, Findings

DPI = 110
COLOURS = 256


class Archive:
    """Files of parts in a folder, which is made where it is missing.

    A part's files begin with its name. Its JSON file names the others and is written last, so that
    a part that was interrupted is not taken for a finished one.

    Raises
    ------
    CommandError
        When the folder cannot be made or not be written into; the methods, when a file cannot.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Told before hours of work, not after them.
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CommandError(
                f"cannot make the folder '{folder}' ({error.strerror}); name another with --out"
            ) from error
        if not os.access(folder, os.W_OK):
            raise CommandError(f"cannot write into the folder '{folder}'; name another with --out")

    def has(self, part: str, settings: Mapping[str, Any]) -> bool:
        """Return whether the part is finished, with these settings and this version."""
        mark = self._mark(part)
        return mark is not None and bool(mark["settings"] == _comparable(settings))

    def text(self, part: str) -> str:
        """Return the report of a finished part."""
        return self._path(part, "md").read_text(encoding="utf-8")

    def store(
        self, part: str, title: str, settings: Mapping[str, Any], findings: Findings, seconds: float
    ) -> None:
        """Write all files of a part, in the place of those of its last run."""
        with self._writing():
            self._remove(part)
            lines = [f"## {title}", "", findings.text.strip(), ""]
            files = [f"{part}.md"]
            for picture in findings.pictures:
                files.append(f"{part}-{picture.name}.png")
                (self.folder / files[-1]).write_bytes(_png(picture.figure))
                lines += [f"![{title}: {picture.name}]({files[-1]})", "", picture.caption, ""]
            for curves in findings.curves:
                files.append(f"{part}-{curves.name}.csv")
                _write_csv(self.folder / files[-1], curves)
                lines += [f"Numbers: [{files[-1]}]({files[-1]})", ""]
            self._path(part, "md").write_text("\n".join(lines), encoding="utf-8")
            mark = {
                "settings": _comparable(settings),
                "seconds": round(seconds, 1),
                "files": files,
            }
            self._path(part, "json").write_text(json.dumps(mark, indent=1), encoding="utf-8")

    def write_report(self, parts: Iterable[str]) -> Path:
        """Join the reports of those of the parts that are finished; return the file."""
        marks = {part: mark for part in parts if (mark := self._mark(part)) is not None}
        seconds = sum(mark["seconds"] for mark in marks.values())
        head = (
            f"# The optimizer study\n\nMade by `instep study` of instep {instep.__version__} in "
            f"{seconds:.0f} s.\n\n"
        )
        report = self.folder / "report.md"
        with self._writing():
            report.write_text(head + "\n".join(map(self.text, marks)), encoding="utf-8")
        return report

    def _mark(self, part: str) -> dict[str, Any] | None:
        """Return what a finished part's JSON file holds, None where something is missing."""
        try:
            mark = json.loads(self._path(part, "json").read_text(encoding="utf-8"))
            present = all((self.folder / name).is_file() for name in mark["files"])
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return mark if present else None

    def _remove(self, part: str) -> None:
        """Remove what the part's last run left, its mark first."""
        mark = self._mark(part)
        self._path(part, "json").unlink(missing_ok=True)
        for name in mark["files"] if mark else ():
            (self.folder / name).unlink(missing_ok=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CommandError(f"cannot write into '{self.folder}': {error.strerror}") from error

    def _path(self, part: str, ending: str) -> Path:
        return self.folder / f"{part}.{ending}"


def _comparable(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what decides the findings, as JSON gives it back."""
    decisive = {**settings, "version": instep.__version__}
    return dict(json.loads(json.dumps(decisive, default=str)))


def _png(figure: Figure) -> bytes:
    """Draw a figure with a palette: a third of the size of one in full colour."""
    drawn, packed = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, dpi=DPI)
    with Image.open(drawn) as image:
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(
            packed, "png", optimize=True
        )
    return packed.getvalue()


def _write_csv(path: Path, curves: Curves) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(curves.columns)
        writer.writerows(curves.rows())
