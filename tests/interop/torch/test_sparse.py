"""Gradients of embeddings, which name rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

import instep
from tests.api.model import Options, make
from tests.compare import assert_same_bits
from tests.interop.torch.training import (
    arrays,
    assert_close,
    assert_same_tensors,
    make_ours,
    make_theirs,
)

# torch's own Adagrad makes sparse tensors without saying whether they are to be checked.
pytestmark = pytest.mark.filterwarnings("ignore:Sparse invariant checks")

WORDS = torch.tensor([[3, 1, 3, 3], [5, 1, 0, 3]])
"""Rows that come more than once, and some that never do."""


def make_table(sparse: bool = True) -> torch.nn.Embedding:
    torch.manual_seed(0)
    return torch.nn.Embedding(7, 3, sparse=sparse, dtype=torch.float64)


def train(table: torch.nn.Embedding, optimizer: Any, steps: int) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        (table(WORDS).sum(dim=1) ** 2).sum().backward()
        optimizer.step()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SparseAdam", {"lr": 0.01}),
        ("SparseAdam", {"lr": 0.01, "betas": (0.5, 0.75), "eps": 0.5, "maximize": True}),
        ("Adagrad", {"lr": 0.1}),
        ("Adagrad", {"lr": 0.1, "lr_decay": 0.5, "initial_accumulator_value": 0.25}),
        ("SGD", {"lr": 0.01}),
        ("SGD", {"lr": 0.001, "maximize": True}),
    ],
    ids=str,
)
def test_training_is_torchs_within_rounding(name: str, options: Options) -> None:
    ours, theirs = make_table(), make_table()
    one = make_ours(name, ours.parameters(), **options)
    other = make_theirs(name, theirs.parameters(), **options)
    train(ours, one, 5)
    train(theirs, other, 5)
    assert_close(ours.weight, theirs.weight)
    assert_close(one.state_dict()["state"], other.state_dict()["state"])
    for first, second in ((one, other), (other, one)):
        first.load_state_dict(second.state_dict())


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Adam", {"amsgrad": True, "weight_decay": 0.5}),
        ("AdamW", {}),
        ("AMSGrad", {}),
        ("Adamax", {}),
        ("RAdam", {}),
        ("RMSprop", {"centered": True, "momentum": 0.9}),
        ("Adagrad", {"weight_decay": 0.5}),
        ("Adadelta", {}),
        ("Rprop", {}),
    ],
    ids=str,
)
def test_what_torch_refuses_is_the_step_of_these_rows_in_instep(
    name: str, options: Options
) -> None:
    table = make_table()
    drop_in = make_ours(name, table.parameters(), **options)
    (array,) = arrays(table.parameters())
    optimizer = make(name, [array], **options)
    for _ in range(3):
        drop_in.zero_grad()
        (table(WORDS).sum(dim=1) ** 2).sum().backward()
        grad = table.weight.grad
        assert grad is not None
        rows, values = grad._indices()[0].numpy(), grad._values().numpy()
        assert len(rows) > len(np.unique(rows))
        optimizer.step([instep.RowGradient(rows, values)])
        drop_in.step()
    assert_same_bits(table.weight.detach().numpy(), array)


@pytest.mark.parametrize("coalesced", [False, True])
def test_coalesced_or_not(coalesced: bool) -> None:
    table = make_table()
    (expected,) = arrays(table.parameters())
    optimizer = make_ours("SGD", table.parameters(), lr=0.5)
    grad = torch.sparse_coo_tensor(
        torch.tensor([[4, 2, 4]]),
        torch.tensor([[1.0] * 3, [2.0] * 3, [4.0] * 3], dtype=torch.float64),
        (7, 3),
        check_invariants=True,
    )
    table.weight.grad = grad.coalesce() if coalesced else grad
    optimizer.step()
    expected[2] -= 1.0
    expected[4] -= 2.5
    assert_same_tensors([table.weight], [expected])


def test_sparse_and_dense_gradients_in_turn() -> None:
    ours, theirs = make_table(), make_table(sparse=False)
    one = make_ours("Adagrad", ours.parameters())
    other = make_theirs("Adagrad", theirs.parameters())
    for sparse in (True, False, True):
        ours.sparse = sparse
        train(ours, one, 2)
        train(theirs, other, 2)
    assert_close(ours.weight, theirs.weight)


def test_no_rows_are_a_step_that_counts() -> None:
    table = make_table()
    before = arrays(table.parameters())
    optimizer = make_ours("SparseAdam", table.parameters())
    table(torch.zeros(0, dtype=torch.int64)).sum().backward()
    optimizer.step()
    assert_same_tensors(table.parameters(), before)
    assert optimizer.state[table.weight]["step"] == 1


def test_the_count_of_sparse_adam_may_be_set() -> None:
    """torch keeps it as an integer, so that setting it replaces it."""
    ours, theirs = make_table(), make_table()
    one = make_ours("SparseAdam", ours.parameters())
    other = make_theirs("SparseAdam", theirs.parameters())
    for table, optimizer in ((ours, one), (theirs, other)):
        train(table, optimizer, 3)
        optimizer.state[table.weight]["step"] = 0
        train(table, optimizer, 2)
    assert_close(ours.weight, theirs.weight)
    assert one.state[ours.weight]["step"] == 2
