"""Links to what a class has of its base: instep.Adam.step leads to instep.Optimizer.step."""

from __future__ import annotations

import inspect
import pydoc
from typing import TYPE_CHECKING

from sphinx.util.nodes import make_refnode

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment
    from sphinx.util.typing import ExtensionMetadata


def canonical(cls: type) -> str:
    """Return the name by which Sphinx knows a class, wherever it was imported to."""
    return f"{cls.__module__}.{cls.__qualname__}"


def _resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: nodes.Element
) -> nodes.Element | None:
    if node.get("refdomain") != "py":
        return None
    objects = env.domains.python_domain.objects
    target = node["reftarget"]
    module, cls = node.get("py:module"), node.get("py:class")
    for name in (f"{module}.{cls}.{target}", f"{module}.{target}", target):
        owner, _, member = name.rpartition(".")
        found = pydoc.locate(name)
        candidates = [canonical(found)] if inspect.isclass(found) else []
        candidates += [
            f"{objects[canonical(base)].node_id}.{member}"
            for base in getattr(pydoc.locate(owner), "__mro__", ())
            if canonical(base) in objects
        ]
        for candidate in candidates:
            if candidate in objects:
                entry = objects[candidate]
                return make_refnode(
                    app.builder, node["refdoc"], entry.docname, entry.node_id, contnode, candidate
                )
    return None


def setup(app: Sphinx) -> ExtensionMetadata:
    """Try what Sphinx has not found by itself."""
    app.connect("missing-reference", _resolve)
    return {"version": "1", "parallel_read_safe": True}
