"""Coverage of what is imported already: an editable install is out of reach of import hooks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FunctionType, ModuleType

import atheris


def instrument_package() -> None:
    """Let libFuzzer see which lines of the package's Python code are reached."""
    for module in [module for name, module in sys.modules.items() if name.startswith("instep.")]:
        for function in _functions(module):
            atheris.instrument_func(function)


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    for member in vars(module).values():
        for each in (member, *(vars(member).values() if isinstance(member, type) else ())):
            function = getattr(each, "fget", None) or getattr(each, "__func__", each)
            if isinstance(function, FunctionType) and function.__module__ == module.__name__:
                yield function
