"""skorch: the drop-in's class as `optimizer`, its options as `optimizer__...`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch

from tests.recipes.trainers.both import (
    OURS,
    THEIRS,
    assert_close,
    each_direction,
    make_data,
    make_model,
)

skorch: Any = pytest.importorskip("skorch")
callbacks: Any = pytest.importorskip("skorch.callbacks")


def make_net(library: Any, **options: Any) -> Any:
    return skorch.NeuralNetRegressor(
        make_model(),
        optimizer=library.RMSprop,
        optimizer__lr=0.01,
        **{
            "optimizer__momentum": 0.5,
            "max_epochs": 3,
            "batch_size": 4,
            "train_split": None,
            "verbose": 0,
            **options,
        },
    )


def weights(net: Any) -> Any:
    return net.module_.state_dict()


SCHEDULER = callbacks.LRScheduler(torch.optim.lr_scheduler.StepLR, step_size=1)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"callbacks": [("clip", callbacks.GradientNormClipping(0.1))]},
        {"callbacks": [("rate", SCHEDULER)]},
        {"optimizer__param_groups": [("2.*", {"lr": 0.002})]},
    ],
    ids=["plain", "clipped", "scheduled", "groups"],
)
def test_weights_are_those_of_torch_s_class(options: dict[str, Any]) -> None:
    x, y = make_data()
    ours, theirs = (make_net(library, **options).fit(x, y) for library in (OURS, THEIRS))
    assert_close(weights(ours), weights(theirs))


def test_parameters_are_set_and_a_clone_trains_anew() -> None:
    base: Any = pytest.importorskip("sklearn.base")
    x, y = make_data()

    def train(library: Any) -> Any:
        net = base.clone(make_net(library)).set_params(optimizer__alpha=0.9)
        return net.fit(x, y).set_params(optimizer__lr=0.001).partial_fit(x, y)

    assert_close(weights(train(OURS)), weights(train(THEIRS)))


@each_direction
def test_a_checkpoint_is_resumed(tmp_path: Path, first: Any, then: Any) -> None:
    x, y = make_data()
    files = {"f_params": tmp_path / "weights.pt", "f_optimizer": tmp_path / "optimizer.pt"}
    net = make_net(first).fit(x, y)
    net.save_params(**files)
    resumed = make_net(then).initialize()
    resumed.load_params(**files)
    whole = make_net(THEIRS).fit(x, y)
    assert_close(weights(resumed.partial_fit(x, y)), weights(whole.partial_fit(x, y)))


def test_the_drop_in_clips_in_the_place_of_the_callback() -> None:
    x, y = make_data()
    clip = [("clip", callbacks.GradientNormClipping(0.1))]
    ours = make_net(OURS, optimizer__clip_norm=0.1).fit(x, y)
    assert ours.optimizer_.last_grad_norm > 0.1
    assert_close(weights(ours), weights(make_net(THEIRS, callbacks=clip).fit(x, y)))


def test_clipping_is_set_on_the_optimizer_once_the_net_is_initialized() -> None:
    x, y = make_data()
    with pytest.raises(ValueError, match="clip_norm"):
        make_net(OURS).fit(x, y).set_params(optimizer__clip_norm=0.1).partial_fit(x, y)
    net = make_net(OURS).initialize()
    net.optimizer_.clip_norm = 0.1
    assert_close(
        weights(net.partial_fit(x, y)), weights(make_net(OURS, optimizer__clip_norm=0.1).fit(x, y))
    )
