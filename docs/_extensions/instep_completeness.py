"""A warning for whatever is public and on no page: with -W, the build fails."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import pydoc
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from instep_references import canonical
from sphinx.util import logging

import instep

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment
    from sphinx.util.typing import ExtensionMetadata

_logger = logging.getLogger(__name__)


def _check(_app: Sphinx, env: BuildEnvironment) -> None:
    documented = env.domains.python_domain.objects
    for name in _public_names():
        found = pydoc.locate(name)
        if name not in documented:
            _logger.warning("%s is public but on no page of the API", name)
        elif inspect.isclass(found):
            for member in _missing_members(found, documented):
                _logger.warning("%s.%s is public but on no page of the API", name, member)


def _public_names() -> Iterator[str]:
    for module in _public_modules():
        for name in module.__all__:
            if not name.startswith("__"):
                yield f"{module.__name__}.{name}"


def _public_modules() -> Iterator[ModuleType]:
    yield instep
    for name in instep.__all__:
        if inspect.ismodule(module := getattr(instep, name)):
            yield module
    if find_spec("instep.mpi"):
        yield importlib.import_module("instep.mpi")
    if find_spec("instep.interop"):
        interop = importlib.import_module("instep.interop")
        for found in pkgutil.iter_modules(interop.__path__, "instep.interop."):
            if not found.name.rpartition(".")[2].startswith("_"):
                yield importlib.import_module(found.name)


def _missing_members(cls: type, documented: Mapping[str, Any]) -> Iterator[str]:
    """Yield the members, as far as they are ours, that no class which has them documents."""
    bases = [base for base in cls.__mro__ if base.__module__.startswith("instep.")]
    pages = [documented[canonical(base)].node_id for base in bases if canonical(base) in documented]
    members = {name for base in bases for name in vars(base) if not name.startswith("_")}
    for member in sorted(members):
        if not any(f"{page}.{member}" in documented for page in pages):
            yield member


def setup(app: Sphinx) -> ExtensionMetadata:
    """Check at the end, when all pages have been read."""
    app.connect("env-check-consistency", _check)
    return {"version": "1", "parallel_read_safe": True}
