"""Links to and from the files of the repository's root that pages include.

docs/changelog.md includes CHANGELOG.md, and so on. In the file a link is relative to the root, in
the page to docs; a link of another page to ../CHANGELOG.md leads to the page.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata

_LINK = re.compile(r"\]\((?![a-z]+:|#)([^)#\s]+)")


def _read_page(app: Sphinx, docname: str, content: list[str]) -> None:
    folder = (app.srcdir / docname).parent
    content[0] = _rewritten(content[0], folder, folder, app.srcdir)


def _read_included(app: Sphinx, file: Path, docname: str, content: list[str]) -> None:
    folder = (app.srcdir / docname).parent
    content[0] = _rewritten(content[0], (app.srcdir / file).resolve().parent, folder, app.srcdir)


def _rewritten(text: str, written_in: Path, read_in: Path, docs: Path) -> str:
    """Return `text` with links that are relative to one folder made so to the other."""

    def target(link: re.Match[str]) -> str:
        file = Path(os.path.normpath(written_in / link.group(1)))
        page = docs / f"{file.stem.lower().replace('_', '-')}.md"
        if file.parent == docs.parent and file.suffix == ".md" and page.exists():
            file = page
        elif written_in == read_in:
            return link.group()
        return f"]({os.path.relpath(file, read_in)}"

    return _LINK.sub(target, text)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Have pages and what they include read."""
    app.connect("source-read", _read_page)
    app.connect("include-read", _read_included)
    return {"version": "1", "parallel_read_safe": True}
