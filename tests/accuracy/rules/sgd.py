"""SGD."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from tests.accuracy import exact
from tests.accuracy.coefficients import option
from tests.accuracy.exact import Element
from tests.accuracy.precision import compound
from tests.accuracy.rounding import descended, product
from tests.accuracy.step import Step
from tests.accuracy.strategies import rates


def exact_step(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g = exact.gradient(before, options)
    if "momentum_buffer" not in before:
        return {"param": before["param"] - options["lr"] * g}
    momentum = options["momentum"]
    b = momentum * before["momentum_buffer"] + (1 - options["dampening"]) * g if step > 1 else g
    direction = g + momentum * b if options["nesterov"] else b
    return {"param": before["param"] - options["lr"] * direction, "momentum_buffer": b}


def bound(taken: Step) -> Element:
    p, before, g, after, options, step = taken
    lr = option(p, options["lr"])
    if "momentum_buffer" not in before:
        return {"param": descended(p, after["param"], product(p, lr, g.size, g.error))}
    c, momentum = p.rounds_options, options["momentum"]
    terms, error = g.size, g.error
    if step > 1:
        old = abs(before["momentum_buffer"])
        terms = momentum * old + (1 - options["dampening"]) * g.size
        error = compound(p.gamma(3), g.relative) * terms
        error += p.smallest * (2 + c * old) + 2 * g.absolute
    bounds = {"momentum_buffer": error}
    if options["nesterov"]:
        ahead = product(p, option(p, momentum), terms, error)
        terms = g.size + momentum * terms
        error = (1 + p.unit) * (g.error + ahead) + p.unit * terms
    bounds["param"] = descended(p, after["param"], product(p, lr, terms, error))
    return bounds


def bound_in_short(taken: Step) -> Element:
    p, before, g, _, options, _ = taken
    lr, c = options["lr"], p.rounds_options
    if "momentum_buffer" not in before:
        return {"param": (1 + c) * lr * g.size}
    terms = options["momentum"] * abs(before["momentum_buffer"])
    terms += (1 - options["dampening"]) * g.size
    ahead = g.size + options["momentum"] * terms
    param = (6 + 2 * c) * lr * ahead if options["nesterov"] else (4 + c) * lr * terms
    return {"momentum_buffer": 3 * terms, "param": param}


OPTIONS = {"momentum": rates, "dampening": st.floats(0, 1)}
