"""What the pages for readers are, and how each kind of code block in them is checked."""

from __future__ import annotations

import doctest
import re
import textwrap
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from sybil import Document, Example, Region
from sybil.parsers.markdown.lexers import RawFencedCodeBlockLexer
from sybil.parsers.myst import CodeBlockParser, PythonCodeBlockParser

from tests.documents.shell import check_commands

ROOT = Path(__file__).parents[2]
FOLLOWED = ROOT / "docs/add-an-optimizer.md"
"""The page whose blocks are the files of another tree, which test_add_an_optimizer.py makes."""

PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")} - {FOLLOWED})

DIRECTIVES = {
    *("admonition", "figure", "image", "include", "note", "tip", "toctree", "warning"),
    "literalinclude",  # shows a file of the tree, which has its own tests
    "eval-rst",  # on pages of the API alone, which only name what autodoc is to take
}
"""What may stand in braces: nothing that shows code, which would then not be checked."""


class OtherBlocks:
    """Parser of blocks in all other languages: excerpts of files.

    The line before such a block names the file: ``<!-- from: cpp/rules/adam.hpp -->``.
    """

    fences = RawFencedCodeBlockLexer(re.compile(r"(?P<info>.*)$\n", re.MULTILINE))
    origin = re.compile(r"<!-- from: (\S+) -->\s*\Z")

    def __call__(self, document: Document) -> Iterable[Region]:
        for region in self.fences(document):
            info = region.lexemes["info"].strip()
            directive = re.fullmatch(r"\{([\w-]+)\}.*", info)
            if info not in ("python", "sh", "text") and (
                directive is None or directive.group(1) not in DIRECTIVES
            ):
                region.parsed = region.lexemes["source"]
                region.evaluator = self.evaluate
                yield region

    def evaluate(self, example: Example) -> str | None:
        origin = self.origin.search(example.document.text, 0, example.start)
        if origin is None:
            return (
                "expected python, sh, text, or a comment before the block that names the file "
                "which it is an excerpt of (<!-- from: path -->)"
            )
        block = example.parsed.strip("\n")
        text = (ROOT / origin.group(1)).read_text(encoding="utf-8")
        # A function's body need not be indented on the page.
        if not any(textwrap.indent(block, " " * depth) in text for depth in (0, 4, 8)):
            return f"the block is not in {origin.group(1)}, or not as it stands there"
        return None


def check_text(example: Example) -> str | None:
    """Return what is wrong with a text, such as a picture of the tree: paths that do not exist."""
    paths = re.findall(r"[\w.-]+(?:/[\w.-]+)+", example.parsed)
    missing = [path for path in paths if not (ROOT / path).exists()]
    if not paths:
        return "expected a text that can be checked, with paths of this tree"
    return f"{', '.join(missing)}: no such path" if missing else None


def check_shell(example: Example) -> str | None:
    """Return what is wrong with the commands of a block."""
    return check_commands(example.parsed)


PARSERS = (
    PythonCodeBlockParser(doctest_optionflags=doctest.ELLIPSIS),
    CodeBlockParser("sh", check_shell),
    CodeBlockParser("text", check_text),
    OtherBlocks(),
)


def parse(page: Path) -> Document:
    """Return the page with its blocks; those of Python share a namespace."""
    return Document.parse(str(page), *PARSERS)


def missing_modules(page: Path) -> list[str]:
    """Return which modules are not installed of those that the page needs."""
    # They are not imported, which some can only be after what the page does first.
    return [module for module in needed_modules(page) if find_spec(module) is None]


def needed_modules(page: Path) -> list[str]:
    """Return what the page says it needs: ``<!-- needs: torch, jax -->``."""
    found = re.search(r"^<!-- needs: (.*) -->$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return found.group(1).split(", ") if found else []
