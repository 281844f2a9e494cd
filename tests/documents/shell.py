"""Commands that pages show: checked against what they would meet, without running them."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import shlex
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

from packaging.requirements import Requirement

from instep.__main__ import main_parser

ROOT = Path(__file__).parents[2]
Arguments = Sequence[str]


class WrongCommandError(Exception):
    """A command that would not do what the page says."""


def check_commands(source: str) -> str | None:
    """Return what is wrong with the first command of `source` that is, None where none is."""
    for line in source.replace("\\\n", " ").splitlines():
        tokens = shlex.shlex(line, posix=True, punctuation_chars=";&|")
        tokens.whitespace_split = True
        words = list(tokens)
        while words:
            end = next((k for k, word in enumerate(words) if word in ("&&", ";", "|")), len(words))
            command, words = words[:end], words[end + 1 :]
            try:
                _check(command)
            except WrongCommandError as error:
                return f"{shlex.join(command)}: {error}"
    return None


def _check(words: Arguments) -> None:
    while words and re.match(r"\w+=", words[0]):  # variables of the environment
        words = words[1:]
    if words and words[0] in ("until", "do"):
        words = words[1:]
    if not words:
        raise WrongCommandError("no command")
    program = words[0].removeprefix(".venv/bin/")
    if program in _PROGRAMS:
        _PROGRAMS[program](words[1:])
    elif "/" not in program or not (ROOT / program).is_file():
        raise WrongCommandError(f"expected one of {', '.join(_PROGRAMS)}, or a file of this tree")


def _python(words: Arguments) -> None:
    match words:
        case ["-m", "venv", folder]:
            if not folder.startswith(".venv"):
                raise WrongCommandError(".gitignore knows .venv* alone")
        case ["-m", module, *rest] if module in _PROGRAMS:
            _PROGRAMS[module](rest)
        case ["-m", "mpi4py", *rest]:
            _python(rest)
        case ["-m", module, *_]:
            if not (ROOT / (module.replace(".", "/") + ".py")).is_file():
                raise WrongCommandError(f"no module {module}")
        case ["-c", program]:
            _parse(program)
        case [file, *_]:
            _exists(file)
        case []:
            raise WrongCommandError("nothing to run")


def _processes(words: Arguments) -> None:
    """Check what several processes run: ``mpiexec -n 4 python …``."""
    match words:
        case ["-n" | "--ntasks", number, "python", *rest] if number.isdigit():
            _python(rest)
        case _:
            raise WrongCommandError("expected -n NUMBER python ...")


def _torchrun(words: Arguments) -> None:
    match words:
        case ["--standalone", "--nproc-per-node", number, *rest] if number.isdigit():
            _python(rest)
        case _:
            raise WrongCommandError("expected --standalone --nproc-per-node NUMBER FILE ...")


def _parse(program: str) -> None:
    try:
        ast.parse(program)
    except SyntaxError as error:
        raise WrongCommandError(str(error)) from None


def _pip(words: Arguments) -> None:
    if words[:1] != ["install"]:
        raise WrongCommandError("expected pip install")
    project = _project()
    extras = project["optional-dependencies"]
    known = {Requirement(each).name for group in extras.values() for each in group} | {"instep"}
    options = ("-e", "--editable", "-U", "--upgrade", "-v", "--no-build-isolation")
    for word in words[1:]:
        if word in options or word.startswith("--config-settings="):
            continue
        requirement = Requirement(re.sub(r"^\.", "instep", word))
        if requirement.name not in known:
            raise WrongCommandError(f"{requirement.name} is in no extra of pyproject.toml")
        for extra in requirement.extras:
            if requirement.name == "instep" and extra not in extras:
                raise WrongCommandError(f"pyproject.toml has no extra {extra}")


def _project() -> dict[str, dict[str, list[str]]]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project: dict[str, dict[str, list[str]]] = tomllib.loads(text)["project"]
    return project


def _pytest(words: Arguments) -> None:
    for word in words:
        if not word.startswith("-") and "/" in word:
            _exists(word.partition("::")[0])


def _instep(words: Arguments) -> None:
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        try:
            main_parser().parse_args(words)
        except SystemExit as end:
            if end.code != 0:
                raise WrongCommandError(errors.getvalue()) from None


def _nox(words: Arguments) -> None:
    _exists("noxfile.py")
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    sessions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    match words:
        case ["-s" | "--session" | "-e", *names]:
            for name in names[: names.index("--") if "--" in names else None]:
                if re.sub(r"-.*|\(.*", "", name) not in sessions:
                    raise WrongCommandError(f"noxfile.py has no session {name}")
        case ["-l" | "--list"] | []:
            pass
        case _:
            raise WrongCommandError("expected nox, nox -l or nox -s SESSION ...")


def _exists(path: str) -> None:
    if not (ROOT / path).exists():
        raise WrongCommandError(f"{path} does not exist")


def _paths(words: Arguments) -> None:
    for word in words:
        if "/" in word:
            _exists(word)


def _any(words: Arguments) -> None:
    """Accept what depends on nothing of this tree."""


_PROGRAMS: dict[str, Callable[[Arguments], None]] = {
    ":": _any,
    "cd": _any,
    "done": _any,
    "git": _any,
    "instep": _instep,
    "mpiexec": _processes,
    "mypy": _paths,
    "nox": _nox,
    "pip": _pip,
    "pytest": _pytest,
    "python": _python,
    "ruff": _paths,
    "srun": _processes,
    "torchrun": _torchrun,
}
