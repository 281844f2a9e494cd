"""The folder that a study leaves: pictures, CSV files and reports, and which parts are finished."""

from __future__ import annotations

import csv
import json
import os
from io import BytesIO
from typing import TYPE_CHECKING, Any

from PIL import Image

import instep
from instep.extras import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from matplotlib.figure import Figure

    from instep.study.findings import Findings

DPI = 110


class Archive:
    """Files of parts in a folder, which is made where it is missing.

    A part's files begin with its name. Its JSON file is written last, so that a part that was
    interrupted is not taken for a finished one.
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
        try:
            found = json.loads(self._path(part, "json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return bool(found.get("settings") == self._comparable(settings))

    def text(self, part: str) -> str:
        """Return the report of a finished part."""
        return self._path(part, "md").read_text(encoding="utf-8")

    def store(
        self, part: str, title: str, settings: Mapping[str, Any], findings: Findings, seconds: float
    ) -> None:
        """Write all files of a part."""
        self._path(part, "json").unlink(missing_ok=True)
        lines = [f"## {title}", "", findings.text.strip(), ""]
        try:
            for picture in findings.pictures:
                path = self.folder / f"{part}-{picture.name}.png"
                _save(picture.figure, path)
                lines += [f"![{title}: {picture.name}]({path.name})", "", picture.caption, ""]
            for curves in findings.curves:
                path = self.folder / f"{part}-{curves.name}.csv"
                with path.open("w", newline="", encoding="utf-8") as file:
                    writer = csv.writer(file)
                    writer.writerow(curves.columns)
                    writer.writerows(curves.rows())
                lines += [f"Numbers: [{path.name}]({path.name})", ""]
            self._path(part, "md").write_text("\n".join(lines), encoding="utf-8")
            mark = {"settings": self._comparable(settings), "seconds": round(seconds, 1)}
            self._path(part, "json").write_text(json.dumps(mark, indent=1), encoding="utf-8")
        except OSError as error:
            raise CommandError(f"cannot write into '{self.folder}': {error.strerror}") from error

    def write_report(self, parts: Iterable[str]) -> Path:
        """Join the reports of those of the parts that are finished; return the file."""
        texts, seconds = [], 0.0
        for part in parts:
            if self._path(part, "json").is_file():
                texts.append(self.text(part))
                mark = json.loads(self._path(part, "json").read_text(encoding="utf-8"))
                seconds += mark["seconds"]
        head = (
            f"# The optimizer study\n\nMade by `instep study` of instep {instep.__version__} in "
            f"{seconds:.0f} s.\n\n"
        )
        report = self.folder / "report.md"
        report.write_text(head + "\n".join(texts), encoding="utf-8")
        return report

    def _path(self, part: str, ending: str) -> Path:
        return self.folder / f"{part}.{ending}"

    def _comparable(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return what decides the findings, as JSON gives it back."""
        decisive = {**settings, "version": instep.__version__}
        return dict(json.loads(json.dumps(decisive, default=str)))


def _save(figure: Figure, path: Path) -> None:
    """Write a PNG file with a palette: a third of the size, and enough colours for curves."""
    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=DPI)
    picture = Image.open(drawn).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
