"""torch, scikit-learn and instep in one process: each brings its own OpenMP and thread pools."""

from __future__ import annotations

import importlib
import itertools

import numpy as np
import pytest

from tests.processes import run_python

LIBRARIES = ("torch", "sklearn.ensemble", "instep")


def use_torch() -> None:
    import torch

    a = torch.ones(300, 300)
    assert ((a @ a) == 300).all()
    assert torch.ones(2**20).sum() == 2**20


def use_sklearn() -> None:
    from sklearn.ensemble import HistGradientBoostingRegressor

    x = np.linspace(0, 1, 2000).reshape(-1, 1)
    model = HistGradientBoostingRegressor(max_iter=3).fit(x, x.ravel())
    assert np.isfinite(model.predict(x)).all()


def use_instep() -> None:
    import instep

    w = np.ones(2**21)
    instep.SGD(w, lr=0.5).step(np.ones(2**21))
    assert (w == 0.5).all()


def use_the_drop_in() -> None:
    import torch

    import instep.interop.torch

    w = torch.ones(2**21, requires_grad=True)
    optimizer = instep.interop.torch.SGD([w], lr=0.5)
    w.sum().backward()
    optimizer.step()
    assert (w == 0.5).all()


USES = {"torch": use_torch, "sklearn.ensemble": use_sklearn, "instep": use_instep}


def import_and_use(order: str) -> None:
    """Import the libraries in an order, then let each work with threads, twice."""
    libraries = [LIBRARIES[int(each)] for each in order]
    for library in libraries:
        importlib.import_module(library)
    for library in 2 * libraries:
        USES[library]()
        use_the_drop_in()


@pytest.mark.parametrize("order", ["".join(each) for each in itertools.permutations("012")])
def test_imports_in_any_order(order: str) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    call = f"from {__name__} import import_and_use as run; run({order!r})"
    # Threads that wait sleep: on a busy machine, runtimes that spin keep each other from working.
    environment = {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "PASSIVE"}
    result = run_python("-c", call, environment=environment)
    assert result.returncode == 0, f"{result.returncode}\n{result.stdout}\n{result.stderr}"
