"""Pyro: PyroOptim makes one drop-in for each parameter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch

from tests.recipes.trainers.both import OURS, THEIRS, assert_close, each_direction

pyro: Any = pytest.importorskip("pyro")
pytest.importorskip("pyro.optim")
distributions: Any = pytest.importorskip("pyro.distributions")
infer: Any = pytest.importorskip("pyro.infer")

DATA = torch.tensor([1.0, 2.5, 0.5, 1.5])


def model() -> None:
    mean = pyro.sample("mean", distributions.Normal(0.0, 10.0))
    with pyro.plate("data", len(DATA)):
        pyro.sample("seen", distributions.Normal(mean, 1.0), obs=DATA)


def guide() -> None:
    loc = pyro.param("loc", torch.tensor(0.0))
    scale = pyro.param("scale", torch.tensor(1.0), constraint=distributions.constraints.positive)
    pyro.sample("mean", distributions.Normal(loc, scale))


def train(optimizer: Any, steps: int = 20) -> dict[str, Any]:
    svi = infer.SVI(model, guide, optimizer, infer.Trace_ELBO())
    for _ in range(steps):
        svi.step()
    return {name: value.detach().clone() for name, value in pyro.get_param_store().items()}


def begin() -> None:
    pyro.clear_param_store()
    pyro.set_rng_seed(0)


def make(library: Any, clip: dict[str, float] | None = None, **options: Any) -> Any:
    return pyro.optim.PyroOptim(library.Adam, {"lr": 0.05, "betas": (0.9, 0.99), **options}, clip)


@pytest.mark.parametrize("clip", [None, {"clip_norm": 0.5}, {"clip_value": 0.1}], ids=str)
def test_parameters_are_those_of_torch_s_class(clip: dict[str, float] | None) -> None:
    begin()
    ours = train(make(OURS, clip))
    begin()
    assert_close(ours, train(make(THEIRS, clip)))


def test_pyro_s_schedulers_take_it() -> None:
    def scheduled(library: Any) -> dict[str, Any]:
        begin()
        arguments = {"optimizer": library.SGD, "optim_args": {"lr": 0.01}, "gamma": 0.5}
        scheduler = pyro.optim.ExponentialLR(arguments)
        trained = train(scheduler, 5)
        scheduler.step()
        return {**trained, **train(scheduler, 5)}

    assert_close(scheduled(OURS), scheduled(THEIRS))


@each_direction
def test_a_checkpoint_is_resumed(tmp_path: Path, first: Any, then: Any) -> None:
    begin()
    whole = train(make(THEIRS), 20)
    begin()
    saved, resumed = make(first), make(then)
    train(saved, 10)
    saved.save(tmp_path / "optimizer.pt")
    resumed.load(tmp_path / "optimizer.pt")
    assert_close(train(resumed, 10), whole)


def test_the_drop_in_clips_each_parameter_as_pyro_does() -> None:
    begin()
    ours = train(make(OURS, clip_norm=0.5))
    begin()
    assert_close(ours, train(make(THEIRS, {"clip_norm": 0.5})))
