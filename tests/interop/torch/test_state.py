"""State dictionaries, copies, and conversions between torch's and instep's optimizers."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

import instep
from instep.interop.torch import from_torch_state_dict, to_torch_state_dict
from tests.api.model import COPIES, Options, assert_same, make
from tests.cases import Array
from tests.interop.torch.training import (
    OWN,
    arrays,
    assert_close,
    assert_same_tensors,
    each_torch_variant,
    each_variant,
    in_double,
    loss_of,
    make_model,
    make_ours,
    make_theirs,
    numbers_in_double,  # noqa: F401
    snapshot,
    train,
)


def saved(dictionary: Any) -> Any:
    """Return a dictionary that went through a file."""
    file = io.BytesIO()
    torch.save(dictionary, file)
    file.seek(0)
    return torch.load(file)


def train_by_instep(model: Any, params: list[Array], optimizer: Any, seeds: Any) -> None:
    """Train arrays with the gradients that the model has where they are."""
    for seed in seeds:
        with torch.no_grad():
            for param, array in zip(model.parameters(), params, strict=True):
                param.copy_(torch.from_numpy(array))
        model.zero_grad()
        loss_of(model, seed).backward()
        optimizer.step(arrays(param.grad for param in model.parameters()))


Make = Callable[..., Any]


@in_double
@pytest.mark.parametrize(
    ("first", "second"), [(make_theirs, make_ours), (make_ours, make_theirs)], ids=["in", "out"]
)
@each_torch_variant
def test_training_goes_on_in_the_other_class(
    name: str, options: Options, first: Make, second: Make
) -> None:
    options = {**options, "lr": 0.01}
    model = make_model()
    optimizer = first(name, model.parameters(), **options)
    train(model, optimizer, range(4))
    other = copy.deepcopy(model)
    resumed = second(name, other.parameters(), lr=0.5)
    resumed.load_state_dict(saved(optimizer.state_dict()))
    assert snapshot(resumed.state_dict()["state"]) == snapshot(optimizer.state_dict()["state"])
    train(model, optimizer, range(4, 8))
    train(other, resumed, range(4, 8))
    assert_close(list(other.parameters()), list(model.parameters()))
    assert_close(resumed.state_dict()["state"], optimizer.state_dict()["state"])


@in_double
@each_variant
def test_training_goes_on_bit_for_bit_after_a_file(name: str, options: Options) -> None:
    model = make_model()
    optimizer = make_ours(name, model.parameters(), **options)
    train(model, optimizer, range(3))
    other = copy.deepcopy(model)
    resumed = make_ours(name, other.parameters())
    resumed.load_state_dict(saved(optimizer.state_dict()))
    train(model, optimizer, range(3, 6))
    train(other, resumed, range(3, 6))
    assert_same_tensors(other.parameters(), arrays(model.parameters()))
    assert snapshot(resumed.state_dict()) == snapshot(optimizer.state_dict())


@pytest.mark.parametrize("duplicate", COPIES.values(), ids=list(COPIES))
@pytest.mark.parametrize("steps", [0, 3])
def test_copies_go_on_bit_for_bit_and_on_their_own(
    duplicate: Callable[[Any], Any], steps: int
) -> None:
    model = make_model()
    optimizer = make_ours("Adam", model.parameters(), lr=0.1, eps_hat=True)
    train(model, optimizer, range(steps))
    other, resumed = duplicate((model, optimizer))
    train(model, optimizer, range(steps, steps + 3))
    before = arrays(model.parameters())
    train(other, resumed, range(steps, steps + 3))
    assert_same_tensors(other.parameters(), before)
    assert_same_tensors(model.parameters(), before)
    assert resumed.param_groups[0]["eps_hat"] is True


def test_options_that_a_dictionary_of_torch_lacks_stay() -> None:
    model = make_model()
    theirs = make_theirs("RMSprop", model.parameters(), lr=0.125)
    optimizer = make_ours("RMSprop", model.parameters(), eps_inside_sqrt=True)
    optimizer.load_state_dict(theirs.state_dict())
    assert optimizer.param_groups[0]["lr"] == 0.125
    assert optimizer.param_groups[0]["eps_inside_sqrt"] is True


@in_double
@each_variant
def test_from_instep_to_the_drop_in_and_back(name: str, options: Options) -> None:
    model = make_model()
    params = arrays(model.parameters())
    optimizer = make(name, params, **options)
    train_by_instep(model, params, optimizer, range(3))

    drop_in = make_ours(name, model.parameters())
    drop_in.load_state_dict(saved(to_torch_state_dict(optimizer, drop_in=True)))
    with torch.no_grad():
        for param, array in zip(model.parameters(), params, strict=True):
            param.copy_(torch.from_numpy(array))
    train(model, drop_in, range(3, 6))

    back = make(name, arrays(model.parameters()), **options)
    back.load_state_dict(from_torch_state_dict(drop_in))
    train_by_instep(make_model(), params, optimizer, range(3, 6))
    assert_same_tensors(model.parameters(), params)
    ours, expected = back.state_dict()["state"], optimizer.state_dict()["state"]
    if name == "SGD":  # of which torch's states have no count
        for state in (*ours.values(), *expected.values()):
            del state["step"]
    assert_same(ours, expected)


@in_double
@each_torch_variant
def test_from_instep_to_torch_and_back(name: str, options: Options) -> None:
    options = {**options, "lr": 0.01}
    model = make_model()
    params = arrays(model.parameters())
    optimizer = make(name, params, **options)
    train_by_instep(model, params, optimizer, range(3))

    theirs = make_theirs(name, model.parameters())
    theirs.load_state_dict(to_torch_state_dict(optimizer.state_dict()))
    with torch.no_grad():
        for param, array in zip(model.parameters(), params, strict=True):
            param.copy_(torch.from_numpy(array))
    train(model, theirs, range(3, 6))

    resumed = arrays(model.parameters())
    back = make(name, resumed, **options)
    back.load_state_dict(from_torch_state_dict(theirs.state_dict()))
    twin = make_model()
    train_by_instep(twin, params, optimizer, range(3, 9))
    train_by_instep(twin, resumed, back, range(6, 9))
    assert_close(*([torch.from_numpy(array) for array in each] for each in (resumed, params)))


@in_double
@each_torch_variant
def test_conversions_before_the_first_step(name: str, options: Options) -> None:
    ours, theirs = make_model(), make_model()
    optimizer = make(name, arrays(ours.parameters()), **options)
    one, other = (
        make_theirs(name, ours.parameters(), **options),
        make_theirs(name, theirs.parameters(), **options),
    )
    one.load_state_dict(to_torch_state_dict(optimizer))
    train(ours, one, range(2))
    train(theirs, other, range(2))
    assert_close(list(ours.parameters()), list(theirs.parameters()))
    optimizer.load_state_dict(
        from_torch_state_dict(make_theirs(name, ours.parameters(), **options))
    )
    assert optimizer.state_dict()["steps"] == 0


def test_a_converted_dictionary_shares_no_memory() -> None:
    model = make_model()
    theirs = make_theirs("Adam", model.parameters())
    train(model, theirs, [0])
    converted = from_torch_state_dict(theirs)
    again = to_torch_state_dict(converted)
    for key, state in theirs.state_dict()["state"].items():
        for name in ("exp_avg", "exp_avg_sq"):
            array, tensor = converted["state"][key][name], again["state"][key][name]
            assert not np.shares_memory(array, state[name].numpy())
            assert not np.shares_memory(array, tensor.numpy())


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Adam", {"eps_hat": True}),
        ("Adam", {"bias_correction": False}),
        ("AMSGrad", {}),
        ("RMSprop", {"eps_inside_sqrt": True}),
        ("Adagrad", {"eps_inside_sqrt": True}),
    ],
    ids=str,
)
def test_what_torch_cannot_go_on_with_is_refused(name: str, options: Options) -> None:
    optimizer = make(name, np.ones(3), **options)
    with pytest.raises(ValueError, match=r"torch.optim.*drop_in=True"):
        to_torch_state_dict(optimizer)


def test_what_torch_has_no_option_for_is_left_out() -> None:
    dictionary = to_torch_state_dict(instep.Adam(np.ones(3), eps_hat=True, eps=0.0))
    assert not OWN & dictionary["param_groups"][0].keys()


def test_torchs_rmsprop_goes_on_from_the_mean_square_that_began_elsewhere() -> None:
    w = np.ones(3, np.float32)
    optimizer = instep.RMSprop(w, initial_accumulator_value=1.0)
    dictionary = to_torch_state_dict(optimizer)
    assert "initial_accumulator_value" not in dictionary["param_groups"][0]
    tensor = torch.ones(3, requires_grad=True)
    theirs = make_theirs("RMSprop", [tensor])
    theirs.load_state_dict(dictionary)
    tensor.grad = torch.full((3,), 0.5)
    theirs.step()
    optimizer.step(np.full(3, 0.5, np.float32))
    assert_close(torch.from_numpy(w), tensor.detach())


def test_a_dictionary_of_torch_says_torchs_form() -> None:
    """Where instep has a choice of formulas, going on means going on with torch's."""
    theirs = make_theirs("Adam", [torch.zeros(3, requires_grad=True)])
    optimizer = instep.Adam(np.zeros(3, np.float32), eps_hat=True, bias_correction=False)
    optimizer.load_state_dict(from_torch_state_dict(theirs))
    assert (optimizer.eps_hat, optimizer.bias_correction) == (False, True)
    amsgrad = make_theirs("Adam", [torch.zeros(3, requires_grad=True)], amsgrad=True)
    with pytest.raises(ValueError, match="bias_correction"):
        instep.AMSGrad(np.zeros(3, np.float32)).load_state_dict(from_torch_state_dict(amsgrad))


def test_a_state_of_complex_numbers_is_refused() -> None:
    state = {"exp_avg": torch.zeros(3, dtype=torch.complex64)}
    with pytest.raises(TypeError, match=r"state\[0\]: exp_avg.*complex64"):
        from_torch_state_dict({"state": {0: state}, "param_groups": []})


def test_torchs_sparse_adam_is_instep_adam() -> None:
    table = torch.zeros(4, 2, requires_grad=True)
    theirs = torch.optim.SparseAdam([table], lr=0.5)
    table.grad = torch.tensor([[0.0, 0.0], [1.0, 2.0], [0.0, 0.0], [0.0, 0.0]]).to_sparse(1)
    theirs.step()
    array = arrays([table])[0]
    optimizer = instep.Adam(array)
    optimizer.load_state_dict(from_torch_state_dict(theirs))
    theirs.step()
    rows, values = np.array([1]), np.array([[1.0, 2.0]], np.float32)
    optimizer.step(instep.RowGradient(rows, values))
    assert_close(torch.from_numpy(array), table.detach())


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"lr": -1.0}, ValueError, "lr"),
        ({"betas": (0.9, 1.5)}, ValueError, "betas"),
        ({"capturable": True}, ValueError, "capturable"),
        ({"maximize": None}, TypeError, "maximize"),
    ],
    ids=str,
)
def test_a_refused_dictionary_changes_nothing(
    change: Options, error: type[Exception], match: str
) -> None:
    model = make_model()
    optimizer = make_ours("Adam", model.parameters())
    train(model, optimizer, range(2))
    dictionary = copy.deepcopy(optimizer.state_dict())
    dictionary["param_groups"][0].update(change)
    dictionary["state"].clear()
    before = snapshot(optimizer.state_dict())
    with pytest.raises(error, match=match):
        optimizer.load_state_dict(dictionary)
    assert snapshot(optimizer.state_dict()) == before


def test_states_may_be_changed_between_steps() -> None:
    """torch's state is the optimizer's: counts that are set, states that are cleared or moved."""
    ours, theirs = make_model(), make_model()
    one, other = make_ours("Adam", ours.parameters()), make_theirs("Adam", theirs.parameters())
    for model, optimizer in ((ours, one), (theirs, other)):
        train(model, optimizer, range(3))
        for state in optimizer.state.values():
            state["step"].zero_()
            state["exp_avg"].mul_(0.5)
            state["exp_avg_sq"] = state["exp_avg_sq"].clone()
        train(model, optimizer, range(3, 6))
        optimizer.state.clear()
        train(model, optimizer, range(6, 9))
        for state in optimizer.state.values():
            state["exp_avg"].share_memory_()
        train(model, optimizer, range(9, 12))
    assert_close(list(ours.parameters()), list(theirs.parameters()))
    assert_close(one.state_dict()["state"], other.state_dict()["state"])


def test_counts_beyond_what_float32_holds() -> None:
    """The count is kept, and shown as the nearest number that there is."""
    param = torch.zeros(1, requires_grad=True)
    optimizer = make_ours("Adam", [param])
    param.grad = torch.ones(1)
    optimizer.step()
    optimizer.state[param]["step"].fill_(2**24 - 1)
    shown = []
    for _ in range(4):
        optimizer.step()
        shown.append(optimizer.state[param]["step"].item() - 2**24)
    assert shown == [0, 0, 2, 4]
