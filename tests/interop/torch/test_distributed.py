"""Training by several processes: shards of parameters, whole ones, and checkpoints of them."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any, TypeAlias

import pytest

pytest.importorskip("torch")
import torch
import torch.distributed as dist

if torch.__version__ < "2.13":
    pytest.skip("older ones lack parts of FSDP2 on the CPU", allow_module_level=True)
if not (dist.is_available() and dist.is_gloo_available()):
    pytest.skip("torch was built without gloo", allow_module_level=True)

import instep.interop.torch
from instep.interop.torch import AdamW, register_functional_optim
from tests.api.model import Options
from tests.examples import needs_examples
from tests.interop.torch.distributed.processes import Processes
from tests.interop.torch.distributed.processes import processes as processes
from tests.interop.torch.training import each_class, each_variant
from tests.processes import run_python

Kind: TypeAlias = tuple[str, Options]

SGD: Kind = ("SGD", {})
MOMENTUM: Kind = ("SGD", {"momentum": 0.5})
ADAMW: Kind = ("AdamW", {"amsgrad": True})
RMSPROP: Kind = ("RMSprop", {"centered": True})
ADAGRAD: Kind = ("Adagrad", {"initial_accumulator_value": 0.5})
KINDS = [SGD, MOMENTUM, ADAMW, RMSPROP, ADAGRAD]

each_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
each_group = pytest.mark.parametrize(
    ("kind", "count"),
    [*itertools.product(KINDS, [2]), *itertools.product([ADAMW, ADAGRAD], [3, 4])],
    ids=str,
)


@pytest.mark.parametrize("dim", [0, 1])
@each_variant
def test_shards_are_stepped_as_the_whole(
    name: str, options: Options, dim: int, processes: Processes
) -> None:
    """In their own memory, bit for bit, with states that are shards alike; empty shares too."""
    processes.run(2, "shards.step_shards", name, options, dim)


@pytest.mark.parametrize(("count", "dim"), [(3, 0), (4, 0), (4, 1)])
@each_class
def test_uneven_shards_are_stepped_as_the_whole(
    name: str, count: int, dim: int, processes: Processes
) -> None:
    processes.run(count, "shards.step_shards", name, {}, dim)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("rows instep", "columns instep"),
        ("rows instep", "whole instep"),
        ("whole instep", "rows instep"),
        ("rows torch", "columns instep"),
        ("columns instep", "rows torch"),
    ],
)
@each_kind
def test_a_distributed_checkpoint_loads_in_another_layout(
    kind: Kind, first: str, second: str, processes: Processes, tmp_path: Path
) -> None:
    processes.run(2, "checkpoints.resume", str(tmp_path), *kind, first, second)


@pytest.mark.parametrize(
    ("by", "other_by"), [("instep", "instep"), ("torch", "instep"), ("instep", "torch")]
)
@pytest.mark.parametrize(("count", "other"), [*itertools.permutations([2, 3, 4], 2)])
def test_a_distributed_checkpoint_loads_in_another_number_of_processes(
    count: int, other: int, by: str, other_by: str, processes: Processes, tmp_path: Path
) -> None:
    processes.run(count, "checkpoints.save_shards", str(tmp_path), by, *ADAMW)
    processes.run(other, "checkpoints.load_shards", str(tmp_path), by, other_by, *ADAMW)


@pytest.mark.parametrize("wrapper", ["DDP", "FSDP1", "FSDP1 with use_orig_params", "FSDP2"])
@each_group
def test_wrappers(kind: Kind, count: int, wrapper: str, processes: Processes) -> None:
    """As one process by the mean gradients, bit for bit, and as torch's class within rounding."""
    processes.run(count, "wrappers.train_in", wrapper, *kind)


@pytest.mark.parametrize("bucket_view", [False, True])
@each_group
def test_zero_redundancy(kind: Kind, count: int, bucket_view: bool, processes: Processes) -> None:
    processes.run(count, "wrappers.train_with_zero", *kind, bucket_view)


@pytest.mark.parametrize(
    ("name", "value"), [("clip_norm", 1.0), ("nonfinite", "raise"), ("nonfinite", "skip")]
)
def test_a_share_decides_for_nobody(name: str, value: Any, processes: Processes) -> None:
    processes.run(2, "shards.refuse_what_measures", name, value)


@pytest.mark.parametrize(
    "scenario",
    [
        "shards.step_replicas",
        "checkpoints.gather_and_scatter",
        "shards.clip_by_torch",
        "shards.clip_each_element",
        "shards.refuse_gradients",
        "shards.refuse_sums",
        "shards.wait_for_gradients",
        "shards.notice",
        "shards.replace_memory",
        "shards.train_in_parallel_parts",
    ],
)
def test_of_shards(scenario: str, processes: Processes) -> None:
    processes.run(2, scenario)


@pytest.mark.parametrize("shard_buckets", [False, True])
@each_group
def test_steps_during_the_backward_pass(
    kind: Kind, count: int, shard_buckets: bool, processes: Processes
) -> None:
    processes.run(count, "overlap.step_during_backward", *kind, shard_buckets)


def test_a_step_of_some_leaves_gradients_where_they_are() -> None:
    from torch.distributed.optim.utils import functional_optim_map

    register_functional_optim(instep.interop.torch.SGD)
    params = [torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)]
    gradients = [torch.full((2,), 4.0), torch.full((2,), 8.0)]
    for param, grad in zip(params, gradients, strict=True):
        param.grad = grad
    optimizer: Any = functional_optim_map[instep.interop.torch.SGD](params, lr=0.5)
    optimizer.step(gradients=[None, torch.ones(2)])
    assert [param.tolist() for param in params] == [[1.0, 1.0], [0.5, 0.5]]
    assert [param.grad is grad for param, grad in zip(params, gradients, strict=True)] == [True] * 2


@pytest.mark.parametrize(("name", "value"), [("clip_norm", 1.0), ("nonfinite", "skip")])
def test_a_bucket_decides_for_nobody(name: str, value: Any) -> None:
    from torch.distributed.optim import as_functional_optim

    register_functional_optim(AdamW)
    with pytest.raises(ValueError, match=rf"{name}: expected .* where steps overlap .* bucket"):
        as_functional_optim(AdamW, **{name: value})


def test_a_functional_class_is_one_of_ours() -> None:
    with pytest.raises(TypeError, match=r"expected a class of instep\.interop\.torch, got .*Adam"):
        register_functional_optim(torch.optim.AdamW)


def test_torch_refuses_to_overlap_by_gloo(processes: Processes) -> None:
    processes.run(2, "overlap.refuse_gloo")


@needs_examples
def test_the_example(tmp_path: Path) -> None:
    """The same losses in each wrapper, and FSDP2 goes on in another number of processes."""

    def losses(count: int) -> dict[str, float]:
        started = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
        ended = run_python(*started, "examples/torch_processes.py", str(tmp_path / "checkpoint"))
        assert ended.returncode == 0, ended.stderr
        return {name: float(loss) for name, loss in re.findall(r"(\w+): loss (.*)", ended.stdout)}

    first, second = losses(2), losses(3)
    assert first == second | {"fsdp2": first["fsdp2"]}
    assert set(first) == {"ddp", "zero", "fsdp2", "fsdp1"}
    assert len(set(first.values())) == 1
    assert second["fsdp2"] < first["fsdp2"]
