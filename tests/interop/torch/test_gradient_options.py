"""What a drop-in does with all gradients of a step: options of the optimizer, as instep's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("torch")
import torch

from instep.gradient_options import DEFAULTS
from tests.api.model import COPIES, Options, make
from tests.interop.torch.training import (
    arrays,
    assert_same_tensors,
    each_class,
    in_double,
    loss_of,
    make_model,
    make_ours,
    make_theirs,
    numbers_in_double,  # noqa: F401
    snapshot,
    train,
)

CASES: list[Options] = [
    {"clip_norm": 0.125},
    {"clip_norm": float("inf")},
    {"clip_value": 0.0625},
    {"clip_norm": 0.125, "clip_value": 0.0625, "nonfinite": "raise", "flush_subnormals": True},
]


def param_with(*grad: float) -> torch.nn.Parameter:
    """Return a parameter of zeros with that gradient."""
    param = torch.nn.Parameter(torch.zeros(len(grad)))
    param.grad = torch.tensor(grad)
    return param


@in_double
@pytest.mark.parametrize("options", CASES, ids=str)
@each_class
def test_steps_are_those_of_insteps_own_class(name: str, options: Options) -> None:
    model, twin = make_model(), make_model()
    ours = make_ours(name, model.parameters(), **options)
    params = arrays(twin.parameters())
    own = make(name, params, **options)
    for seed in range(4):
        twin.load_state_dict(model.state_dict())
        twin.zero_grad()
        loss_of(twin, seed).backward()
        train(model, ours, [seed])
        own.step(arrays(param.grad for param in twin.parameters()))
        assert_same_tensors(model.parameters(), params)
        assert ours.last_grad_norm == own.last_grad_norm


def test_the_norm_is_torchs_within_rounding() -> None:
    model = make_model()
    loss_of(model, 0).backward()
    gradients = [param.grad.clone() for param in model.parameters()]
    optimizer = make_ours("SGD", model.parameters(), lr=1.0, clip_norm=0.125)
    before = [param.detach().clone() for param in model.parameters()]
    optimizer.step()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 0.125)
    assert optimizer.last_grad_norm == pytest.approx(norm.item(), rel=1e-14)
    for param, old, raw in zip(model.parameters(), before, gradients, strict=True):
        torch.testing.assert_close(old - param.detach(), param.grad, rtol=1e-12, atol=1e-15)
        assert not torch.equal(param.grad, raw)  # the step had only read it


def test_they_can_be_read_and_set_between_steps() -> None:
    param = param_with(3.0, 4.0)
    optimizer = make_ours("SGD", [param], lr=1.0)
    assert {name: getattr(optimizer, name) for name in DEFAULTS} == DEFAULTS
    seen = []
    for name, value in (
        ("clip_value", 1.0),
        ("clip_norm", 0.0),
        ("clip_norm", None),
        ("clip_value", None),
    ):
        setattr(optimizer, name, value)
        assert getattr(optimizer, name) == value
        before = param.detach().clone()
        optimizer.step()
        seen.append((before - param.detach()).tolist())
    assert seen == [[1.0, 1.0], [0.0, 0.0], [1.0, 1.0], [3.0, 4.0]]


def test_an_option_that_is_refused_stays_as_it_was() -> None:
    param = param_with(3.0, 4.0)
    optimizer = make_ours("SGD", [param], lr=1.0, clip_value=1.0)
    with pytest.raises(ValueError, match="clip_value: expected a number of at least 0"):
        optimizer.clip_value = -1.0
    optimizer.step()
    assert (optimizer.clip_value, param.tolist()) == (1.0, [-1.0, -1.0])


def test_a_group_cannot_have_its_own() -> None:
    """It would be ignored in silence."""
    group = {"params": [param_with(1.0)], "clip_norm": 0.5}
    match = r"clip_norm: expected it of the whole optimizer.*None.*got 0.5.*optimizer.clip_norm"
    with pytest.raises(ValueError, match=match):
        make_ours("Adam", [group])
    optimizer = make_ours("Adam", [param_with(1.0)])
    with pytest.raises(ValueError, match=match):
        optimizer.add_param_group(group)
    assert len(optimizer.param_groups) == 1
    # What a wrapper that passes keywords on writes into the groups as well.
    assert make_ours("Adam", [group], clip_norm=0.5).clip_norm == 0.5


def test_one_that_is_written_into_a_group_later_is_refused() -> None:
    """As by skorch's set_params."""
    param = param_with(3.0, 4.0)
    optimizer = make_ours("SGD", [param], lr=1.0, clip_value=1.0)
    optimizer.step()
    optimizer.param_groups[0]["clip_value"] = 0.5
    for _ in range(2):
        with pytest.raises(ValueError, match=r"clip_value: .*has 1.0, got 0.5.*optimizer.clip_va"):
            optimizer.step()
        assert param.tolist() == [-1.0, -1.0]
    optimizer.clip_value = 0.5
    optimizer.step()
    assert param.tolist() == [-1.5, -1.5]
    optimizer.clip_value = 1.0  # what a wrapper keeps in the group is known already
    optimizer.param_groups[0]["lr"] = 0.5
    optimizer.step()
    assert param.tolist() == [-2.0, -2.0]


def test_one_that_is_written_into_a_group_before_the_first_step_is_refused() -> None:
    param = param_with(3.0)
    optimizer = make_ours("SGD", [{"params": [param], "clip_value": 1.0}], lr=1.0, clip_value=1.0)
    optimizer.clip_value = 2.0  # beside what the group had from the start
    optimizer.param_groups[0]["clip_norm"] = 0.5
    with pytest.raises(ValueError, match=r"clip_norm: .*has None, got 0.5.*optimizer.clip_norm"):
        optimizer.step()
    del optimizer.param_groups[0]["clip_norm"]
    optimizer.step()
    assert param.tolist() == [-2.0]


def test_dictionaries_stay_torchs() -> None:
    model = make_model()
    optimizer = make_ours("Adam", model.parameters(), clip_norm=0.5, nonfinite="skip")
    train(model, optimizer, [0])
    dictionary = optimizer.state_dict()
    assert dictionary.keys() == {"state", "param_groups"}
    assert not DEFAULTS.keys() & {*dictionary["param_groups"][0], *optimizer.defaults}
    theirs = make_theirs("Adam", model.parameters())
    theirs.load_state_dict(dictionary)
    optimizer.load_state_dict(theirs.state_dict())
    assert (optimizer.clip_norm, optimizer.nonfinite) == (0.5, "skip")


@pytest.mark.parametrize("duplicate", COPIES.values(), ids=list(COPIES))
def test_copies_have_them_and_what_they_counted(duplicate: Callable[[Any], Any]) -> None:
    param = param_with(3.0, torch.inf)
    optimizer = make_ours("SGD", [param], lr=1.0, clip_norm=0.5, nonfinite="skip")
    optimizer.step()
    copied, other = duplicate((optimizer, param))
    assert (copied.skipped_steps, copied.last_grad_norm) == (1, torch.inf)
    other.grad = torch.tensor([torch.nan, 4.0])
    copied.step()
    other.grad = torch.tensor([3.0, 4.0])
    copied.step()
    assert (copied.skipped_steps, copied.last_grad_norm) == (2, 5.0)
    assert other.norm().item() == pytest.approx(0.5, rel=1e-6)
    assert (optimizer.skipped_steps, param.tolist()) == (1, [0.0, 0.0])


@pytest.mark.parametrize("steps", [0, 2])
@each_class
def test_a_skipped_step_leaves_all_as_it_was(name: str, steps: int) -> None:
    model, other = make_model(), make_model()
    optimizer = make_ours(name, model.parameters(), nonfinite="skip")
    twin = make_ours(name, other.parameters())
    train(model, optimizer, range(steps))
    train(other, twin, range(steps))
    next(model.parameters()).grad = torch.full_like(next(model.parameters()), torch.nan)
    optimizer.step()
    assert optimizer.skipped_steps == 1
    assert_same_tensors(model.parameters(), arrays(other.parameters()))
    assert snapshot(optimizer.state_dict()) == snapshot(twin.state_dict())
    train(model, optimizer, range(steps, 4))
    train(other, twin, range(steps, 4))
    assert_same_tensors(model.parameters(), arrays(other.parameters()))
    assert optimizer.skipped_steps == 1


def test_the_count_goes_on_where_a_parameter_moves() -> None:
    param = param_with(torch.nan)
    optimizer = make_ours("Adam", [param], nonfinite="skip")
    for count in range(1, 4):
        param.data = param.data.clone()
        optimizer.step()
        assert optimizer.skipped_steps == count


def test_a_gradient_that_is_not_finite_is_named() -> None:
    model = make_model()
    optimizer = make_ours("Adam", model.named_parameters(), nonfinite="raise")
    train(model, optimizer, range(2))
    before = snapshot([list(model.parameters()), optimizer.state_dict()])
    model[3].bias.grad[2] = -torch.inf
    with pytest.raises(FloatingPointError, match=r"parameter '3.bias'.*index \(2,\); nothing"):
        optimizer.step()
    assert snapshot([list(model.parameters()), optimizer.state_dict()]) == before


def test_a_sparse_gradient_counts_by_its_summed_rows() -> None:
    table = torch.nn.Embedding(4, 1, sparse=True)
    table(torch.tensor([2, 0, 2])).sum().backward()
    optimizer = make_ours("SGD", table.parameters(), lr=0.5, clip_norm=float("inf"))
    optimizer.step()
    assert optimizer.last_grad_norm == 5.0**0.5
