"""What the module shows: names, signatures, documentation, what it needs."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from typing import Any

import pytest

pytest.importorskip("torch")
import torch

import instep.interop.torch as drop_in
from tests.api.model import DEFAULTS
from tests.api.test_public import sections
from tests.interop.torch.training import OWN
from tests.processes import run_python

CLASSES = [name for name in drop_in.__all__ if inspect.isclass(getattr(drop_in, name))]
MODULES = [
    drop_in.__name__,
    *(module.name for module in pkgutil.walk_packages(drop_in.__path__, f"{drop_in.__name__}.")),
]


def test_names() -> None:
    torchs = {name for name in DEFAULTS if hasattr(torch.optim, name)}
    assert set(CLASSES) == torchs | {"AMSGrad", "SparseAdam"}


@pytest.mark.parametrize("name", sorted({*CLASSES} - {"AMSGrad"}))
def test_signatures_are_torchs_and_more(name: str) -> None:
    """By position and by name: what is our own comes last, and by name alone."""

    def parameters(module: Any) -> list[tuple[str, Any, Any]]:
        found = inspect.signature(getattr(module, name)).parameters.values()
        return [(each.name, each.kind, each.default) for each in found]

    ours, theirs = parameters(drop_in), parameters(torch.optim)
    more = {"Adam": {"decoupled_weight_decay"}, "RMSprop": {"initial_accumulator_value"}}
    own = OWN | more.get(name, set())
    assert ours.pop()[:2] == ("options", inspect.Parameter.VAR_KEYWORD)
    assert [each for each in ours if each[0] not in own] == [
        each for each in theirs if each[0] not in own
    ]
    assert all(kind is inspect.Parameter.KEYWORD_ONLY for each, kind, _ in ours if each in own)


@pytest.mark.parametrize("name", sorted({*CLASSES} - {"AMSGrad"}))
def test_an_optimizer_is_one_of_torchs_class(name: str) -> None:
    assert issubclass(getattr(drop_in, name), getattr(torch.optim, name))


@pytest.mark.parametrize("name", drop_in.__all__)
def test_every_parameter_is_documented(name: str) -> None:
    public = getattr(drop_in, name)
    found = sections(public)
    documented = [
        each
        for line in found["Parameters"].splitlines()
        if line and not line.startswith(" ")
        for each in line.partition(" : ")[0].lstrip("*").split(", ")
    ]
    assert sorted(documented) == sorted(inspect.signature(public).parameters)
    assert ">>> " in found["Examples"]
    assert "Raises" in found


@pytest.mark.parametrize("module", MODULES)
def test_modules_are_documented_and_their_examples_run(module: str) -> None:
    imported = importlib.import_module(module)
    assert imported.__doc__
    assert doctest.testmod(imported).failed == 0


def test_without_torch_the_error_says_what_to_install() -> None:
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "import instep, instep.interop\n"
        "try: import instep.interop.torch\n"
        "except ImportError as error: print(error)"
    )
    result = run_python("-c", program)
    assert result.returncode == 0, result.stderr
    assert "pip install 'instep[torch]'" in result.stdout


def test_what_torch_has_for_several_processes_is_not_imported() -> None:
    """Although DTensors are stepped; torch itself does, when it makes an optimizer."""
    program = "import sys, instep.interop.torch; print('torch.distributed.tensor' in sys.modules)"
    result = run_python("-c", program)
    assert result.stdout == "False\n", result.stderr


def test_instep_does_not_import_torch() -> None:
    result = run_python("-c", "import sys, instep, instep.interop; print('torch' in sys.modules)")
    assert result.stdout == "False\n", result.stderr
