"""What docs/accuracy.md says of each rule: a file for each, which is called like the rule.

`exact_step` is the rule without rounding, as its paper writes it. `bound` returns, by the name of
the array or scalar, how far an element of a step may be from it; `bound_in_short` the same to first
order in units, without the rounding of the parameter itself, weight decay and underflow. `OPTIONS`
are those to search among beside what all rules have.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from instep import _core

RULES: Mapping[str, ModuleType] = {
    rule: import_module(f"{__name__}.{rule}")
    for rule in _core.rules()
    if find_spec(f"{__name__}.{rule}") is not None  # docs/accuracy.md names the rest
}
