"""Every rule, kernel against reference: ``pytest tests/benchmarks --benchmark-enable``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from instep.bench.arrays import DTYPES
from instep.bench.cases import GRADIENTS, Case
from instep.bench.contenders import Contender
from instep.bench.own import INSTEP, REFERENCE
from instep.bench.presets import Preset
from instep.bench.storage import CONTENDERS as IN_16_BITS

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

# At 10 elements a step costs its call, and so it matters whether it knows the gradient buffer.
CASES = [
    *Preset(sizes=[(10,)], dtypes=DTYPES, gradients=tuple(GRADIENTS)).cases(),
    *Preset(sizes=[(1_000,), (100_000,)], dtypes=DTYPES).cases(),
]


@pytest.mark.parametrize("contender", [INSTEP, REFERENCE], ids=lambda contender: contender.name)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_step(benchmark: BenchmarkFixture, case: Case, contender: Contender) -> None:
    benchmark.group = str(case)
    benchmark.extra_info["bytes_moved"] = case.bytes_moved
    benchmark(contender.prepare(case).step)


ADAM_IN_FLOAT32 = [
    case
    for case in CASES
    if case.rule.name == "adam" and case.dtype == "float32" and case.elements > 10
]


@pytest.mark.parametrize("contender", IN_16_BITS, ids=lambda contender: contender.name)
@pytest.mark.parametrize("case", ADAM_IN_FLOAT32, ids=str)
def test_step_that_stores_in_16_bits(
    benchmark: BenchmarkFixture, case: Case, contender: Contender
) -> None:
    """In the group of the same steps that do not."""
    benchmark.group = str(case)
    benchmark.extra_info["bytes_moved"] = contender.bytes_moved(case)
    benchmark(contender.prepare(case).step)
