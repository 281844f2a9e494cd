"""A drop-in's step is torch's within rounding, and that of instep's own class bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from tests.api.model import Options, assert_same, make
from tests.interop.torch.training import (
    arrays,
    assert_close,
    assert_same_tensors,
    each_dtype,
    each_torch_variant,
    each_variant,
    in_double,
    loss_of,
    make_model,
    make_ours,
    make_theirs,
    numbers_in_double,  # noqa: F401
    train,
)


@in_double
@each_dtype
@each_torch_variant
def test_training_is_torchs_within_rounding(
    name: str, options: Options, dtype: torch.dtype
) -> None:
    ours, theirs = make_model(dtype), make_model(dtype)
    options = {**options, "lr": 0.01}  # small, as ascent drives differences apart
    one = make_ours(name, ours.parameters(), **options)
    other = make_theirs(name, theirs.parameters(), **options)
    train(ours, one, range(10))
    train(theirs, other, range(10))
    assert_close(list(ours.parameters()), list(theirs.parameters()))
    assert_close(one.state_dict()["state"], other.state_dict()["state"])


@in_double
@each_dtype
@each_variant
def test_a_step_is_that_of_instep_bit_for_bit(
    name: str, options: Options, dtype: torch.dtype
) -> None:
    model = make_model(dtype)
    drop_in = make_ours(name, model.parameters(), **options)
    params = arrays(model.parameters())
    optimizer = make(name, params, **options)
    for seed in range(4):
        drop_in.zero_grad()
        loss_of(model, seed).backward()
        if seed == 2:
            model[0].bias.grad = None  # neither stepped nor counted
        optimizer.step(arrays(param.grad for param in model.parameters()))
        drop_in.step()
        assert_same_tensors(model.parameters(), params)
    ours, theirs = drop_in.state_dict()["state"], optimizer.state_dict()["state"]
    for key, state in ours.items():
        for what, tensor in state.items():
            expected = theirs[key][what]
            assert_same(tensor.numpy(), np.asarray(expected, tensor.numpy().dtype), what)


@each_torch_variant
def test_states_have_torchs_names_dtypes_and_layouts(name: str, options: Options) -> None:
    ours, theirs = make_model(), make_model()
    one = make_ours(name, ours.parameters(), **options)
    other = make_theirs(name, theirs.parameters(), **options)

    def described(optimizer: Any) -> Any:
        return [
            {what: (tensor.dtype, tensor.shape, tensor.stride()) for what, tensor in state.items()}
            for state in optimizer.state_dict()["state"].values()
        ]

    assert described(one) == described(other)
    train(ours, one, [0])
    train(theirs, other, [0])
    assert described(one) == described(other)


def test_groups_with_options_and_parameters_that_have_no_gradient() -> None:
    """Each group steps with its own options, each parameter by its own count."""
    ours, theirs = make_model(), make_model()

    def groups(model: Any) -> list[dict[str, Any]]:
        return [
            {"params": [model[0].weight, model[0].bias], "lr": 0.1, "betas": (0.5, 0.75)},
            {"params": model[3].parameters(), "weight_decay": 0.5, "amsgrad": True},
        ]

    one, other = make_ours("Adam", groups(ours)), make_theirs("Adam", groups(theirs))
    for seed in range(6):
        for model, optimizer in ((ours, one), (theirs, other)):
            model.zero_grad()
            loss_of(model, seed).backward()
            if seed < 2:
                model[0].bias.grad = None
            if seed % 2:
                model[3].weight.grad = None
            optimizer.step()
    assert_close(list(ours.parameters()), list(theirs.parameters()))
    assert_close(one.state_dict()["state"], other.state_dict()["state"])
    assert [state["step"].item() for state in one.state.values()] == [6, 3, 6, 4]


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_gradients_that_come_and_go(momentum: float) -> None:
    ours, theirs = make_model(), make_model()
    one = make_ours("SGD", ours.parameters(), lr=0.1, momentum=momentum)
    other = make_theirs("SGD", theirs.parameters(), lr=0.1, momentum=momentum)
    checked = []
    for seed in range(6):
        for model, optimizer in ((ours, one), (theirs, other)):
            model.zero_grad()
            loss_of(model, seed).backward()
            model[(0, 3)[seed % 2]].weight.grad = None
            optimizer.step()
        checked.append(one._binding)
    assert_close(list(ours.parameters()), list(theirs.parameters()))
    assert_close(one.state_dict(), other.state_dict())
    assert len({id(binding) for binding in checked[1:]}) == 1  # all is checked just once


def test_without_gradients_nothing_happens() -> None:
    model = make_model()
    before = arrays(model.parameters())
    optimizer = make_ours("Adam", model.parameters())
    assert optimizer.step() is None
    assert_same_tensors(model.parameters(), before)
    assert not optimizer.state


@pytest.mark.parametrize(
    "lr", [torch.tensor(0.125), torch.tensor([0.125]), torch.tensor(0.125, dtype=torch.float64)]
)
def test_a_learning_rate_may_be_a_tensor(lr: torch.Tensor) -> None:
    ours, theirs = make_model(), make_model()
    one = make_ours("Adam", ours.parameters(), lr=lr)
    other = make_ours("Adam", theirs.parameters(), lr=0.125)
    train(ours, one, range(2))
    train(theirs, other, range(2))
    assert_same_tensors(ours.parameters(), arrays(theirs.parameters()))
    lr.fill_(0.5)  # as a scheduler does
    other.param_groups[0]["lr"] = 0.5
    train(ours, one, range(2, 4))
    train(theirs, other, range(2, 4))
    assert_same_tensors(ours.parameters(), arrays(theirs.parameters()))
    assert one.param_groups[0]["lr"] is lr


@pytest.mark.parametrize(
    "switches", [{"foreach": True}, {"fused": True}, {"foreach": False, "fused": True}], ids=str
)
def test_torchs_implementation_switches_change_nothing(switches: Options) -> None:
    ours, theirs = make_model(), make_model()
    one = make_ours("Adam", ours.parameters(), **switches)
    other = make_ours("Adam", theirs.parameters())
    train(ours, one, range(3))
    train(theirs, other, range(3))
    assert_same_tensors(ours.parameters(), arrays(theirs.parameters()))
    assert switches.items() <= one.param_groups[0].items()


def test_momentum_may_be_switched_on_and_off_in_sgd() -> None:
    """torch makes a buffer for a parameter when it first needs one."""
    ours, theirs = make_model(), make_model()
    one, other = (
        make_ours("SGD", ours.parameters(), lr=0.1),
        make_theirs("SGD", theirs.parameters(), lr=0.1),
    )
    for k, momentum in enumerate((0.0, 0.9, 0.0, 0.5)):
        for model, optimizer in ((ours, one), (theirs, other)):
            optimizer.param_groups[0].update(momentum=momentum, dampening=0.25)
            train(model, optimizer, range(2 * k, 2 * k + 2))
    assert_close(list(ours.parameters()), list(theirs.parameters()))
    assert_close(one.state_dict(), other.state_dict())
