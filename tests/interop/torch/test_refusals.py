"""What is refused, and that a refused step changes nothing in any group."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch")
import torch

import instep.interop.torch
from tests.api.model import DEFAULTS, Options
from tests.interop.torch.training import arrays, make_ours, snapshot

Error = type[Exception] | tuple[type[Exception], ...]


def parameter(*shape: int, **options: Any) -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.ones(*shape, **options))


PARAMETERS: dict[str, tuple[Callable[[], torch.Tensor], Error, str]] = {
    "complex64": (
        lambda: parameter(3, dtype=torch.complex64),
        TypeError,
        r"parameter 0: expected dtype torch.float16 or .* or torch.float64, got torch.complex64",
    ),
    "8 bits": (
        lambda: parameter(3, dtype=torch.float8_e4m3fn),
        TypeError,
        "got torch.float8_e4m3fn",
    ),
    "complex": (lambda: parameter(3, dtype=torch.complex64), TypeError, "got torch.complex64"),
    "another device": (
        lambda: parameter(3, device="meta"),
        TypeError,
        "parameter 0: expected a tensor on the CPU, got one on meta",
    ),
    "sparse": (
        lambda: torch.eye(3).to_sparse().requires_grad_(),
        TypeError,
        "expected a dense tensor, got layout torch.sparse_coo",
    ),
}


@pytest.mark.parametrize(("make", "error", "match"), PARAMETERS.values(), ids=PARAMETERS)
def test_parameters_that_are_refused_at_construction(
    make: Callable[[], torch.Tensor], error: Error, match: str
) -> None:
    with pytest.raises(error, match=match):
        make_ours("Adam", [make()])
    optimizer = make_ours("Adam", [parameter(2)])
    with pytest.raises(error, match=match.replace("parameter 0", "parameter 1")):
        optimizer.add_param_group({"params": [make()]})
    assert len(optimizer.param_groups) == 1


OPTIONS: list[tuple[str, Options, Error, str]] = [
    ("Adam", {"capturable": True}, ValueError, "capturable: expected False.*CUDA graphs"),
    ("SGD", {"differentiable": True}, ValueError, "differentiable: expected False.*autograd"),
    ("Adadelta", {"capturable": True}, ValueError, "capturable"),
    ("Adam", {"lr": -1.0}, ValueError, "learning rate"),
    ("Adam", {"lr": float("nan")}, ValueError, "learning rate"),
    ("SGD", {"lr": float("nan")}, ValueError, "lr: expected a number of at least 0"),
    *(
        (
            name,
            {"lr": schedule},
            TypeError,
            r"^lr: expected no callable.*LambdaLR\(optimizer, schedule\)",
        )
        for name in ("Adam", "SGD", "RMSprop")
        for schedule in (instep.schedules.CosineDecay(0.5, 10), instep.schedules.CosineDecay)
    ),
    *(
        (
            name,
            {key: abs},
            TypeError,
            rf"^{key}: expected no callable.*; set group\['{key}'\] of param_groups between steps$",
        )
        for name in ("Adam", "AdamW", "SGD", "RMSprop", "Adagrad", "Adadelta")
        for key in DEFAULTS[name]
        if key in inspect.signature(getattr(instep.interop.torch, name)).parameters and key != "lr"
    ),
    ("Adam", {"betas": (1.0, 0.5)}, ValueError, "beta"),
    ("Adam", {"eps_hat": 1}, TypeError, "eps_hat: expected True or False"),
    ("Adam", {"maximize": None}, TypeError, "maximize: expected True or False"),
    ("SGD", {"nesterov": True}, ValueError, "Nesterov"),
    ("Adam", {"lr": torch.ones(2)}, ValueError, "1-element"),
    ("Adam", {"clip_norm": -1.0}, ValueError, "clip_norm: expected a number of at least 0"),
    ("Adam", {"clip_value": "1"}, TypeError, "clip_value: expected a number"),
    ("SGD", {"nonfinite": "ignore"}, ValueError, "nonfinite: expected 'propagate', 'raise'"),
    (
        "SGD",
        {"clipnorm": 1.0},
        TypeError,
        r"SGD\(\) has no argument 'clipnorm' \(did you mean 'clip_norm'\?\); .* momentum, ",
    ),
    ("RMSprop", {"weigth_decay": 1.0}, TypeError, r"did you mean 'weight_decay'\?"),
]


@pytest.mark.parametrize(("name", "options", "error", "match"), OPTIONS, ids=str)
def test_options_that_are_refused(name: str, options: Options, error: Error, match: str) -> None:
    with pytest.raises(error, match=match):
        make_ours(name, [parameter(3)], **options)


def set_grad(index: int, grad: torch.Tensor) -> Callable[[Any], None]:
    """Return what gives a parameter that gradient, past the checks of `Tensor.grad`."""

    def change(optimizer: Any) -> None:
        param = optimizer.param_groups[1]["params"][index]
        data = param.data
        param.grad = None
        param.data = grad
        param.grad = grad
        param.data = data

    return change


def overlap(optimizer: Any) -> None:
    """Let parameters of two groups share memory."""
    first, second = (group["params"][0] for group in optimizer.param_groups)
    first.data = second.data[:3]


def alias_gradient(optimizer: Any) -> None:
    param = optimizer.param_groups[1]["params"][0]
    param.grad = param.detach()


def overlap_itself(optimizer: Any) -> None:
    param = optimizer.param_groups[1]["params"][0]
    param.data = torch.ones(1).expand(4)


def put_on_another_device(optimizer: Any) -> None:
    param = parameter(4, device="meta")
    param.grad = torch.ones(4, device="meta")
    optimizer.param_groups[1]["params"][0] = param


def set_sparse_gradient(optimizer: Any) -> None:
    optimizer.param_groups[1]["params"][1].grad = torch.eye(2).to_sparse()


def set_state(name: str, value: Any) -> Callable[[Any], None]:
    def change(optimizer: Any) -> None:
        optimizer.state[optimizer.param_groups[1]["params"][0]][name] = value

    return change


def set_option(name: str, value: Any) -> Callable[[Any], None]:
    def change(optimizer: Any) -> None:
        optimizer.param_groups[1][name] = value

    return change


STEPS: dict[str, tuple[Callable[[Any], None], Error, str]] = {
    "a gradient of another shape": (
        set_grad(0, torch.ones(5)),
        ValueError,
        r"gradient of parameter 2: expected shape \(4,\)",
    ),
    "a gradient of complex numbers": (
        set_grad(0, torch.ones(4, dtype=torch.complex64)),
        TypeError,
        "gradient of parameter 2: expected dtype torch.float16 or .*float64, got torch.complex64",
    ),
    "a gradient in float64": (
        set_grad(0, torch.ones(4, dtype=torch.float64)),
        TypeError,
        "gradient of parameter 2: expected dtype float32",
    ),
    "two sparse dimensions": (
        set_sparse_gradient,
        ValueError,
        "gradient of parameter 3: expected one sparse dimension",
    ),
    "parameters that overlap": (overlap, ValueError, "parameter.*share memory"),
    "a gradient that is its parameter": (
        alias_gradient,
        ValueError,
        "parameter 2.*share memory",
    ),
    "a parameter that overlaps itself": (overlap_itself, ValueError, "internal overlap"),
    "another device": (
        put_on_another_device,
        TypeError,
        "parameter 2: expected a tensor on the CPU",
    ),
    "a state of another shape": (
        set_state("exp_avg", torch.ones(3)),
        ValueError,
        r"exp_avg of parameter 2: expected shape \(4,\)",
    ),
    "a state of another dtype": (
        set_state("exp_avg", torch.ones(4, dtype=torch.float64)),
        TypeError,
        "exp_avg of parameter 2",
    ),
    "no state": (
        set_state("exp_avg_sq", None),
        ValueError,
        "state of parameter 2: expected.*exp_avg_sq",
    ),
    "half a step": (set_state("step", torch.tensor(1.5)), ValueError, "step of parameter 2"),
    "a step that is NaN": (set_state("step", torch.tensor(torch.nan)), ValueError, "step"),
    "a negative learning rate": (set_option("lr", -1.0), ValueError, "lr"),
    "a schedule": (set_option("lr", lambda _: 0.5), TypeError, "lr.*lr_scheduler"),
    "a decay on a schedule": (
        set_option("weight_decay", lambda _: 0.5),
        TypeError,
        "weight_decay: expected no callable",
    ),
    "amsgrad without its state": (
        set_option("amsgrad", True),
        ValueError,
        "state of parameter 2: expected.*max_exp_avg_sq",
    ),
    "capturable": (set_option("capturable", True), ValueError, "capturable"),
}


def ready_optimizer() -> Any:
    """Return an optimizer of two groups after two steps, the next gradients in place."""
    groups: list[dict[str, Any]] = [
        {"params": [parameter(3), parameter(2, 3)]},
        {"params": [parameter(4), parameter(2, 2)], "lr": 0.5},
    ]
    optimizer = make_ours("Adam", groups)
    params = [param for group in groups for param in group["params"]]
    for seed in range(3):
        if seed > 0:
            optimizer.step()
        for param in params:
            param.grad = torch.linspace(-1, seed, param.numel()).reshape(param.shape)
    return optimizer


@pytest.mark.parametrize(("change", "error", "match"), STEPS.values(), ids=STEPS)
def test_a_refused_step_changes_nothing(
    change: Callable[[Any], None], error: Error, match: str
) -> None:
    optimizer = ready_optimizer()
    change(optimizer)
    params = [param for group in optimizer.param_groups for param in group["params"]]
    visible = [param for param in params if param.device.type == "cpu"]
    before = snapshot([visible, list(optimizer.state.values())])
    for _ in range(2):
        with pytest.raises(error, match=match):
            optimizer.step()
        assert snapshot([visible, list(optimizer.state.values())]) == before


def test_a_refused_first_step_leaves_no_state() -> None:
    optimizer = make_ours("Adam", [parameter(3), parameter(4)])
    for param in optimizer.param_groups[0]["params"]:
        param.grad = torch.ones_like(param)
    optimizer.param_groups[0]["params"][1].data = torch.ones(1).expand(4)
    with pytest.raises(ValueError, match="internal overlap"):
        optimizer.step()
    assert not optimizer.state
    assert all((param == 1).all() for param in optimizer.param_groups[0]["params"])


def test_after_a_refused_step_the_next_is_as_if_it_had_not_been() -> None:
    one, other = ready_optimizer(), ready_optimizer()
    params = one.param_groups[1]["params"]
    grad = params[0].grad
    params[0].grad = params[0].detach()
    with pytest.raises(ValueError, match="share memory"):
        one.step()
    params[0].grad = grad
    one.step()
    other.step()
    assert snapshot(one.state_dict()) == snapshot(other.state_dict())
    for first, second in zip(one.param_groups, other.param_groups, strict=True):
        assert snapshot(first["params"]) == snapshot(second["params"])


def test_sgd_with_momentum_refuses_rows() -> None:
    """torch would go on moving the rows of earlier gradients."""
    table = torch.nn.Embedding(5, 2, sparse=True)
    optimizer = make_ours("SGD", table.parameters(), momentum=0.9)
    before = arrays(table.parameters())
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(ValueError, match=r"gradient of parameter 0.*momentum=0"):
        optimizer.step()
    assert (arrays(table.parameters())[0] == before[0]).all()
    assert not optimizer.state


def test_the_same_parameter_twice() -> None:
    param = parameter(3)
    with pytest.raises(ValueError, match="more than one parameter group"):
        make_ours("Adam", [{"params": [param]}, {"params": [param]}])
