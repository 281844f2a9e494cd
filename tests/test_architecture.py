"""Arrows point down only: what lies lower knows nothing of what lies above it."""

from __future__ import annotations

import inspect
from graphlib import CycleError, TopologicalSorter

import pytest

import instep
from tests.imports import import_graph, imported_names, included, modules
from tests.processes import ROOT

PACKAGE = ROOT / "python/instep"
CPP = ROOT / "cpp"

pytestmark = pytest.mark.skipif(
    not (PACKAGE.is_dir() and CPP.is_dir()), reason="the sources are not beside the tests"
)

FLOORS: tuple[tuple[str, ...], ...] = (
    ("__main__",),
    ("bench", "study"),
    ("interop",),
    ("",),
    ("functional", "keyed", "line_search", "mpi"),
    ("optimizers",),
    ("two_points",),
    ("optimizer",),
    ("resumable_optimizer",),
    ("checkpoint", "core_optimizer"),
    ("nested", "reference", "state_dict"),
    ("param_group", "row_gradient"),
    ("config", "rule", "schedules"),
    ("parameters", "storage"),
    ("gradient_options", "hyperparameters"),
    ("_core",),
    ("commandline", "dlpack", "docstrings", "names", "numbers", "state_shapes"),
)
"""The rooms of python/instep, from the top; "" is the package's face."""

ADMITTED: dict[str, set[str]] = {
    "bench": {"_core", "commandline", "interop", "mpi", "optimizers"},
    "interop": {
        "_core",
        "docstrings",
        "gradient_options",
        "names",
        "numbers",
        "optimizers",
        "parameters",
        "rule",
        "storage",
    },
    "study": {"commandline"},
}
"""What the rooms above the face import beside public names."""

BELOW = {
    "rules": {"rules"},
    "kernels": {"kernels", "rules"},
    "engine": {"engine", "kernels"},
    "bindings": {"bindings", "engine", "kernels"},
}
"""For each folder of cpp/ those whose files it includes."""


def room(module: str) -> str:
    """Return the room of a module: its first name below the package's."""
    return module.partition(".")[2].partition(".")[0]


def test_no_modules_import_one_another_in_a_circle() -> None:
    try:
        TopologicalSorter(import_graph(PACKAGE)).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_every_import_leads_to_a_lower_floor() -> None:
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    graph = import_graph(PACKAGE)
    assert floor.keys() == {room(name) for name in graph}
    up = [
        f"{module} imports {each}"
        for module, imported in graph.items()
        for each in sorted(imported)
        if room(each) != room(module) and floor[room(each)] <= floor[room(module)]
    ]
    assert not up, "\n".join(up)


def test_what_lies_above_the_face_imports_public_names() -> None:
    public = {f"instep.{name}" for name in instep.__all__}
    for name in instep.__all__:
        if inspect.ismodule(module := getattr(instep, name)):
            public |= {f"instep.{name}.{each}" for each in module.__all__}
    found: dict[str, set[str]] = {name: set() for name in ADMITTED}
    for importing, file in modules(PACKAGE).items():
        own = room(importing)
        if own not in ADMITTED:
            continue
        for source, taken in imported_names(file):
            whole = source if taken is None else f"{source}.{taken}"
            ours = whole.startswith("instep.") and room(whole) != own
            if ours and whole not in public:
                found[own].add(room(whole))
    assert found == ADMITTED


@pytest.mark.parametrize("folder", BELOW)
def test_no_header_of_a_higher_floor_is_included(folder: str) -> None:
    files = [file for file in (CPP / folder).iterdir() if file.suffix in {".hpp", ".cpp", ".inl"}]
    assert files
    up = {
        f"{file.name} includes {each}"
        for file in files
        for each in included(file)
        if each.partition("/")[0] not in BELOW[folder]
    }
    assert not up, "\n".join(sorted(up))


def test_a_rule_includes_nothing_of_ours_but_what_rules_are_made_of() -> None:
    for file in CPP.glob("rules/*.hpp"):
        if file.stem not in {"all", "elementary", "rule", "schedule_free", "state_shape"}:
            others = set(included(file)) - {"rules/elementary.hpp", "rules/schedule_free.hpp"}
            assert others == {"rules/rule.hpp"}, file.name
