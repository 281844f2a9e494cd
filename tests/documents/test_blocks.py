"""What a page may not say, whichever kind of block says it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sybil.example import SybilFailure

from tests.documents.blocks import needed_modules, parse
from tests.documents.shell import check_commands


def evaluate(page: Path, text: str) -> None:
    page.write_text(text, encoding="utf-8")
    for example in parse(page).examples():
        example.evaluate()


@pytest.mark.parametrize(
    "text",
    [
        "```python\nx = 1\n```\n\n```python\n>>> x + 1\n2\n```",
        "```python\n>>> x = 1\n>>> x\n1\n```",
        "1. An item\n\n   ```python\n   >>> 1 + 1\n   2\n   ```",
        "```sh\npip install instep\n```",
        "<!-- from: cpp/rules/rule.hpp -->\n```cpp\n#pragma once\n```",
        "```text\ncpp/rules   the mathematics\n```",
        "```{toctree}\nperformance\n```",
    ],
)
def test_blocks_that_are_right(text: str, tmp_path: Path) -> None:
    evaluate(tmp_path / "page.md", text)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("```python\n1 / 0\n```", ZeroDivisionError, "division"),
        ("```python\nimport instep\ninstep.Adam2\n```", AttributeError, "Adam2"),
        ("```python\n>>> 1 + 1\n3\n```", SybilFailure, "Got:\n    2"),
        ("```python\n>>> 1 / 0\n0\n```", SybilFailure, "ZeroDivisionError"),
        ("```python\nx = 1\n>>> x\n1\n```", SyntaxError, "invalid syntax"),
        ("```python\nx = 1\n```\n\n```python\n>>> y\n```", SybilFailure, "NameError"),
        ("```sh\npip install instep[nothing]\n```", SybilFailure, "no extra nothing"),
        ("```cpp\n#pragma once\n```", SybilFailure, "excerpt"),
        ("<!-- from: cpp/rules/rule.hpp -->\n```cpp\n#pragma twice\n```", SybilFailure, "not in"),
        ("```text\ncpp/nothing   the mathematics\n```", SybilFailure, "no such path"),
        ("```text\nanything\n```", SybilFailure, "can be checked"),
        ("```\nplain\n```", SybilFailure, "expected python"),
        ("```python3\n1\n```", SybilFailure, "expected python"),
        ("```{code-block} python\n1\n```", ValueError, "overlaps"),
        ("```{code-block} cpp\n1\n```", SybilFailure, "expected python"),
        ("~~~bash\nls\n~~~", SybilFailure, "expected python"),
    ],
)
def test_blocks_that_are_wrong(
    text: str, error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        evaluate(tmp_path / "page.md", text)


def test_what_a_page_needs(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Title\n\n<!-- needs: torch, jax -->\n", encoding="utf-8")
    assert needed_modules(page) == ["torch", "jax"]


@pytest.mark.parametrize(
    "commands",
    [
        "",
        "# nothing but a comment",
        "python -m venv .venv && .venv/bin/pip install '.[test]' && .venv/bin/python -m pytest",
        "pip install 'instep[bfloat16]'  # with a comment",
        "pip install torch",
        "pip install -e . --no-build-isolation",
        "INSTEP_ISA=baseline python -c 'import instep; instep.show_config()'",
        "instep bench --rules adam \\\n  --sizes 10 200x1000",
        "python -m instep study digits --quick",
        "instep --help",
        "pytest tests/api/test_public.py::test_all_names_exist -k names",
        "python examples/sparse_digits.py",
        "python -m tests.accuracy.worst --elements 60",
        "tools/sanitize thread",
    ],
)
def test_commands_that_are_right(commands: str) -> None:
    assert check_commands(commands) is None


@pytest.mark.parametrize(
    ("commands", "message"),
    [
        ("curl https://example.org", "expected one of"),
        ("tools/nothing", "expected one of"),
        ("pip install '.[nothing]'", "no extra nothing"),
        ("pip install numpyy", "no extra of pyproject"),
        ("pip uninstall instep", "expected pip install"),
        ("python -m venv env", r"\.venv"),
        ("python -m tests.nothing", "no module"),
        ("python -c 'import'", "invalid syntax"),
        ("python examples/nothing.py", "does not exist"),
        ("cd instep && pytest tests/nothing.py", "does not exist"),
        ("instep bench --rules nothing", "nothing"),
        ("instep nothing", "invalid choice"),
        ("python -m instep study digits --nothing", "unrecognized"),
        ("nox -s nothing", "no session nothing|does not exist"),
    ],
)
def test_commands_that_are_wrong(commands: str, message: str) -> None:
    found = check_commands(commands)
    assert found is not None
    assert re.search(message, found)
