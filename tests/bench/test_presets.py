"""The presets: which cases are measured where the arguments leave it open."""

from __future__ import annotations

from instep.bench.arrays import DTYPES, LAYOUTS, NUMBERS
from instep.bench.presets import DEFAULT, FULL, QUICK, Preset
from instep.bench.rules import RULES


def test_a_preset_has_every_combination() -> None:
    preset = Preset(
        sizes=[(1,), (2, 2)],
        dtypes=DTYPES,
        layouts=tuple(LAYOUTS),
        numbers=tuple(NUMBERS),
        gradients=("same", "new"),
        threads=(1, None),
    )
    cases = list(preset.cases())
    assert len(cases) == len(RULES) * 2 * 2 * len(LAYOUTS) * 2 * 2 * 2
    assert len({str(case) for case in cases}) == len(cases)
    # Cases of one kind follow each other.
    assert [case.kind for case in cases[::2]] == [case.kind for case in cases[1::2]]


def test_presets() -> None:
    default, quick, full = (list(preset.cases()) for preset in (DEFAULT, QUICK, FULL))
    assert {case.rule.name for case in default} == {rule.name for rule in RULES}
    assert {case.dtype for case in default} == {"float32"}
    assert len(quick) <= 10
    assert max(case.elements for case in quick) == 1_000_000
    assert {case.rule.name for case in full} == {rule.name for rule in RULES}
    assert {case.dtype for case in full} == set(DTYPES)
    sizes = [case.elements for case in full]
    assert (min(sizes), max(sizes)) == (1, 30_000_000)
    for case in (*default, *quick, *full):
        assert (case.layout, case.numbers, case.gradient_buffers) == ("contiguous", "normal", 1)
        assert case.threads is None
