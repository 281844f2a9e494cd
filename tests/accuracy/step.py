"""The step that a bound is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.accuracy.exact import Element
from tests.accuracy.gradients import Gradient
from tests.accuracy.precision import Precision


class Step(NamedTuple):
    """A step of one element: the exact values before and after it, and the gradient it meets."""

    precision: Precision
    before: Element
    gradient: Gradient
    after: Element
    options: Mapping[str, Any]
    number: int
