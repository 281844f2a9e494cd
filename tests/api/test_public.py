"""What the package shows: names, documentation, signatures, types, the command."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import json
import pkgutil
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import instep
from instep import _core, functional, line_search, reference, schedules
from instep.optimizers import class_of
from tests.api.model import DEFAULTS
from tests.optimizers import DESCRIPTIONS
from tests.processes import run_python

PACKAGE = Path(instep.__file__).parent
NAMES = {
    *DEFAULTS,
    "CheckpointError",
    "Keyed",
    "Optimizer",
    "RowGradient",
    "flatten",
    "functional",
    "get_num_threads",
    "line_search",
    "reference",
    "schedules",
    "set_num_threads",
    "show_config",
}
OPTIONAL = (
    *("instep.bench", "instep.interop.scipy", "instep.interop.torch", "instep.mpi", "instep.study"),
    "instep.__main__",
)
"""What needs an extra, and what runs when it is imported."""

NEEDED = {"instep.row_gradient": "scipy.sparse"}
"""What the examples of a module need that may be absent."""

MODULES = ["instep"] + [
    module.name
    for module in pkgutil.walk_packages(instep.__path__, "instep.")
    if not module.name.startswith((*OPTIONAL, "instep._core"))
]
SCHEDULES = [getattr(schedules, name) for name in schedules.__all__]
RULES = [*(getattr(instep, name) for name in DEFAULTS), line_search.ArmijoSGD, *SCHEDULES]
"""Classes that are the formula of a paper."""

CLASSES = [*RULES, instep.Keyed, instep.Optimizer, instep.RowGradient]
METHODS = [
    schedules.CosineDecay.__call__,
    instep.Optimizer.step,
    instep.Optimizer.add_param_group,
    instep.Optimizer.rebind,
    instep.Optimizer.reset,
    instep.Optimizer.state_dict,
    instep.Optimizer.load_state_dict,
    instep.Optimizer.save,
    instep.Optimizer.load,
    instep.Keyed.step,
    instep.Keyed.load_state_dict,
    instep.Keyed.save,
    instep.Keyed.load,
    instep.RowGradient.from_scipy,
    line_search.ArmijoSGD.step,
    line_search.ArmijoSGD.state_dict,
    line_search.ArmijoSGD.load_state_dict,
]
NAMES_OF_STEPS: list[str] = vars(functional)["__all__"]  # which type checkers do not see
NAMES_OF_REFERENCE: list[str] = vars(reference)["__all__"]
FUNCTIONS = [
    instep.flatten,
    instep.set_num_threads,
    instep.get_num_threads,
    instep.show_config,
    *(getattr(functional, name) for name in NAMES_OF_STEPS),
    *(getattr(reference, name) for name in NAMES_OF_REFERENCE),
]


def test_all_names_exist() -> None:
    assert set(instep.__all__) == NAMES | {"__version__"}
    assert sorted(set(instep.__all__)) == sorted(instep.__all__)
    for name in instep.__all__:
        assert hasattr(instep, name)
    assert set(instep.__all__) <= set(dir(instep))


def test_functional_and_reference_have_the_same_names() -> None:
    steps = [name for name in NAMES_OF_REFERENCE if name.endswith("_step")]
    assert sorted(NAMES_OF_STEPS) == sorted(steps)
    assert {name.removesuffix("_step") for name in NAMES_OF_STEPS} == set(_core.rules())


@pytest.mark.parametrize("name", NAMES_OF_STEPS)
def test_functional_has_the_signatures_of_the_reference(name: str) -> None:
    ours = inspect.signature(getattr(functional, name)).parameters.values()
    theirs = inspect.signature(getattr(reference, name)).parameters.values()
    assert [(p.name, p.kind, p.default) for p in ours] == [
        (p.name, p.kind, p.default) for p in theirs
    ]


@pytest.mark.parametrize("rule", DESCRIPTIONS)
def test_functions_have_the_defaults_of_the_class(rule: str) -> None:
    optimizer = class_of(rule)
    defaults = optimizer._rule.parts(DEFAULTS[optimizer.__name__])
    options = {
        each.name: each.default
        for each in inspect.signature(getattr(functional, f"{rule}_step")).parameters.values()
        if each.kind is each.KEYWORD_ONLY and each.name != "step"
    }
    assert "lr" in options
    assert options == {name: defaults[name] for name in options}


@pytest.mark.parametrize("name", DEFAULTS)
def test_classes_take_their_hyperparameters(name: str) -> None:
    optimizer = getattr(instep, name)
    params, *options, own = inspect.signature(optimizer).parameters.values()
    assert (params.name, params.default) == ("params", inspect.Parameter.empty)
    assert own.kind is inspect.Parameter.VAR_KEYWORD
    fixed = optimizer._rule.defaults.keys() - DEFAULTS[name].keys()
    assert fixed == set() or optimizer is not class_of(optimizer._rule.name)
    assert [option.name for option in options] == list(DEFAULTS[name])
    assert DEFAULTS[name].keys() | fixed == optimizer._rule.hyperparameters.keys()


def sections(documented: Any) -> dict[str, str]:
    """Return the sections of a numpydoc docstring by their titles."""
    text = inspect.getdoc(documented)
    assert text, f"{documented} has no docstring"
    pieces = re.split(r"^(\w[\w ]*)\n-{3,}\n", text, flags=re.MULTILINE)
    assert re.match(r"\S.*\.(\n|$)", pieces[0]), f"{documented}: no summary line"
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


@pytest.mark.parametrize(
    "public", [*CLASSES, *METHODS, *FUNCTIONS], ids=lambda public: public.__qualname__
)
def test_every_parameter_is_documented(public: Callable[..., Any]) -> None:
    found = sections(public)
    wanted = [name for name in inspect.signature(public).parameters if name != "self"]
    documented = [
        name
        for names in re.findall(
            r"^\**(\w[\w, ]*?) *(?::.*)?$", found.get("Parameters", ""), re.MULTILINE
        )
        for name in names.split(", ")
    ]
    assert documented == wanted


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__qualname__)
def test_every_class_says_its_rule_and_shows_an_example(rule: type) -> None:
    found = sections(rule)
    assert ".. math::" in (inspect.getdoc(rule) or "")
    assert found["References"]
    assert ">>> " in found["Examples"]


@pytest.mark.parametrize("module", MODULES)
def test_modules_are_documented_and_their_examples_run(module: str) -> None:
    if module in NEEDED:
        pytest.importorskip(NEEDED[module])
    imported = importlib.import_module(module)
    assert imported.__doc__
    assert doctest.testmod(imported).failed == 0


def test_doctests_are_found() -> None:
    attempted = sum(doctest.testmod(importlib.import_module(name)).attempted for name in MODULES)
    assert attempted >= 4 * (len(DEFAULTS) + len(NAMES_OF_REFERENCE))


def test_types_ship() -> None:
    assert (PACKAGE / "py.typed").is_file()
    stub = ast.parse((PACKAGE / "_core.pyi").read_text(encoding="utf-8"))
    declared = set()
    for node in stub.body:
        match node:
            case ast.ClassDef(bases=[ast.Name("TypedDict" | "type")]):
                continue  # describes a value or a class; the module has no such name
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                declared.add(name)
            case ast.AnnAssign(target=ast.Name(name)):
                declared.add(name)
    offered = {name for name in dir(_core) if not name.startswith("__")}
    assert {name for name in declared if not name.startswith("__")} == offered


def test_import_needs_numpy_alone() -> None:
    program = (
        "import sys; before = set(sys.modules); import instep; "
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    result = run_python("-c", program)
    assert result.returncode == 0, result.stderr
    imported = set(result.stdout.split()) - sys.stdlib_module_names
    assert {name for name in imported if not name.startswith("_")} == {"instep", "numpy"}


CONFIGURATION: dict[str, type | tuple[type, ...]] = {
    "version": str,
    "compiler": str,
    "flags": (str, list),
    "openmp": (str, type(None)),
    "isa": dict,
    "num_threads": int,
}


def check_configuration(found: Any) -> None:
    for key, kind in CONFIGURATION.items():
        assert isinstance(found[key], kind), key
    assert found["version"] == instep.__version__
    assert found["num_threads"] >= 1
    isa = found["isa"]
    assert set(isa) == {"built", "supported", "chosen"}
    assert isa["chosen"] in isa["supported"]
    assert set(isa["supported"]) <= set(isa["built"])


def test_show_config_returns_dictionaries() -> None:
    found = instep.show_config("dicts")
    check_configuration(found)
    assert found == instep.show_config(mode="dicts")


def test_show_config_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert instep.show_config() is None
    assert json.loads(capsys.readouterr().out) == instep.show_config("dicts")


@pytest.mark.parametrize("mode", ["json", "", None, 1])
def test_show_config_refuses_other_modes(mode: Any) -> None:
    with pytest.raises(ValueError, match=r"stdout.*dicts"):
        instep.show_config(mode)


def test_the_command_prints_the_configuration() -> None:
    result = run_python("-m", "instep", "info")
    assert result.returncode == 0, result.stderr
    check_configuration(json.loads(result.stdout))


def test_the_command_prints_its_version() -> None:
    result = run_python("-m", "instep", "--version")
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"instep {instep.__version__}\n"


@pytest.mark.parametrize("arguments", [(), ("unknown",), ("info", "--unknown")])
def test_the_command_explains_itself(arguments: tuple[str, ...]) -> None:
    result = run_python("-m", "instep", *arguments)
    assert result.returncode == 2
    assert "usage: instep" in result.stderr
    assert "Traceback" not in result.stderr


def test_threads_are_capped_and_freed() -> None:
    free = instep.get_num_threads()
    try:
        instep.set_num_threads(1)
        assert instep.get_num_threads() == 1
        assert instep.show_config("dicts")["num_threads"] == 1
    finally:
        instep.set_num_threads(None)
    assert instep.get_num_threads() == free


@pytest.mark.parametrize(
    ("threads", "error"),
    [(0, ValueError), (-1, ValueError), (1.0, TypeError), ("1", TypeError), (True, TypeError)],
)
def test_threads_that_are_refused(threads: Any, error: type[Exception]) -> None:
    before = instep.get_num_threads()
    with pytest.raises(error, match="n: expected"):
        instep.set_num_threads(threads)
    assert instep.get_num_threads() == before


def test_an_error_does_not_show_the_extension_in_its_type() -> None:
    """Errors are Python's own, so that nobody needs to import a private name to catch them."""
    for public in vars(_core).values():
        assert not (inspect.isclass(public) and issubclass(public, BaseException))
