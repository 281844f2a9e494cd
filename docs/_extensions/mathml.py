"""Mathematics as MathML, which browsers render themselves: no script, no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.util.typing import ExtensionMetadata
    from sphinx.writers.html5 import HTML5Translator

_logger = logging.getLogger(__name__)
_converter = LatexToMathML(annotation=True, fancy_error=False)


def _converted(latex: str, node: nodes.Element, *, displaystyle: bool) -> str:
    try:
        return _converter.convert_with_local_state(latex, displaystyle=displaystyle)
    except LatexError as error:
        _logger.warning("mathematics: %s\n%s", error, latex, location=node)
        return ""


def _visit_math(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(_converted(node.astext(), node, displaystyle=False))
    raise nodes.SkipNode


def _visit_displaymath(self: HTML5Translator, node: nodes.math_block) -> None:
    latex = node.astext().strip()
    if r"\\" in latex and not latex.startswith(r"\begin"):
        latex = rf"\begin{{aligned}}{latex}\end{{aligned}}"
    # With tabindex a keyboard can scroll what is wider than the page.
    self.body.append(self.starttag(node, "div", CLASS="math", tabindex="0"))
    if node["number"]:
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})</span>')
    self.body.append(_converted(latex, node, displaystyle=True))
    self.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> ExtensionMetadata:
    """Make the renderer known as "mathml"."""
    app.add_html_math_renderer("mathml", (_visit_math, None), (_visit_displaymath, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
