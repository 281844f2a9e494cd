"""PEFT: adapters are trained, the base stays, whatever its dtype."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch

from tests.recipes.trainers import language_model
from tests.recipes.trainers.both import (
    OURS,
    THEIRS,
    assert_close,
    assert_close_in_bfloat16,
    each_direction,
)

peft: Any = pytest.importorskip("peft")


def make_model(dtype: torch.dtype = torch.float32, **options: Any) -> Any:
    config = peft.LoraConfig(
        r=2, target_modules=["c_attn"], fan_in_fan_out=True, init_lora_weights=False
    )
    return peft.get_peft_model(language_model.make_model().to(dtype), config, **options)


def adapters(model: Any) -> Any:
    return peft.get_peft_model_state_dict(model)


def train(optimizer: Any, model: Any) -> None:
    rows = torch.arange(12).reshape(2, 6)
    for _ in range(4):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            model(input_ids=rows, labels=rows).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_adapters_are_those_of_torch_s_class_and_the_base_stays(dtype: torch.dtype) -> None:
    ours, theirs = make_model(dtype), make_model(dtype)
    optimizer = OURS.AdamW(ours.parameters(), lr=0.01)
    train(optimizer, ours)
    train(THEIRS.AdamW(theirs.parameters(), lr=0.01), theirs)
    assert_close(adapters(ours), adapters(theirs))
    frozen = [param for param in ours.parameters() if not param.requires_grad]
    base = language_model.make_model().to(dtype).parameters()
    assert all(torch.equal(param, before) for param, before in zip(frozen, base, strict=True))
    assert len(optimizer.state) == len(adapters(ours))


@each_direction
def test_a_checkpoint_of_the_trainer_is_resumed(tmp_path: Path, first: Any, then: Any) -> None:
    def run(name: str, library: Any, checkpoint: Path | None = None) -> Any:
        model = make_model()
        optimizer = {"optimizer_cls_and_kwargs": (library.AdamW, {"lr": 0.01})}
        trainer = language_model.make_trainer(tmp_path / name, optimizer, model)
        trainer.train(resume_from_checkpoint=checkpoint)
        return adapters(model)

    whole = run("whole", THEIRS)
    run("first", first)
    assert_close(run("then", then, tmp_path / "first" / "checkpoint-2"), whole)


def test_adapters_in_bfloat16_are_trained_as_by_torch_s_fused_class() -> None:
    ours, theirs = (make_model(torch.bfloat16, autocast_adapter_dtype=False) for _ in range(2))
    train(OURS.AdamW(ours.parameters(), lr=0.01, state_rounding="nearest"), ours)
    train(THEIRS.AdamW(theirs.parameters(), lr=0.01, fused=True), theirs)
    assert_close_in_bfloat16(adapters(ours), adapters(theirs))
