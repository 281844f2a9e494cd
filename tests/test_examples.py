"""The examples run, and do what they say."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the examples are not beside the tests")
def test_sparse_digits(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sklearn", reason="the example needs scikit-learn")
    accuracy = runpy.run_path(str(EXAMPLES / "sparse_digits.py"))["main"]()
    assert accuracy > 0.9
    assert "rows a step" in capsys.readouterr().out


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the examples are not beside the tests")
def test_torch_drop_in(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="the example needs torch")
    pytest.importorskip("sklearn", reason="the example needs scikit-learn")
    results = runpy.run_path(str(EXAMPLES / "torch_drop_in.py"))["main"]()
    losses = {(rule, optimizer): loss for rule, optimizer, _, loss in results}
    for rule in ("RMSprop", "Adadelta"):
        assert losses[rule, "instep"] < 0.5  # from log(10) = 2.3
        assert losses[rule, "instep"] == pytest.approx(losses[rule, "torch.optim"], rel=0.01)
    assert "median step" in capsys.readouterr().out
