"""The examples run, and do what they say."""

import os
import runpy
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

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
def test_sixteen_bits_transformer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="the example needs torch")
    example = runpy.run_path(str(EXAMPLES / "sixteen_bits_transformer.py"))
    runs = example["main"](tmp_path, seeds=1, steps=10)
    titles = [combination.title for combination in example["COMBINATIONS"]]
    assert [run.combination.title for run in runs] == titles
    ends = {run.combination.title: run.losses[-1] for run in runs}
    base = ends.pop("float32, torch")
    nearest = {"bfloat16, torch", "bfloat16, nearest", "bfloat16, states stochastic"}
    for title in nearest:  # steps of a rate that is still short are lost
        assert ends[title] > base + 0.1
    for title in ends.keys() - nearest:
        assert ends[title] == pytest.approx(base, abs=0.05)
    assert ends["bfloat16, nearest"] == pytest.approx(ends["bfloat16, torch"], abs=1e-3)

    rows = (tmp_path / "transformer.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + example["MARKS"] * len(runs)
    assert (tmp_path / "transformer.png").read_bytes().startswith(b"\x89PNG")
    table = capsys.readouterr().out.splitlines()
    assert [row.split(" | ")[0].removeprefix("| ") for row in table[2:]] == titles


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


@needs_examples
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("ends_with", "restarted", "requeued"), [(0, "0", ""), (1, "", "requeue 7"), (1, "5", "")]
)
def test_several_machines(ends_with: int, restarted: str, requeued: str, tmp_path: Path) -> None:
    said = {name: tmp_path / f"{name}.txt" for name in ("srun", "scontrol")}
    threads = '"$OMP_NUM_THREADS $SRUN_CPUS_PER_TASK $*"'
    programs = {
        "srun": f"echo {threads} > $0.txt; exit {ends_with}",
        "scontrol": "echo $* > $0.txt",
    }
    for name, program in programs.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{program}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    script = ["bash", "-u", str(EXAMPLES / "several_machines.sbatch")]
    given = {"SLURM_CPUS_PER_TASK": "16", "SLURM_JOB_ID": "7"}
    given |= {"SLURM_RESTART_COUNT": restarted} if restarted else {}
    search = os.pathsep.join((str(tmp_path), os.environ["PATH"]))
    ended = subprocess.run(script, env={**os.environ, **given, "PATH": search}, check=False)
    assert ended.returncode == (0 if requeued else ends_with)
    assert said["srun"].read_text(encoding="utf-8").startswith("16 16 --mpi=pmix ")
    assert said["srun"].read_text(encoding="utf-8").endswith(" python -m mpi4py train.py\n")
    asked = (
        said["scontrol"].read_text(encoding="utf-8").strip() if said["scontrol"].exists() else ""
    )
    assert asked == requeued
