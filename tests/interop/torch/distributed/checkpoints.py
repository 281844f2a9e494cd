"""Checkpoints of shards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_optimizer_state_dict,
    get_state_dict,
    set_optimizer_state_dict,
    set_state_dict,
)
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.nn.parallel import DistributedDataParallel

from instep.interop.torch import from_torch_state_dict
from tests.api.model import Options
from tests.interop.torch.distributed.networks import (
    assert_same_training,
    make_network,
    make_shards,
    train,
    train_both,
    whole,
)
from tests.interop.torch.training import (
    arrays,
    assert_same_tensors,
    make_ours,
    make_theirs,
    snapshot,
)

MAKES: Mapping[str, Callable[[], Any]] = {
    "whole": lambda: DistributedDataParallel(make_network()),
    "rows": make_shards,
    "columns": lambda: make_shards(1),
}
BY_WHOM: Mapping[str, Callable[..., Any]] = {"instep": make_ours, "torch": make_theirs}


def save_shards(folder: str, by: str, name: str, options: Options) -> None:
    """Save a training of this number of processes, and beside it all that it has, as one file."""
    model = make_shards()
    optimizer = BY_WHOM[by](name, model.parameters(), **options)
    train(model, optimizer, range(3))
    write(folder, model, optimizer)
    everything = gathered(model, optimizer)
    if dist.get_rank() == 0:
        torch.save(everything, Path(folder, "whole.pt"))
    dist.barrier()


def load_shards(folder: str, by: str, other_by: str, name: str, options: Options) -> None:
    """Go on, in this number of processes, with what `save_shards` has saved, bit for bit."""
    model, twin = make_shards(), make_network()
    optimizer = BY_WHOM[other_by](name, model.parameters(), **{**options, "lr": 0.75})
    read(folder, by, model, optimizer)
    weights, states = gathered(model, optimizer)
    saved_weights, saved_states = torch.load(Path(folder, "whole.pt"))
    if dist.get_rank() == 0:
        assert snapshot(weights) == snapshot(saved_weights)
        assert snapshot(states["state"]) == snapshot(saved_states["state"])
    if other_by == "torch":
        return
    alone = make_ours(name, twin.parameters(), **options)
    set_state_dict(twin, alone, model_state_dict=saved_weights, optim_state_dict=saved_states)
    train_both(model, optimizer, twin, alone, range(3, 5))
    assert_same_training(optimizer, alone)


def gathered(model: Any, optimizer: Any) -> Any:
    """Return whole weights and states, in the first process."""
    return get_state_dict(
        model, optimizer, options=StateDictOptions(full_state_dict=True, cpu_offload=True)
    )


def write(folder: str, model: Any, optimizer: Any) -> None:
    weights, states = get_state_dict(model, optimizer)
    save({"weights": weights, "states": states}, checkpoint_id=folder)


def read(folder: str, by: str, model: Any, optimizer: Any) -> None:
    weights, states = get_state_dict(model, optimizer)
    # torch's lacks the options that it does not have.
    planner = DefaultLoadPlanner(allow_partial_load=by == "torch")
    load({"weights": weights, "states": states}, checkpoint_id=folder, planner=planner)
    set_state_dict(model, optimizer, model_state_dict=weights, optim_state_dict=states)


def resume(folder: str, name: str, options: Options, first: str, second: str) -> None:
    """Go on from a distributed checkpoint with another layout, or another library's class."""
    layout, by = first.split()
    other_layout, other_by = second.split()
    model, other = MAKES[layout](), MAKES[other_layout]()
    optimizer = BY_WHOM[by](name, model.parameters(), **options)
    train(model, optimizer, range(3))
    write(folder, model, optimizer)
    resumed = BY_WHOM[other_by](name, other.parameters(), **{**options, "lr": 0.75})
    read(folder, by, other, resumed)
    assert_same_training(resumed, optimizer)
    if by == other_by:
        train(model, optimizer, range(3, 6))
        train(other, resumed, range(3, 6))
        assert_same_training(resumed, optimizer)


def gather_and_scatter() -> None:
    model, other = make_shards(), make_shards(1)
    optimizer = make_ours("Adam", model.parameters())
    train(model, optimizer, range(2))
    with pytest.raises(TypeError, match=r"exp_avg: expected a whole tensor.*full_state_dict=True"):
        from_torch_state_dict(optimizer)
    gathered = get_optimizer_state_dict(
        model, optimizer, options=StateDictOptions(full_state_dict=True, cpu_offload=True)
    )
    expected = [whole(state["exp_avg"]) for state in optimizer.state.values()]
    if dist.get_rank() == 0:
        converted = from_torch_state_dict(gathered)["state"].values()
        assert_same_tensors(expected, [state["exp_avg"] for state in converted])
    resumed = make_ours("Adam", other.parameters())
    set_optimizer_state_dict(
        other,
        resumed,
        gathered,
        options=StateDictOptions(full_state_dict=True, broadcast_from_rank0=True),
    )
    assert_same_tensors(
        (whole(state["exp_avg"]) for state in resumed.state.values()), arrays(expected)
    )
