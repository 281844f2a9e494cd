"""What the tests know of each rule: a file for each, which is called like the rule."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec

from instep import _core
from tests.optimizers.description import Description

DESCRIPTIONS: Mapping[str, Description] = {
    rule: import_module(f"{__name__}.{rule}").DESCRIPTION
    for rule in _core.rules()
    if find_spec(f"{__name__}.{rule}") is not None  # tests/rules/test_registries.py names the rest
}
