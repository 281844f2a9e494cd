"""Train a network in several processes, in each of torch's wrappers.

``torchrun --standalone --nproc-per-node 4 examples/torch_processes.py [folder]``

With a folder, FSDP2 goes on from the distributed checkpoint in it, or leaves one there.
"""

import gc
import sys
from pathlib import Path
from typing import Any, TypeAlias

import torch
import torch.distributed as dist
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.nn.parallel import DistributedDataParallel

from instep.interop.torch import AdamW

Wrapped: TypeAlias = tuple[Any, torch.optim.Optimizer]


def ddp(network: torch.nn.Module) -> Wrapped:
    """Give every process all parameters and states, and the mean of the gradients."""
    model = DistributedDataParallel(network)
    return model, AdamW(model.parameters(), lr=0.01)


def zero(network: torch.nn.Module) -> Wrapped:
    """Give every process all parameters, and the states of some of them."""
    model = DistributedDataParallel(network)
    return model, ZeroRedundancyOptimizer(model.parameters(), AdamW, lr=0.01)


def fsdp2(network: torch.nn.Module) -> Wrapped:
    """Give every process a share of each parameter and of its states."""
    fully_shard(network, mesh=init_device_mesh("cpu", (dist.get_world_size(),)))
    return network, AdamW(network.parameters(), lr=0.01)


def fsdp1(network: torch.nn.Module) -> Wrapped:
    """Give every process a share of all parameters in one line, and of its states."""
    model = FullyShardedDataParallel(network, device_id=torch.device("cpu"))
    return model, AdamW(model.parameters(), lr=0.01)


def write(folder: Path, model: Any, optimizer: torch.optim.Optimizer) -> None:
    """Write what each process has, as one checkpoint."""
    weights, states = get_state_dict(model, optimizer)
    save({"weights": weights, "states": states}, checkpoint_id=folder)


def go_on(folder: Path, model: Any, optimizer: torch.optim.Optimizer) -> None:
    """Take over a checkpoint, in as many processes as there are now."""
    weights, states = get_state_dict(model, optimizer)
    load({"weights": weights, "states": states}, checkpoint_id=folder)
    set_state_dict(model, optimizer, model_state_dict=weights, optim_state_dict=states)


def train(model: Any, optimizer: Any, steps: int) -> float:
    """Train on this process's part of the data, and return the loss on all."""
    x = torch.randn(120, 8, generator=torch.Generator().manual_seed(0))
    y = x.square().sum(dim=1, keepdim=True).sqrt()
    part = slice(dist.get_rank(), None, dist.get_world_size())
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(x[part]), y[part]).backward()
        optimizer.step()
    with torch.no_grad():
        return float(torch.nn.functional.mse_loss(model(x), y))


def main(folder: Path | None) -> None:
    """Train in each wrapper."""
    for wrap in (ddp, zero, fsdp2, fsdp1):
        torch.manual_seed(0)
        layers = torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1)
        model, optimizer = wrap(torch.nn.Sequential(*layers))
        kept = folder if wrap is fsdp2 else None
        resumed = kept is not None and kept.exists()
        if kept is not None and resumed:
            go_on(kept, model, optimizer)
        loss = train(model, optimizer, steps=100)
        if kept is not None and not resumed:
            write(kept, model, optimizer)
        if dist.get_rank() == 0:
            print(f"{wrap.__name__}: loss {loss:.4f}")


if __name__ == "__main__":
    dist.init_process_group("gloo")
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    gc.collect()  # a wrapper that outlives the group may abort the process, by torch 2.13
    dist.destroy_process_group()
