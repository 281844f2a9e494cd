"""What torch lets happen to an optimizer and its tensors, and the drop-in has to bear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

import instep
from instep.interop.torch import binding, from_torch_state_dict
from tests.interop.torch.training import arrays, assert_same_tensors, make_ours, make_theirs


def trained(make: Callable[..., Any], name: str, steps: int, **options: Any) -> tuple[Any, Any]:
    """Return an optimizer after some steps, and its parameter."""
    param = torch.nn.Parameter(torch.linspace(-1, 1, 6, dtype=torch.float64).reshape(2, 3))
    optimizer = make(name, [param], **options)
    for _ in range(steps):
        step(optimizer, param)
    return optimizer, param


def step(optimizer: Any, param: Any) -> None:
    param.grad = param.detach() ** 2 - 0.25
    optimizer.step()


@pytest.mark.parametrize("steps", [0, 2])
@pytest.mark.parametrize(
    ("name", "options"), [("Adam", {}), ("SGD", {"momentum": 0.5}), ("SGD", {})]
)
def test_an_interrupt_after_the_kernels_tears_nothing(
    name: str, options: dict[str, Any], steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    optimizer, param = trained(make_ours, name, steps, **options)
    same, expected = trained(make_ours, name, steps + 1, **options)
    take = instep.Optimizer.step

    def interrupted(bound: Any, gradients: Any) -> None:
        take(bound, gradients)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(instep.Optimizer, "step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            step(optimizer, param)
    for _ in range(3):
        assert_same_tensors([param], arrays([expected]))
        assert str(optimizer.state_dict()) == str(same.state_dict())
        step(optimizer, param)
        step(same, expected)


def test_an_interrupt_while_states_are_brought_up_to_date_is_made_up_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    optimizer, param = trained(make_ours, "Adam", 2)
    same, expected = trained(make_ours, "Adam", 4)

    def interrupted(tensors: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(binding, "increment_version", interrupted)
        with pytest.raises(KeyboardInterrupt):
            step(optimizer, param)
    step(optimizer, param)
    assert_same_tensors([param], arrays([expected]))
    assert str(optimizer.state_dict()) == str(same.state_dict())


def test_names_may_stand_in_two_groups() -> None:
    first, second = torch.nn.Linear(1, 2), torch.nn.Linear(2, 1)
    groups = [{"params": first.named_parameters()}, {"params": second.named_parameters()}]
    optimizer = make_ours("SGD", groups, lr=0.5)
    second(first(torch.ones(1, 1))).sum().backward()
    before = [param.detach().clone() for param in second.parameters()]
    optimizer.step()
    for param, old in zip(second.parameters(), before, strict=True):
        assert param.grad is not None
        assert torch.equal(param, old - 0.5 * param.grad)
    second.bias.grad = None
    second.bias.data = second.bias.data.to(torch.complex64)
    second.bias.grad = torch.ones(1, dtype=torch.complex64)
    with pytest.raises(TypeError, match="parameter 3"):
        optimizer.step()


def test_a_parameter_may_join_a_group_behind_torchs_back() -> None:
    weight, bias = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(1))
    optimizer = make_ours("SGD", [("weight", weight)], lr=0.5)
    optimizer.param_groups[0]["params"].append(bias)
    weight.grad, bias.grad = torch.ones(2), torch.ones(1)
    optimizer.step()
    assert (weight.tolist(), bias.tolist()) == ([0.5, 0.5], [0.5])


def test_a_state_that_is_transposed_in_place() -> None:
    ours, theirs = torch.zeros(2, 2, dtype=torch.float64), torch.zeros(2, 2, dtype=torch.float64)
    for make, tensor in ((make_ours, ours), (make_theirs, theirs)):
        param = torch.nn.Parameter(tensor)
        optimizer = make("Adam", [param], lr=0.1)
        for sign in (1.0, -1.0):
            param.grad = torch.tensor([[1.0, 2.0 * sign], [3.0, 4.0]], dtype=torch.float64)
            optimizer.step()
            optimizer.state[param]["exp_avg"].t_()
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12)


def test_memory_that_is_seen_as_another_dtype() -> None:
    memory = torch.zeros(8)
    param: Any = torch.nn.Parameter(memory[:4])
    optimizer = make_ours("SGD", [param], lr=0.5)
    param.grad = torch.ones(4)
    optimizer.step()
    param.grad, param.data = None, memory.zero_().view(torch.float64)
    param.grad = torch.ones(4, dtype=torch.float64)
    optimizer.step()
    assert param.tolist() == [-0.5] * 4


@pytest.mark.parametrize("scheduler", ["OneCycleLR", "CyclicLR"])
def test_the_keys_of_schedulers_do_not_hide_sparse_adam(scheduler: str) -> None:
    theirs = torch.optim.SparseAdam([torch.zeros(2, requires_grad=True)], lr=0.5)
    if scheduler == "OneCycleLR":
        torch.optim.lr_scheduler.OneCycleLR(theirs, max_lr=0.5, total_steps=10)
    else:
        torch.optim.lr_scheduler.CyclicLR(theirs, 0.1, 0.5, cycle_momentum=False)
    ours = instep.Adam(np.zeros(2, np.float32), eps_hat=True)
    ours.load_state_dict(from_torch_state_dict(theirs))
    assert ours.lr == theirs.param_groups[0]["lr"]
    assert ours.eps_hat


def test_a_rate_of_several_elements_is_refused() -> None:
    optimizer, param = trained(make_ours, "Adam", 1)
    optimizer.param_groups[0]["lr"] = torch.tensor([0.1, 0.2])
    with pytest.raises(ValueError, match=r"lr: expected one element, got shape \(2,\)"):
        step(optimizer, param)
