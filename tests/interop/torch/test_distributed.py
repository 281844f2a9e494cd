"""Training by two processes: shards of parameters, whole ones, and checkpoints of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
import torch
import torch.distributed as dist

if torch.__version__ < "2.13":
    pytest.skip("older ones lack parts of FSDP2 on the CPU", allow_module_level=True)
if not (dist.is_available() and dist.is_gloo_available()):
    pytest.skip("torch was built without gloo", allow_module_level=True)

from tests.api.model import Options
from tests.interop.torch.distributed.processes import Pair
from tests.interop.torch.distributed.processes import pair as pair
from tests.interop.torch.training import each_variant

each_class = pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SGD", {}),
        ("SGD", {"momentum": 0.5}),
        ("AdamW", {"amsgrad": True}),
        ("RMSprop", {"centered": True}),
        ("Adagrad", {"initial_accumulator_value": 0.5}),
    ],
    ids=str,
)


@pytest.mark.parametrize("dim", [0, 1])
@each_variant
def test_shards_are_stepped_as_the_whole(name: str, options: Options, dim: int, pair: Pair) -> None:
    """In their own memory, bit for bit, with states that are shards alike; empty shares too."""
    pair.run("step_shards", name, options, dim)


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
@each_class
def test_a_distributed_checkpoint_loads_in_another_layout(
    name: str, options: Options, first: str, second: str, pair: Pair, tmp_path: Path
) -> None:
    pair.run("resume", str(tmp_path), name, options, first, second)


@pytest.mark.parametrize("use_orig_params", [False, True])
@each_class
def test_fsdp1(name: str, options: Options, use_orig_params: bool, pair: Pair) -> None:
    pair.run("train_with_fsdp1", name, options, use_orig_params)


@pytest.mark.parametrize("wrapper", ["train_with_ddp", "train_with_zero"])
@each_class
def test_wrappers_that_keep_whole_parameters(
    name: str, options: Options, wrapper: str, pair: Pair
) -> None:
    pair.run(wrapper, name, options)


@pytest.mark.parametrize(
    ("name", "value"), [("clip_norm", 1.0), ("nonfinite", "raise"), ("nonfinite", "skip")]
)
def test_a_share_decides_for_nobody(name: str, value: Any, pair: Pair) -> None:
    pair.run("refuse_what_measures", name, value)


@pytest.mark.parametrize(
    "scenario",
    [
        "step_replicas",
        "gather_and_scatter",
        "clip_by_torch",
        "clip_each_element",
        "refuse_gradients",
        "refuse_sums",
        "wait_for_gradients",
        "notice",
        "replace_memory",
        "train_in_parallel_parts",
    ],
)
def test_of_shards(scenario: str, pair: Pair) -> None:
    pair.run(scenario)
