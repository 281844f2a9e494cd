"""How the documentation is built: sphinx-build -n -W docs build/docs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import instep

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))
# Of the command the pages show what this Python prints, as wide as they are.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
os.environ["COLUMNS"] = "88"

project = "instep"
author = "The instep developers"
copyright = author  # noqa: A001
version = release = instep.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "numpydoc",
    "sphinxcontrib.programoutput",
    "instep_completeness",
    "instep_docstrings",
    "instep_references",
    "mathml",
    "root_files",
]
exclude_patterns = ["_extensions", "_static"]

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4

html_theme = "furo"
html_title = "instep"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False

default_role = "autolink"  # of docstrings: `name` is a link where it names something

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # numpydoc's sections say what may be passed, in words
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
numpydoc_validation_checks = {"all", "EX01", "SA01", "ES01"}

nitpick_ignore_regex: list[tuple[str, str]] = []

suppress_warnings = ["toc.not_readable"]  # until every page is there
