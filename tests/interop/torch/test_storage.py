"""Tensors in 16 bits, their states and masters, stepped in place as instep's own classes do."""

from __future__ import annotations

import copy
import pickle
import sys
from typing import Any

import ml_dtypes
import numpy as np
import pytest

pytest.importorskip("torch")
import torch

import instep
from instep.interop.torch import from_torch_state_dict, to_torch_state_dict
from tests.interop.torch.training import (
    each_torch_variant,
    in_double,
    make_model,
    make_ours,
    make_theirs,
    numbers_in_double,  # noqa: F401
    train,
)

HALVES = {torch.bfloat16: np.dtype(ml_dtypes.bfloat16), torch.float16: np.dtype(np.float16)}
SQUARES = {"exp_avg_sq", "max_exp_avg_sq", "square_avg", "sum", "acc_delta", "variance"}

each_half = pytest.mark.parametrize("half", HALVES, ids=str)


def parameters(half: torch.dtype, seed: int = 0) -> list[torch.nn.Parameter]:
    """Return a matrix, one that lies transposed in memory, and a vector."""
    generator = torch.Generator().manual_seed(seed)
    matrix, other, vector = (
        torch.randn(shape, generator=generator).to(half) for shape in ((3, 40), (7, 5), (130,))
    )
    return [torch.nn.Parameter(each) for each in (matrix, other.T, vector)]


def give_gradients(params: list[torch.nn.Parameter], seed: int, half: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(seed)
    for param in params:
        param.grad = torch.randn(param.shape, generator=generator).to(half)


def bits(tensor: torch.Tensor) -> list[Any]:
    """Return the patterns of a tensor's numbers."""
    integers = {2: torch.int16, 4: torch.int32, 8: torch.int64}[tensor.itemsize]
    return tensor.detach().contiguous().view(integers).tolist()


def as_array(tensor: torch.Tensor) -> Any:
    """Return a copy of a tensor of 16 bits, in its own memory layout."""
    array = tensor.detach().view(torch.int16).numpy().copy(order="K")
    return array.view(HALVES[tensor.dtype])


STORAGE: tuple[dict[str, Any], ...] = (
    {},
    {"state_rounding": "nearest"},
    {"param_rounding": "stochastic", "seed": 5},
    {"master_weight_bits": 32},
    {"state_dtype": np.float32, "param_rounding": "stochastic"},
)


@in_double
@each_half
@pytest.mark.parametrize("storage", STORAGE, ids=str)
@each_torch_variant
def test_a_step_is_that_of_the_class(
    name: str, options: dict[str, Any], storage: dict[str, Any], half: torch.dtype
) -> None:
    """Whose states are asked for in the parameter's dtype, squares of float16 in float32."""
    if half is torch.float16 and "master_weight_bits" in storage:
        return
    params = parameters(half)
    arrays = [as_array(param) for param in params]
    ours = make_ours(name, params, **options, **storage)
    rule = getattr(instep, name)._rule
    default = {
        state: np.float32 if half is torch.float16 and state in SQUARES else HALVES[half]
        for state in rule.states
        if state not in rule.reduced_states
    }
    expected: Any = getattr(instep, name)(
        arrays, **{"lr": ours.defaults["lr"], **options, "state_dtype": default, **storage}
    )
    for seed in range(4):
        give_gradients(params, seed, half)
        if seed == 2:  # what is skipped counts no step, and random bits stay those of its place
            params[0].grad = None
        expected.step([None if each.grad is None else as_array(each.grad) for each in params])
        ours.step()
    for k, param in enumerate(params):
        assert bits(param) == arrays[k].view(np.int16).tolist()
        for state, array in expected.state_dict()["state"][k].items():
            if isinstance(array, float):
                assert ours.state[param][state].item() == array, state
            elif state != "step":
                assert bits(ours.state[param][state]) == bits(
                    torch.from_numpy(array.view(f"i{array.itemsize}"))
                ), state


def units_apart(one: torch.Tensor, other: torch.Tensor, before: torch.Tensor) -> float:
    """Return how far numbers are apart at most, in units of the largest that went into them.

    Where a difference is nearly 0, its own units are as small.
    """
    wide = torch.stack([each.detach().double() for each in (one, other, before)])
    unit = 2.0 ** (wide.abs().amax(0).clamp(min=2.0**-100).log2().floor() - 7)
    return float(((wide[0] - wide[1]).abs() / unit).max())


FUSED: tuple[tuple[str, dict[str, Any], int], ...] = (
    ("Adam", {"lr": 0.01}, 1000),
    ("Adam", {"lr": 0.01, "weight_decay": 0.1}, 1000),
    ("AdamW", {"lr": 0.01, "weight_decay": 0.1}, 1000),
    ("Adagrad", {"lr": 0.1}, 1000),
    # torch 2.13 writes no parameters but the last few, fewer than a vector has.
    ("SGD", {"lr": 0.1}, 7),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}, 7),
)


@pytest.mark.parametrize(("name", "options", "size"), FUSED, ids=str)
def test_to_nearest_it_is_torchs_fused_step_within_one_unit(
    name: str, options: dict[str, Any], size: int
) -> None:
    """Each step from the same numbers."""
    generator = torch.Generator().manual_seed(0)
    param = torch.nn.Parameter(torch.randn(size, generator=generator).bfloat16())
    ours = make_ours(name, [param], state_rounding="nearest", **options)
    for seed in range(20):
        other = torch.nn.Parameter(param.detach().clone())
        theirs = make_theirs(name, [other], fused=True, **options)
        before = {"param": param.detach().clone()}
        if seed:
            saved = copy.deepcopy(ours.state_dict())
            before |= copy.deepcopy(saved["state"][0])
            saved["param_groups"][0]["fused"] = True
            theirs.load_state_dict(saved)
        give_gradients([param], seed, torch.bfloat16)
        give_gradients([other], seed, torch.bfloat16)
        ours.step()
        theirs.step()
        assert units_apart(param, other, before["param"]) <= 1
        for state, value in ours.state[param].items():
            if state != "step":
                former = before.get(state, torch.zeros_like(value))
                assert units_apart(value, theirs.state[other][state], former) <= 1, state


def weight_after(steps: int, optimizer_of: Any) -> float:
    weight = torch.nn.Parameter(torch.ones(64, dtype=torch.bfloat16))
    optimizer = optimizer_of([weight])
    for _ in range(steps):
        weight.grad = torch.ones_like(weight)
        optimizer.step()
    return float(weight.detach().float().mean())


def test_a_weight_of_1_to_nearest_stands_still() -> None:
    """By steps of 0.001, torch's and ours; by chance, or with a master, it moves by them."""
    options: dict[str, Any] = {"lr": 1e-3, "weight_decay": 0.0}

    def ours(**storage: Any) -> Any:
        return lambda params: make_ours("AdamW", params, **options, **storage)

    assert (
        weight_after(500, lambda params: make_theirs("AdamW", params, fused=True, **options)) == 1
    )
    assert weight_after(500, ours()) == 1
    assert weight_after(500, ours(master_weight_bits=32)) == pytest.approx(0.5, abs=0.01)
    assert weight_after(500, ours(param_rounding="stochastic")) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("half", HALVES, ids=str)
def test_a_model_is_trained(half: torch.dtype) -> None:
    model = make_model().to(half)
    optimizer = make_ours("AdamW", model.named_parameters(), lr=0.02, param_rounding="stochastic")

    def loss() -> float:
        x = torch.ones(5, 2, 4, 4, dtype=half)
        with torch.no_grad():
            return float((model(x) ** 2).mean())

    before = loss()
    for _ in range(60):
        optimizer.zero_grad()
        (model(torch.ones(5, 2, 4, 4, dtype=half)) ** 2).mean().backward()
        optimizer.step()
    assert loss() < before / 20


def test_a_model_with_masters_is_trained_as_in_float32() -> None:
    """Its weights are those of the float32 model, rounded, where the gradients are the same."""
    half = [torch.nn.Parameter(torch.ones(50, dtype=torch.bfloat16))]
    whole = [torch.nn.Parameter(torch.ones(50))]
    ours = make_ours("Adam", half, state_dtype=np.float32, master_weight_bits=32)
    expected = make_ours("Adam", whole)
    for seed in range(200):
        give_gradients(half, seed, torch.bfloat16)
        assert half[0].grad is not None
        whole[0].grad = half[0].grad.float()
        ours.step()
        expected.step()
    rest = ours.state[half[0]]["param_rest"].to(torch.int32)
    upper = half[0].detach().view(torch.int16).to(torch.int32) << 16
    assert torch.equal(upper + rest, whole[0].detach().view(torch.int32))


@each_half
def test_sparse_gradients_step_the_rows_that_they_name(half: torch.dtype) -> None:
    tables = [torch.nn.Parameter(torch.ones(6, 3, dtype=half)) for _ in range(2)]
    ours = make_ours("SparseAdam", tables[:1], lr=0.5)
    index, values = torch.tensor([[4, 1, 4]]), torch.randn(3, 3).to(half)
    tables[0].grad = torch.sparse_coo_tensor(index, values, (6, 3), check_invariants=True)
    ours.step()
    expected = as_array(tables[1])
    default = {"exp_avg": HALVES[half], "exp_avg_sq": np.float32}
    own = instep.Adam(
        expected,
        lr=0.5,
        eps_hat=True,
        state_dtype=default if half is torch.float16 else HALVES[half],
    )
    own.step(instep.RowGradient(index[0].numpy(), as_array(values)))
    assert bits(tables[0]) == expected.view(np.int16).tolist()


def stepped(half: torch.dtype, name: str = "AdamW", **options: Any) -> tuple[list[Any], Any]:
    params = parameters(half)
    optimizer = make_ours(name, params, **options)
    for seed in range(3):
        give_gradients(params, seed, half)
        optimizer.step()
    return params, optimizer


def goes_on(params: list[Any], optimizer: Any, half: torch.dtype) -> list[Any]:
    give_gradients(params, 9, half)
    optimizer.step()
    return [bits(param) for param in params]


@each_half
@pytest.mark.parametrize("storage", STORAGE, ids=str)
def test_dictionaries_copies_and_pickles_go_on_bit_for_bit(
    storage: dict[str, Any], half: torch.dtype
) -> None:
    if half is torch.float16 and "master_weight_bits" in storage:
        return
    params, optimizer = stepped(half, **storage)
    copied = copy.deepcopy((params, optimizer))
    pickled = pickle.loads(pickle.dumps((params, optimizer)))
    same = [torch.nn.Parameter(param.detach().clone()) for param in params]
    loaded = make_ours("AdamW", same, **storage)
    loaded.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    expected = goes_on(params, optimizer, half)
    for others, other in (copied, pickled, (same, loaded)):
        assert goes_on(others, other, half) == expected
        assert other.seed == storage.get("seed", 0)
    by_instep = from_torch_state_dict(optimizer)
    again = to_torch_state_dict({**by_instep, "steps": 4}, drop_in=True)
    for k, states in optimizer.state_dict()["state"].items():
        for state, value in states.items():
            assert bits(again["state"][k][state]) == bits(value), state


SGD_BY_CHANCE: tuple[dict[str, Any], ...] = (
    {"momentum": 0.9},
    {"param_rounding": "stochastic"},
    {"momentum": 0.9, "dampening": 0.5, "param_rounding": "stochastic", "lr": 1e-3},
)


@pytest.mark.parametrize("options", SGD_BY_CHANCE, ids=str)
def test_sgd_counts_its_steps_where_random_bits_depend_on_them(options: dict[str, Any]) -> None:
    """Torch's counts none, and each copy, or tensor elsewhere, would begin with the same bits."""
    half = torch.bfloat16
    params, optimizer = stepped(half, "SGD", **options)
    copied = copy.deepcopy((params, optimizer))
    same = [torch.nn.Parameter(param.detach().clone()) for param in params]
    loaded = make_ours("SGD", same, **options)
    loaded.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    moved = copy.deepcopy((params, optimizer))
    for param in moved[0]:
        param.data = param.data.clone()
    by_instep = [torch.nn.Parameter(param.detach().clone()) for param in params]
    converted = make_ours("SGD", by_instep, **options)
    converted.load_state_dict(
        to_torch_state_dict({**from_torch_state_dict(optimizer), "steps": 3}, drop_in=True)
    )
    expected = goes_on(params, optimizer, half)
    for others, other in (copied, (same, loaded), moved, (by_instep, converted)):
        assert goes_on(others, other, half) == expected
        assert [other.state[param]["step"].item() for param in others] == [4, 4, 4]
    theirs = make_theirs("SGD", same, **{k: v for k, v in options.items() if k != "param_rounding"})
    theirs.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    theirs.step()


@pytest.mark.parametrize(
    "options",
    [{}, {"momentum": 0.9, "state_rounding": "nearest"}, {"master_weight_bits": 32}],
    ids=str,
)
def test_sgd_counts_no_steps_where_nothing_depends_on_them(options: dict[str, Any]) -> None:
    params, optimizer = stepped(torch.bfloat16, "SGD", **options)
    assert all("step" not in optimizer.state.get(param, {}) for param in params)


def test_sgd_of_torch_goes_on_by_chance() -> None:
    params = parameters(torch.bfloat16)
    theirs = make_theirs("SGD", params, momentum=0.9)
    give_gradients(params, 0, torch.bfloat16)
    theirs.step()
    ours = make_ours("SGD", params, momentum=0.9)
    ours.load_state_dict(theirs.state_dict())
    goes_on(params, ours, torch.bfloat16)
    assert [ours.state[param]["step"].item() for param in params] == [2, 2, 2]


@each_half
def test_a_count_in_16_bits_is_refused(half: torch.dtype) -> None:
    """It would hold no counts from 256 or 2048 on."""
    params, optimizer = stepped(half)
    optimizer.state[params[1]]["step"] = torch.tensor(3.0, dtype=half)
    before = [bits(param) for param in params]
    give_gradients(params, 9, half)
    with pytest.raises(TypeError, match=r"step of parameter 1: expected dtype torch.float32 or"):
        optimizer.step()
    assert [bits(param) for param in params] == before


LOADED = {
    # What states were saved as, what a new optimizer asks for, and what they become.
    "kept, where torch casts": (torch.float32, None, torch.float32),
    "the parameter's": (torch.bfloat16, None, torch.bfloat16),
    "widened": (torch.bfloat16, np.float32, torch.float32),
    "never narrowed": (torch.float32, "bfloat16", torch.float32),
    "of the other kind": (torch.float16, None, torch.float16),
}


@pytest.mark.parametrize(("saved", "asked", "became"), LOADED.values(), ids=LOADED)
def test_states_that_are_loaded_keep_their_dtype(
    saved: torch.dtype, asked: Any, became: torch.dtype
) -> None:
    """Where torch.optim casts them: https://github.com/pytorch/pytorch/issues/43706."""
    as_saved = str(saved).removeprefix("torch.")
    params, optimizer = stepped(torch.bfloat16, state_dtype=as_saved)
    before = {k: dict(state) for k, state in optimizer.state_dict()["state"].items()}
    assert before[0]["exp_avg"].dtype is saved
    other = make_ours("AdamW", params, state_dtype=asked)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for k, param in enumerate(params):
        state = other.state[param]["exp_avg_sq"]
        assert state.dtype is became
        assert torch.equal(state.double(), before[k]["exp_avg_sq"].double())
    goes_on(params, other, torch.bfloat16)
    assert other.state[params[0]]["exp_avg_sq"].dtype is became


def test_a_master_begins_at_what_the_parameter_shows() -> None:
    """Where the dictionary, as torch's own, has no rest; and it is not thrown away unasked."""
    params = parameters(torch.bfloat16)
    theirs = make_theirs("AdamW", params)
    give_gradients(params, 0, torch.bfloat16)
    theirs.step()
    ours = make_ours("AdamW", params, master_weight_bits=32)
    ours.load_state_dict(theirs.state_dict())
    goes_on(params, ours, torch.bfloat16)
    assert ours.state[params[0]]["param_rest"].dtype is torch.int16
    plain = make_ours("AdamW", params)
    plain.load_state_dict(ours.state_dict())
    before = [bits(param) for param in params]
    with pytest.raises(ValueError, match=r"param_rest of parameter 0: .*master_weight_bits=32"):
        plain.step()
    assert [bits(param) for param in params] == before


def test_options_of_storage_are_the_whole_optimizers() -> None:
    param = torch.nn.Parameter(torch.ones(3, dtype=torch.bfloat16))
    for name, value in (("state_dtype", "float16"), ("master_weight_bits", 32), ("seed", 1)):
        with pytest.raises(ValueError, match=f"{name}: expected it of the whole optimizer"):
            make_ours("SGD", [{"params": [param], name: value}])
    optimizer = make_ours("SGD", [param], param_rounding="stochastic", seed=3)
    optimizer.param_groups[0]["param_rounding"] = "nearest"
    param.grad = torch.ones_like(param)
    with pytest.raises(ValueError, match="param_rounding: expected it of the whole optimizer"):
        optimizer.step()
    with pytest.raises(AttributeError):
        optimizer.seed = 4
    shown = ("state_dtype", "state_rounding", "param_rounding", "master_weight_bits", "seed")
    assert [getattr(optimizer, name) for name in shown] == [
        None,
        "stochastic",
        "stochastic",
        None,
        3,
    ]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (torch.bfloat16, HALVES[torch.bfloat16]),
        ({"exp_avg": torch.float16}, {"exp_avg": np.dtype(np.float16)}),
    ],
    ids=str,
)
def test_the_types_of_states_may_be_torchs(given: Any, shown: Any) -> None:
    """In a group too, where a wrapper that passes keywords on writes them."""
    group = {"params": parameters(torch.float16), "state_dtype": given}
    assert make_ours("Adam", [group], state_dtype=given).state_dtype == shown


def test_a_type_of_torch_that_none_is_stored_in_is_refused() -> None:
    with pytest.raises(ValueError, match="state_dtype: expected None, float16"):
        make_ours("Adam", parameters(torch.float16), state_dtype=torch.int8)


REFUSED: dict[str, tuple[str, dict[str, Any], torch.dtype, str]] = {
    "a master of float16": ("Adam", {"master_weight_bits": 32}, torch.float16, "parameter 0"),
    "rounding beside it": (
        "Adam",
        {"master_weight_bits": 32, "param_rounding": "nearest"},
        torch.bfloat16,
        "param_rounding: expected None",
    ),
    "an unknown state": ("SGD", {"state_dtype": {"sum": None}}, torch.bfloat16, "momentum_buffer"),
    "a variance of 16 bits": (
        "RMSprop",
        {"centered": True, "state_dtype": "bfloat16"},
        torch.float32,
        "state_dtype: expected a mapping",
    ),
    "a negative seed": ("SGD", {"seed": -1}, torch.bfloat16, "seed: expected"),
}


@pytest.mark.parametrize(("name", "options", "dtype", "message"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_go_together_is_refused(
    name: str, options: dict[str, Any], dtype: torch.dtype, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_ours(name, [torch.nn.Parameter(torch.ones(3, dtype=dtype))], **options)


def test_without_ml_dtypes_bfloat16_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    param = torch.nn.Parameter(torch.ones(3, dtype=torch.bfloat16))
    with pytest.raises(TypeError, match=r"parameter 0: .*pip install 'instep\[bfloat16\]'"):
        make_ours("SGD", [param])
    half = torch.nn.Parameter(torch.ones(3, dtype=torch.float16))
    half.grad = torch.ones_like(half)
    make_ours("SGD", [half], lr=0.5).step()
    assert half.tolist() == [0.5] * 3


def test_float32_parameters_may_have_short_states() -> None:
    model = make_model(torch.float32)
    optimizer = make_ours("Adam", model.parameters(), state_dtype="bfloat16")
    train(model, optimizer, range(3))
    for param in model.parameters():
        assert optimizer.state[param]["exp_avg"].dtype is torch.bfloat16


def test_what_a_constructor_of_torch_has_made_is_stored_as_asked() -> None:
    """Adagrad's sums, of parameters that are frozen at first, too; other kinds are left alone."""
    frozen = torch.nn.Parameter(torch.ones(3), requires_grad=False)
    integers = torch.nn.Parameter(torch.ones(3, dtype=torch.int8), requires_grad=False)
    optimizer = make_ours(
        "Adagrad", [frozen, integers], state_dtype="bfloat16", initial_accumulator_value=0.5
    )
    frozen.requires_grad_()
    frozen.grad = torch.ones(3)
    optimizer.step()
    assert optimizer.state[frozen]["sum"].dtype is torch.bfloat16
    assert optimizer.state[frozen]["sum"].tolist() == [1.5] * 3
