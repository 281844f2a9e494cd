"""The authors' package, whose points are exchanged in the middle of a training and at its end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import instep

torch = pytest.importorskip("torch")
schedulefree = pytest.importorskip("schedulefree")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("ScheduleFreeSGD", "SGDScheduleFree"),
        ("ScheduleFreeAdamW", "AdamWScheduleFree"),
    ],
)
@pytest.mark.parametrize("options", [{}, {"warmup_steps": 4, "r": 0.5, "weight_decay": 0.1}])
def test_both_points_are_the_packages(ours: str, theirs: str, options: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    w = rng.standard_normal(50)
    same = torch.nn.Parameter(torch.from_numpy(w.copy()))
    optimizer = getattr(instep, ours)(w, lr=0.05, **options)
    package = getattr(schedulefree, theirs)([same], lr=0.05, **options)
    package.train()
    for step in range(20):
        gradient = rng.standard_normal(50)
        optimizer.step(gradient)
        same.grad = torch.from_numpy(gradient)
        package.step()
        if step % 5 == 2:
            optimizer.eval()
            package.eval()
            assert w == pytest.approx(same.detach().numpy(), rel=1e-12, abs=1e-13)
            optimizer.train()
            package.train()
        assert w == pytest.approx(same.detach().numpy(), rel=1e-12, abs=1e-13)
