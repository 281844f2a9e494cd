"""Every rule is in every place where it has to be: what was forgotten of a new one is named.

docs/add-an-optimizer.md says what belongs in each.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import instep
from instep import _core, functional, optimizers
from instep.optimizers import class_of
from instep.reference import rules
from tests.cases import arrays_and_options
from tests.optimizers import DESCRIPTIONS
from tests.processes import ROOT

PACKAGE = Path(instep.__file__).parent


def names_of(files: Path, pattern: str, *others: str) -> set[str]:
    return {file.stem for file in files.glob(pattern)} - set(others)


BESIDE = (
    *("elementary", "gradients", "hashing", "master", "rounding", "rules", "schedule_free"),
    *("storage", "sums"),
)
"""Modules of the reference that are no rules."""

SHARED = ("all", "elementary", "rule", "schedule_free", "state_shape")
"""Headers that are no rules."""

RULES = sorted(
    {name.removesuffix("_step") for name in vars(rules) if name.endswith("_step")}
    | set(_core.rules())
    | names_of(PACKAGE / "reference", "[a-z]*.py", *BESIDE)
    | names_of(ROOT / "cpp/rules", "*.hpp", *SHARED)
    | names_of(ROOT / "tests/optimizers", "[a-z]*.py", "description")
    | names_of(ROOT / "tests/accuracy/rules", "[a-z]*.py")
)
"""What is a rule anywhere."""

each_rule = pytest.mark.parametrize("rule", RULES)


def states_of(rule: str) -> list[str]:
    """Return the core's states as arguments are called."""
    return list(class_of(rule)._rule.step_states(dict.fromkeys(_core.rules()[rule][1])))


@each_rule
def test_the_core_has_it(rule: str) -> None:
    assert rule in _core.rules(), (
        f"cpp/rules/all.hpp has no rule {rule!r}, or the extension was built before it had"
    )


@each_rule
def test_the_reference_and_the_functions_have_it(rule: str) -> None:
    assert hasattr(rules, f"{rule}_step"), (
        f"python/instep/reference/rules.py does not import {rule}_step"
    )
    assert hasattr(functional, f"{rule}_step")


@each_rule
def test_the_reference_takes_what_the_core_does(rule: str) -> None:
    (_, _, *states), options = arrays_and_options(rule)
    assert states == states_of(rule), f"states of {rule}_step and of cpp/rules/{rule}.hpp"
    assert tuple(DESCRIPTIONS[rule].scalars) == _core.rules()[rule][2], (
        f"scalars of tests/optimizers/{rule}.py and of cpp/rules/{rule}.hpp"
    )
    assert tuple(DESCRIPTIONS[rule].begin_as_param) == _core.rules()[rule][4], (
        f"begin_as_param of tests/optimizers/{rule}.py and of cpp/rules/{rule}.hpp"
    )
    assert set(options) == set(_core.rules()[rule][0]), (
        f"options of {rule}_step and of cpp/rules/{rule}.hpp"
    )


@pytest.mark.parametrize("name", optimizers.__all__)
def test_the_package_exports_the_class(name: str) -> None:
    assert name in instep.__all__, f"python/instep/__init__.py does not export {name}"


@pytest.mark.parametrize("module", sorted(names_of(PACKAGE / "optimizers", "[a-z]*.py")))
def test_the_list_of_the_classes_has_the_files(module: str) -> None:
    listed = {getattr(optimizers, name).__module__ for name in optimizers.__all__}
    assert f"instep.optimizers.{module}" in listed, (
        f"__all__ of python/instep/optimizers/__init__.py has no class of {module}.py"
    )


@each_rule
def test_the_class_takes_what_the_core_does(rule: str) -> None:
    optimizer = class_of(rule)
    missing = set(_core.rules()[rule][0]) - set(optimizer._rule.checks)
    assert not missing, f"{optimizer.__name__} has no hyperparameter for the core's {missing}"
    _, states, scalars, *_ = _core.rules()[rule]
    told = {*optimizer._rule.switches, *optimizer._rule.initial} - {*states, *scalars}
    assert not told, f"{optimizer.__name__}: the core has no state or scalar {told}"


@each_rule
def test_the_tests_describe_it(rule: str) -> None:
    assert rule in DESCRIPTIONS, f"there is no tests/optimizers/{rule}.py"
    exported = {name for name in optimizers.__all__ if getattr(optimizers, name)._rule.name == rule}
    described = set(DESCRIPTIONS[rule].optimizers)
    assert described == exported, (
        f"tests/optimizers/{rule}.py and python/instep/optimizers/__init__.py"
    )
