"""Hugging Face's Trainer: the optimizer as an object, or as a class and its arguments."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.recipes.trainers.both import (
    OURS,
    THEIRS,
    assert_close,
    assert_close_in_bfloat16,
    each_direction,
    each_storage,
    snapshot,
)
from tests.recipes.trainers.language_model import make_model, make_trainer

pytest.importorskip("accelerate")

OPTIONS = {"lr": 0.01, "betas": (0.8, 0.9), "weight_decay": 0.05}


def as_object(library: Any, model: Any, **options: Any) -> dict[str, Any]:
    optimizer = library.AdamW(model.parameters(), **OPTIONS, **options)
    return {"optimizers": (optimizer, None)}


def as_class(library: Any, model: Any, **options: Any) -> dict[str, Any]:
    return {"optimizer_cls_and_kwargs": (library.AdamW, {**OPTIONS, **options})}


each_way = pytest.mark.parametrize("way", [as_object, as_class])


def trained(folder: Path, way: Any, library: Any, **arguments: Any) -> dict[str, Any]:
    model = make_model()
    trainer = make_trainer(folder, way(library, model), model, **arguments)
    trainer.train()
    assert isinstance(trainer.optimizer.optimizer, library.AdamW)
    weights: dict[str, Any] = model.state_dict()
    return weights


@each_way
@pytest.mark.parametrize(
    "arguments",
    [{}, {"bf16": True}, {"gradient_accumulation_steps": 2}],
    ids=["clipped", "bf16", "accumulated"],
)
def test_weights_are_those_of_torch_s_class(
    tmp_path: Path, way: Any, arguments: dict[str, Any]
) -> None:
    ours = trained(tmp_path / "ours", way, OURS, **arguments)
    theirs = trained(tmp_path / "theirs", way, THEIRS, **arguments)
    assert_close(ours, theirs)
    assert snapshot(theirs) != snapshot(make_model().state_dict())


@each_way
@each_direction
def test_a_checkpoint_is_resumed(tmp_path: Path, way: Any, first: Any, then: Any) -> None:
    whole = trained(tmp_path / "whole", way, THEIRS)
    trained(tmp_path / "first", way, first)
    model = make_model()
    trainer = make_trainer(tmp_path / "then", way(then, model), model)
    trainer.train(resume_from_checkpoint=tmp_path / "first" / "checkpoint-2")
    assert_close(model.state_dict(), whole)


@each_way
def test_the_drop_in_clips_in_the_place_of_the_trainer(tmp_path: Path, way: Any) -> None:
    model = make_model()
    optimizer = way(OURS, model, clip_norm=0.5)
    trainer = make_trainer(tmp_path / "ours", optimizer, model, max_grad_norm=0.0)
    trainer.train()
    assert trainer.optimizer.optimizer.last_grad_norm > 0.5
    assert_close(model.state_dict(), trained(tmp_path / "theirs", way, THEIRS))


def trained_in_bfloat16(
    folder: Path, optimizer: Any, checkpoint: Path | None = None
) -> dict[str, Any]:
    model = make_model().bfloat16()
    trainer = make_trainer(folder, optimizer(model), model)
    trainer.train(resume_from_checkpoint=checkpoint)
    weights: dict[str, Any] = model.state_dict()
    return weights


@each_way
def test_a_model_in_bfloat16_is_trained_as_by_torch_s_fused_class(tmp_path: Path, way: Any) -> None:
    ours = partial(way, OURS, state_rounding="nearest")
    theirs = partial(way, THEIRS, fused=True)
    assert_close_in_bfloat16(
        trained_in_bfloat16(tmp_path / "ours", ours),
        trained_in_bfloat16(tmp_path / "theirs", theirs),
    )


@each_storage
def test_a_model_in_bfloat16_is_resumed_bit_for_bit(
    tmp_path: Path, storage: dict[str, Any]
) -> None:
    optimizer = partial(as_class, OURS, **storage)
    whole = trained_in_bfloat16(tmp_path / "whole", optimizer)
    checkpoint = tmp_path / "whole" / "checkpoint-2"
    resumed = trained_in_bfloat16(tmp_path / "then", optimizer, checkpoint)
    assert snapshot(resumed) == snapshot(whole) != snapshot(make_model().bfloat16().state_dict())


def test_the_trainer_s_weight_decay_takes_the_place_of_the_class_s(tmp_path: Path) -> None:
    model = make_model()
    trainer = make_trainer(tmp_path, as_class(OURS, model), model, weight_decay=0.25)
    groups = trainer.create_optimizer().param_groups
    assert [group["weight_decay"] for group in groups] == [0.25, 0.0]
    assert {group["lr"] for group in groups} == {OPTIONS["lr"]}
