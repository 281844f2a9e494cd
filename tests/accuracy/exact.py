"""The update rules in arithmetic without rounding, as their papers write them.

Numbers are mpmath's, of 320 bits: against the rounding errors of float64 an error of 2**-320 of the
largest term is none. A dictionary holds one element of each array, and the scalars, by the name of
its argument.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import mpmath

from instep import reference
from tests.optimizers import DESCRIPTIONS

context = mpmath.MPContext()
context.prec = 320

Real: TypeAlias = Any
"""An mpmath number of `context`."""

Element: TypeAlias = dict[str, Real]

number = context.mpf
root = context.sqrt


def all_options(rule: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a step function, defaults included, floats as exact numbers.

    It says of every rule whether its decay is no part of the gradient.
    """
    signature = inspect.signature(getattr(reference, f"{rule}_step"))
    defaults = {
        name: parameter.default
        for name, parameter in signature.parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and name != "step"
    }
    every = {**defaults, **options}
    if DESCRIPTIONS[rule].decay != "coupled":
        every["decoupled_weight_decay"] = True
    return {name: number(v) if isinstance(v, float) else v for name, v in every.items()}


def condition(
    grads: Sequence[Sequence[Real]],
    *,
    grad_scale: float = 1.0,
    clip_value: float | None = None,
    clip_norm: float | None = None,
) -> list[list[Real]]:
    """Return the elements of all gradients, unscaled and clipped."""
    unscaled = [[g / number(grad_scale) for g in grad] for grad in grads]
    if clip_value is not None:
        largest = number(clip_value)
        unscaled = [[min(max(g, -largest), largest) for g in grad] for grad in unscaled]
    if clip_norm is None:
        return unscaled
    norm = root(context.fsum(g * g for grad in unscaled for g in grad))
    factor = min(number(1), number(clip_norm) / (norm + number(1e-6)))
    return [[factor * g for g in grad] for grad in unscaled]


def gradient(before: Element, options: Mapping[str, Any]) -> Real:
    """Return the gradient with its sign and the decay that is part of it."""
    signed = -before["grad"] if options["maximize"] else before["grad"]
    if options.get("decoupled_weight_decay"):
        return signed
    return signed + options.get("weight_decay", 0) * before["param"]


def sgd(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g = gradient(before, options)
    if "momentum_buffer" not in before:
        return {"param": before["param"] - options["lr"] * g}
    momentum = options["momentum"]
    b = momentum * before["momentum_buffer"] + (1 - options["dampening"]) * g if step > 1 else g
    direction = g + momentum * b if options["nesterov"] else b
    return {"param": before["param"] - options["lr"] * direction, "momentum_buffer": b}


def adam(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g = gradient(before, options)
    beta1, beta2, eps = options["beta1"], options["beta2"], options["eps"]
    m = beta1 * before["exp_avg"] + (1 - beta1) * g
    v = beta2 * before["exp_avg_sq"] + (1 - beta2) * g * g
    after = {"exp_avg": m, "exp_avg_sq": v}
    if "max_exp_avg_sq" in before:
        v = after["max_exp_avg_sq"] = max(before["max_exp_avg_sq"], v)
    if options["bias_correction"]:
        correction = 1 - beta2**step
        m, v = m / (1 - beta1**step), v / correction
        eps = eps / root(correction) if options["eps_hat"] else eps
    update = _quotient(m, root(v) + eps)
    return {**after, "param": _shrunk(before, options) - options["lr"] * update}


def adamax(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g = gradient(before, options)
    m = options["beta1"] * before["exp_avg"] + (1 - options["beta1"]) * g
    u = max(options["beta2"] * before["exp_inf"], abs(g) + options["eps"])
    update = options["lr"] * _quotient(m / (1 - options["beta1"] ** step), u)
    return {"param": before["param"] - update, "exp_avg": m, "exp_inf": u}


def radam(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g = gradient(before, options)
    beta1, beta2 = options["beta1"], options["beta2"]
    m = beta1 * before["exp_avg"] + (1 - beta1) * g
    v = beta2 * before["exp_avg_sq"] + (1 - beta2) * g * g
    direction = m / (1 - beta1**step)
    longest, length = lengths(beta2, step)
    if length > 5:
        direction = _quotient(direction, root(v) + options["eps"]) * root(1 - beta2**step)
        direction *= root((length - 4) * (length - 2) * longest)
        direction /= root((longest - 4) * (longest - 2) * length)
    param = _shrunk(before, options) - options["lr"] * direction
    return {"param": param, "exp_avg": m, "exp_avg_sq": v}


def lengths(beta2: Real, step: int) -> tuple[Real, Real]:
    """Return of how many squares RAdam's second moment is a mean, in the end and at a step."""
    longest = 2 / (1 - beta2) - 1
    return longest, longest - 2 * step * beta2**step / (1 - beta2**step)


def nadam(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g = gradient(before, options)
    beta1, beta2 = options["beta1"], options["beta2"]
    m = beta1 * before["exp_avg"] + (1 - beta1) * g
    v = beta2 * before["exp_avg_sq"] + (1 - beta2) * g * g
    mu, next_mu = (momentum(options, number) for number in (step, step + 1))
    product = before["mu_product"] * mu
    ahead = next_mu * m / (1 - product * next_mu) + (1 - mu) * g / (1 - product)
    update = _quotient(ahead, root(v / (1 - beta2**step)) + options["eps"])
    param = _shrunk(before, options) - options["lr"] * update
    return {"param": param, "exp_avg": m, "exp_avg_sq": v, "mu_product": product}


def momentum(options: Mapping[str, Any], step: int) -> Real:
    """Return NAdam's momentum of a step."""
    return options["beta1"] * (1 - number(0.96) ** (step * options["momentum_decay"]) / 2)


def rmsprop(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g = gradient(before, options)
    alpha = options["alpha"]
    v = alpha * before["square_avg"] + (1 - alpha) * g * g
    after = {"square_avg": v}
    if "grad_avg" in before:
        mean = after["grad_avg"] = alpha * before["grad_avg"] + (1 - alpha) * g
        v = max(v - mean * mean, number(0))
    direction = _quotient(g, _denominator(v, options))
    if "momentum_buffer" in before:
        direction += options["momentum"] * before["momentum_buffer"]
        after["momentum_buffer"] = direction
    return {**after, "param": before["param"] - options["lr"] * direction}


def adagrad(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g = gradient(before, options)
    total = before["state_sum"] + g * g
    lr = options["lr"] / (1 + (step - 1) * options["lr_decay"])
    quotient = _quotient(g, _denominator(total, options))
    return {"param": before["param"] - lr * quotient, "state_sum": total}


def rowwise_adagrad(before: Element, options: Mapping[str, Any], step: int) -> Element:
    """Of a row of one element."""
    g = gradient(before, options)
    total = before["state_sum"] + g * g
    rate = _quotient(options["lr"], root(total) + options["eps"])
    return {"param": _shrunk(before, options) - rate * g, "state_sum": total}


def adadelta(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g = gradient(before, options)
    rho, eps = options["rho"], options["eps"]
    v = rho * before["square_avg"] + (1 - rho) * g * g
    delta = _quotient(root(before["acc_delta"] + eps), root(v + eps)) * g
    return {
        "param": before["param"] - options["lr"] * delta,
        "square_avg": v,
        "acc_delta": rho * before["acc_delta"] + (1 - rho) * delta * delta,
    }


def adabelief(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g = gradient(before, options)
    beta1, beta2, eps = options["beta1"], options["beta2"], options["eps"]
    m = beta1 * before["exp_avg"] + (1 - beta1) * g
    s = beta2 * before["exp_avg_var"] + (1 - beta2) * (g - m) ** 2 + eps
    denominator = root(s / (1 - beta2**step)) + eps
    update = _quotient(m / (1 - beta1**step), denominator)
    param = _shrunk(before, options) - options["lr"] * update
    return {"param": param, "exp_avg": m, "exp_avg_var": s}


def asgd(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g, lr, old = gradient(before, options), options["lr"], before["ax"]
    rate, weight = (lr, number(1)) if step == 1 else (before["eta"], before["mu"])
    param = (1 - options["lambd"] * rate) * before["param"] - rate * g
    return {
        "param": param,
        "ax": (1 - weight) * old + weight * param,
        "eta": lr / (1 + options["lambd"] * lr * step) ** options["alpha"],
        "mu": 1 / max(number(1), step - options["t0"]),
    }


def ftrl(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g, lr, l1 = gradient(before, options), options["lr"], options["l1"]
    n = before["accumulator"] + g * g
    sigma = (root(n) - root(before["accumulator"])) / lr
    z = before["linear"] + g - sigma * before["param"]
    param = number(0)
    if abs(z) > l1:
        curvature = (options["beta"] + root(n)) / lr + 2 * options["l2"]
        param = _quotient((l1 if z > 0 else -l1) - z, curvature)
    return {"param": param, "accumulator": n, "linear": z}


def adan(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g, lr = gradient(before, options), options["lr"]
    beta1, beta2, beta3 = options["beta1"], options["beta2"], options["beta3"]
    d = g + before["neg_pre_grad"] if step > 1 else number(0)
    m = beta1 * before["exp_avg"] + (1 - beta1) * g
    v = beta2 * before["exp_avg_diff"] + (1 - beta2) * d
    n = beta3 * before["exp_avg_sq"] + (1 - beta3) * (g + beta2 * d) ** 2
    above = m / (1 - beta1**step) + beta2 * v / (1 - beta2**step)
    update = lr * _quotient(above, root(n / (1 - beta3**step)) + options["eps"])
    param, decay = before["param"], lr * options["weight_decay"]
    param = (1 - decay) * param - update if options["no_prox"] else (param - update) / (1 + decay)
    return {
        "param": param,
        "exp_avg": m,
        "exp_avg_sq": n,
        "exp_avg_diff": v,
        "neg_pre_grad": -g,
    }


def rprop(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g = gradient(before, options)
    size = begun(before, options)
    change = g * before["prev"]
    if change > 0:
        size *= options["etaplus"]
    if change < 0:
        size *= options["etaminus"]
        g = number(0)
    size = min(max(size, options["step_size_min"]), options["step_size_max"])
    return {"param": before["param"] - context.sign(g) * size, "prev": g, "step_size": size}


def begun(before: Element, options: Mapping[str, Any]) -> Real:
    """Return Rprop's step size before it changes."""
    return options["lr"] if before["step_size"] < 0 else before["step_size"]


def lion(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g = gradient(before, options)
    beta1, beta2, m = options["beta1"], options["beta2"], before["exp_avg"]
    direction = context.sign(beta1 * m + (1 - beta1) * g)
    param = _shrunk(before, options) - options["lr"] * direction
    return {"param": param, "exp_avg": beta2 * m + (1 - beta2) * g}


def slow_rate(options: Mapping[str, Any], step: int) -> Real:
    """Return AdEMAMix's decay rate of the slow mean at a step."""
    beta1, beta3, warmup = options["beta1"], options["beta3"], options["beta3_warmup"]
    if warmup is None or step >= warmup or beta1 >= beta3:
        return beta3
    part, log3 = step / warmup, context.log(beta3)
    if not beta1:
        return context.exp(log3 / part)
    return context.exp(1 / ((1 - part) / context.log(beta1) + part / log3))


def slow_weight(options: Mapping[str, Any], step: int) -> Real:
    """Return AdEMAMix's weight of the slow mean at a step."""
    warmup = options["alpha_warmup"]
    warm = warmup is None or step >= warmup
    return options["alpha"] if warm else step / warmup * options["alpha"]


def ademamix(before: Element, options: Mapping[str, Any], step: int) -> Element:
    g, beta1, beta2 = gradient(before, options), options["beta1"], options["beta2"]
    beta3 = slow_rate(options, step)
    fast = beta1 * before["exp_avg_fast"] + (1 - beta1) * g
    slow = beta3 * before["exp_avg_slow"] + (1 - beta3) * g
    v = beta2 * before["exp_avg_sq"] + (1 - beta2) * g * g
    above = fast / (1 - beta1**step) + slow_weight(options, step) * slow
    update = _quotient(above, root(v / (1 - beta2**step)) + options["eps"])
    param = _shrunk(before, options) - options["lr"] * update
    return {"param": param, "exp_avg_fast": fast, "exp_avg_slow": slow, "exp_avg_sq": v}


def _shrunk(before: Element, options: Mapping[str, Any]) -> Real:
    if not options["decoupled_weight_decay"]:
        return before["param"]
    return (1 - options["lr"] * options["weight_decay"]) * before["param"]


def _denominator(v: Real, options: Mapping[str, Any]) -> Real:
    eps = options["eps"]
    return root(v + eps) if options["eps_inside_sqrt"] else root(v) + eps


def _quotient(numerator: Real, denominator: Real) -> Real:
    return numerator / denominator if denominator else context.nan
