"""What torch does around a step: schedulers, the gradient scaler, hooks, closures, groups."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch")
import torch
from torch.optim import lr_scheduler

from tests.interop.torch.training import (
    arrays,
    assert_close,
    assert_same_tensors,
    loss_of,
    make_model,
    make_ours,
    make_theirs,
    train,
)

SCHEDULERS: dict[str, tuple[str, dict[str, Any], Callable[[Any], Any]]] = {
    "StepLR": ("Adam", {}, lambda optimizer: lr_scheduler.StepLR(optimizer, 2, gamma=0.5)),
    "OneCycleLR of betas": (
        "Adam",
        {},
        lambda optimizer: lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=12),
    ),
    "OneCycleLR of momentum": (
        "SGD",
        {"momentum": 0.9},
        lambda optimizer: lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=12),
    ),
    "LambdaLR": (
        "RMSprop",
        {},
        lambda optimizer: lr_scheduler.LambdaLR(optimizer, lambda k: 0.9**k),
    ),
    "CosineAnnealingLR": (
        "Adadelta",
        {},
        lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, T_max=8),
    ),
    "SequentialLR": (
        "Adagrad",
        {},
        lambda optimizer: lr_scheduler.SequentialLR(
            optimizer,
            [lr_scheduler.LinearLR(optimizer), lr_scheduler.ExponentialLR(optimizer, 0.5)],
            [4],
        ),
    ),
    "a tensor": (
        "Adam",
        {"lr": torch.tensor(0.01, dtype=torch.float64)},
        lambda optimizer: lr_scheduler.StepLR(optimizer, 2, gamma=0.5),
    ),
}


@pytest.mark.parametrize(("name", "options", "schedule"), SCHEDULERS.values(), ids=SCHEDULERS)
def test_schedulers(name: str, options: dict[str, Any], schedule: Callable[[Any], Any]) -> None:
    ours, theirs = make_model(), make_model()
    options = {"lr": 0.01, **options}
    one = make_ours(name, ours.parameters(), **{key: clone(each) for key, each in options.items()})
    other = make_theirs(name, theirs.parameters(), **options)
    for model, optimizer in ((ours, one), (theirs, other)):
        scheduler = schedule(optimizer)
        for seed in range(10):
            train(model, optimizer, [seed])
            scheduler.step()
    assert one.param_groups[0]["lr"] == other.param_groups[0]["lr"]
    assert_close(list(ours.parameters()), list(theirs.parameters()))
    assert_close(one.state_dict()["state"], other.state_dict()["state"])


def clone(value: Any) -> Any:
    return value.clone() if isinstance(value, torch.Tensor) else value


def test_reduce_on_plateau() -> None:
    model = make_model()
    optimizer = make_ours("SGD", model.parameters(), lr=0.5)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, factor=0.5)
    before = arrays(model.parameters())
    for _ in range(3):
        scheduler.step(1.0)
    assert optimizer.param_groups[0]["lr"] == 0.125
    loss_of(model, 0).backward()
    gradients = arrays(param.grad for param in model.parameters())
    optimizer.step()
    expected = [w - 0.125 * g for w, g in zip(before, gradients, strict=True)]
    assert_same_tensors(model.parameters(), expected)


@pytest.mark.parametrize("name", ["Adam", "SGD"])
@pytest.mark.parametrize("fused", [None, True])
@pytest.mark.parametrize("unscale", [False, True], ids=["", "unscale_"])
def test_the_gradient_scaler(name: str, fused: bool | None, unscale: bool) -> None:
    """A power of 2 scales without rounding; a step with an infinite gradient is skipped."""
    scaled, plain = make_model(torch.float32), make_model(torch.float32)
    one = make_ours(name, scaled.parameters(), lr=0.01, fused=fused)
    other = make_ours(name, plain.parameters(), lr=0.01)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10, growth_interval=100)
    for seed in range(6):
        one.zero_grad()
        scaler.scale(loss_of(scaled, seed)).backward()
        if seed == 3:
            parameter = next(scaled.parameters())
            assert parameter.grad is not None
            parameter.grad[0] = torch.inf
        if unscale:
            scaler.unscale_(one)
        scaler.step(one)
        scaler.update()
        if seed != 3:
            train(plain, other, [seed])
    assert scaler.get_scale() == 2.0**9
    assert_same_tensors(scaled.parameters(), arrays(plain.parameters()))


def test_a_closure_is_called_once_with_gradients_enabled() -> None:
    ours, theirs = make_model(), make_model()
    one = make_ours("Adam", ours.parameters())
    other = make_ours("Adam", theirs.parameters())
    calls = itertools.count()

    def closure() -> Any:
        next(calls)
        one.zero_grad()
        loss = loss_of(ours, 0)
        loss.backward()
        return loss

    with torch.no_grad():
        loss = one.step(closure)
    assert next(calls) == 1
    assert loss.item() == loss_of(theirs, 0).item()
    train(theirs, other, [0])
    assert_same_tensors(ours.parameters(), arrays(theirs.parameters()))


@pytest.mark.parametrize("set_to_none", [True, False])
def test_zero_grad(set_to_none: bool) -> None:
    model = make_model()
    optimizer = make_ours("SGD", model.parameters(), lr=0.5)
    train(model, optimizer, [0])
    optimizer.zero_grad(set_to_none=set_to_none)
    before = arrays(model.parameters())
    optimizer.step()
    assert_same_tensors(model.parameters(), before)
    assert all((param.grad is None) == set_to_none for param in model.parameters())


def test_gradients_that_stay_in_place() -> None:
    ours, theirs = make_model(), make_model()
    one, other = (
        make_ours("Adam", ours.parameters()),
        make_ours("Adam", theirs.parameters()),
    )
    for seed in range(4):
        one.zero_grad(set_to_none=False)
        loss_of(ours, seed).backward()
        one.step()
    train(theirs, other, range(4))
    assert_same_tensors(ours.parameters(), arrays(theirs.parameters()))


def test_hooks_run_around_the_step() -> None:
    model = make_model()
    optimizer = make_ours("SGD", model.parameters(), lr=0.5)
    seen = []
    optimizer.register_step_pre_hook(lambda *_: seen.append(arrays(model.parameters())[0]))
    optimizer.register_step_post_hook(lambda *_: seen.append(arrays(model.parameters())[0]))
    train(model, optimizer, [0])
    before, after = seen
    assert (before != after).any()
    assert (after == arrays(model.parameters())[0]).all()


def test_a_group_may_be_added_between_steps() -> None:
    ours, theirs = make_model(), make_model()
    results = []
    for model, make in ((ours, make_ours), (theirs, make_theirs)):
        optimizer = make("Adam", model[3].parameters(), lr=0.1)
        train(model, optimizer, range(3))
        optimizer.add_param_group({"params": model[0].parameters(), "lr": 0.01})
        model.zero_grad()
        train(model, optimizer, range(3, 6))
        results.append(optimizer.state_dict()["state"])
    assert_close(list(ours.parameters()), list(theirs.parameters()))
    assert_close(*results)


def test_parameters_may_be_taken_out_of_a_group() -> None:
    model = make_model()
    optimizer = make_ours("Adam", model.parameters())
    train(model, optimizer, range(2))
    frozen = optimizer.param_groups[0]["params"].pop(1)
    before = arrays([frozen])
    train(model, optimizer, range(2, 4))
    assert_same_tensors([frozen], before)
    assert [state["step"].item() for state in optimizer.state.values()] == [4, 2, 4, 4]


def test_names_of_parameters() -> None:
    model = make_model()
    optimizer = make_ours("Adam", model.named_parameters())
    train(model, optimizer, [0])
    assert optimizer.state_dict()["param_groups"][0]["param_names"][0] == "0.weight"
    model[0].weight.data = model[0].weight.data.half()
    with pytest.raises(TypeError, match=r"parameter '0.weight': expected dtype"):
        optimizer.step()


def test_a_compiled_function_may_step() -> None:
    """The compiler leaves the step alone."""
    ours, theirs = make_model(), make_model()
    one = make_ours("Adam", ours.parameters())
    other = make_ours("Adam", theirs.parameters())

    @torch.compile(backend="eager")
    def step() -> None:
        one.step()

    for seed in range(3):
        one.zero_grad()
        loss_of(ours, seed).backward()
        step()
    train(theirs, other, range(3))
    assert_same_tensors(ours.parameters(), arrays(theirs.parameters()))
