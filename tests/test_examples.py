"""The examples run, and do what they say."""

import runpy
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from tests.examples import EXAMPLES, needs_examples


@needs_examples
def test_off_loading(capsys: pytest.CaptureFixture[str]) -> None:
    for module in ("ml_dtypes", "torch", "sklearn"):
        pytest.importorskip(module, reason=f"the example needs {module}")
    example = runpy.run_path(str(EXAMPLES / "off_loading.py"))
    result = example["main"]()
    assert np.mean(result.losses[-50:]) < 0.1  # from log(10) = 2.3
    shown = {name: weight.detach().cpu() for name, weight in result.weights.items()}
    for name, weight in example["as_arrays"](shown).items():
        np.testing.assert_array_equal(weight, result.masters[name].astype(weight.dtype))
    elements = sum(master.size for master in result.masters.values())
    assert [size / elements for size in result.sizes.values()] == [2, 2, 4, 8, 4]
    assert "host: states" in capsys.readouterr().out


@needs_examples
def test_sparse_digits(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sklearn", reason="the example needs scikit-learn")
    accuracy = runpy.run_path(str(EXAMPLES / "sparse_digits.py"))["main"]()
    assert accuracy > 0.9
    assert "rows a step" in capsys.readouterr().out


@needs_examples
def test_torch_drop_in(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="the example needs torch")
    pytest.importorskip("sklearn", reason="the example needs scikit-learn")
    results = runpy.run_path(str(EXAMPLES / "torch_drop_in.py"))["main"]()
    losses = {(rule, optimizer): loss for rule, optimizer, _, loss in results}
    for rule in ("RMSprop", "Adadelta"):
        assert losses[rule, "instep"] < 0.5  # from log(10) = 2.3
        assert losses[rule, "instep"] == pytest.approx(losses[rule, "torch.optim"], rel=0.01)
    assert "median step" in capsys.readouterr().out


@needs_examples
@pytest.mark.parametrize("installed", [True, False])
def test_where_the_step_counts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], installed: bool
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    if not installed:
        for library in ("autograd", "jax", "pennylane", "sklearn", "torch"):
            monkeypatch.setitem(sys.modules, library, None)
    example = runpy.run_path(str(EXAMPLES / "where_the_step_counts.py"))
    rows = example["main"](seconds=0.0)
    for workload, usual, ours in rows:
        assert 0 < ours.step < ours.iteration
        if "jitted" not in workload.usual:  # a difference of two medians
            assert 0 < usual.step < usual.iteration

    _, rule, *table = capsys.readouterr().out.splitlines()
    missing = table[len(rows) :]
    assert rule.count("|") == 8
    assert all(line.count("|") == 8 for line in table[: len(rows)])
    assert len(rows) + len(missing) == len(example["WORKLOADS"])
    for line in missing:
        library = line.split(": ")[1].removesuffix(" is not installed")
        assert not installed or find_spec(library) is None
    if not installed:
        assert {workload.usual for workload, _, _ in rows} == {"Adam in NumPy"}
        assert "word vectors, torch: torch is not installed" in missing
