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
