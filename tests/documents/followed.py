"""A page that says how the source tree is to be changed, followed step by step."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(
    r"^(?P<fence>`{3,})(?P<language>\w*)\n(?P<body>.*?)^(?P=fence)$\n?", re.MULTILINE | re.DOTALL
)
HEADING = re.compile(r"\*\*(New file|Change)\*\* `([^`]+)`:\n\n\Z")


@dataclass(frozen=True)
class Step:
    """A block of the page: a new file, a change of a file, or commands."""

    kind: str
    path: str
    body: str

    def __str__(self) -> str:
        return f"{self.kind} {self.path}".strip()


def steps(page: str) -> Iterator[Step]:
    """Yield what the page asks for; every block asks for something."""
    for block in FENCE.finditer(page):
        heading = HEADING.search(page, 0, block.start())
        language, body = block["language"], block["body"]
        if language == "sh":
            assert heading is None, f"commands under {heading}"
            yield Step("Commands", "", body)
            continue
        assert heading is not None, f"nothing says what becomes of the block\n{body}"
        kind, path = heading.groups()
        assert (language == "diff") == (kind == "Change"), f"{kind} {path}: {language}"
        yield Step(kind, path, body)


def apply(step: Step, tree: Path) -> None:
    """Write a new file, or change one."""
    target = tree / step.path
    if step.kind == "New file":
        assert not target.exists(), f"{step}: exists already"
        target.write_text(step.body, encoding="utf-8")
        return
    text = target.read_text(encoding="utf-8")
    for hunk in step.body.split("@@\n"):
        lines = hunk.splitlines()
        assert all(line == "" or line[0] in " +-" for line in lines), f"{step}: no diff\n{hunk}"
        before = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("+"))
        after = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("-"))
        assert f"\n{text}".count(f"\n{before}") == 1, f"{step}: expected these lines once\n{before}"
        text = f"\n{text}".replace(f"\n{before}", f"\n{after}")[1:]
    target.write_text(text, encoding="utf-8")


def commands(step: Step) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Yield the commands of a block: the variables that they set, and their words."""
    for line in step.body.splitlines():
        words = shlex.split(line)
        variables = {}
        while "=" in words[0]:
            name, _, variables[name] = words.pop(0).partition("=")
        yield variables, words
