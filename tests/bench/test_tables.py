"""The tables, to the letter."""

from __future__ import annotations

import dataclasses
import io

import pytest
from rich.console import Console

from instep.bench import machine, markdown, terminal
from instep.bench.cases import NEW_GRADIENTS
from instep.bench.tables import absences, tables
from instep.bench.units import duration, significant
from tests.bench.made_up import MACHINE, TABLE, case, measurement, results

MARKDOWN = """\
heading

**adam, float32**

|  | 10 | 1,000,000 | 200 × 100 |
| --- | ---: | ---: | ---: |
| instep | 250 ns | 280 µs | 10.0 µs |
| spread | ±2% | ±2% | ±2% |
| × floor | 5.00 | 1.00 | – |
| GB/s | 1.12 | 100 | 56.0 |
| numpy | 50.0 × | 10.0 × | 1,240 × |
| torch fused | 300 × | – | – |

**sgd, float64, 1 thread**

|  | 30,000,000 |
| --- | ---: |
| instep | 20.0 ms |
| spread | ±2% |
| GB/s | 36.0 |
| torch fused | 0.95 × |

- a note
"""

TERMINAL = """\
heading

adam, float32
                 10  1,000,000  200 × 100
──────────────────────────────────────────
instep       250 ns     280 µs    10.0 µs
spread          ±2%        ±2%        ±2%
× floor        5.00       1.00          –
GB/s           1.12        100       56.0
numpy        50.0 ×     10.0 ×    1,240 ×
torch fused   300 ×          –          –

sgd, float64, 1 thread
             30,000,000
────────────────────────
instep          20.0 ms
spread              ±2%
GB/s               36.0
torch fused      0.95 ×

a note
"""

NARROW = """\
heading

adam, float32
                 10
────────────────────
instep       250 ns
spread          ±2%
× floor        5.00
GB/s           1.12
numpy        50.0 ×
torch fused   300 ×

             1,000,000  200 × 100
──────────────────────────────────
instep          280 µs    10.0 µs
spread             ±2%        ±2%
× floor           1.00          –
GB/s               100       56.0
numpy           10.0 ×    1,240 ×
torch fused          –          –

a note
"""


def printed(measurements: object, width: int) -> str:
    output = io.StringIO()
    console = Console(file=output, width=width, highlight=False)
    terminal.print_report("heading", tables(measurements), ["a note"], console)  # type: ignore[arg-type]
    return "".join(f"{line.rstrip()}\n" for line in output.getvalue().splitlines())


def test_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    markdown.print_report("heading", tables(TABLE), ["a note"])
    assert capsys.readouterr().out == MARKDOWN


def test_steps_that_move_other_bytes_have_theirs_beside_the_time() -> None:
    seconds = {"instep": 10e-3, "float16 states": 7.5e-3, "copy": 10.6e-3, "torch fused": 11e-3}
    stored = {"float16 states": 20, "copy": 30}
    (table,) = tables([measurement(case((20_000_000,)), seconds, in_16_bits=stored)])
    assert list(table.rows)[-3:] == [
        ("float16 states", "0.75 ×, 20 B"),
        ("copy", "1.06 ×, 30 B"),
        ("torch fused", "1.10 ×"),
    ]
    assert ("GB/s", "56.0") in table.rows


def test_terminal() -> None:
    assert printed(TABLE, 80) == TERMINAL


@pytest.mark.parametrize("width", [34, 41])
def test_a_table_too_wide_for_the_terminal_is_cut(width: int) -> None:
    assert printed(TABLE[:3], width) == NARROW


def test_a_terminal_too_narrow_for_anything_gets_its_tables_nevertheless() -> None:
    assert "1,240" in printed(TABLE, 24)


def test_heading_names_every_version() -> None:
    assert machine.in_words(MACHINE, {"torch": "3.0", "jax": "0.9"}) == (
        "Difference Engine No. 2, 4 cores, Brass; load before: 0.2; instep 1.0, cogs, threads: 4; "
        "Python 3.14.1, NumPy 2.5, torch 3.0, jax 0.9"
    )


def test_heading_without_a_load() -> None:
    assert "load" not in machine.in_words({**MACHINE, "load": None}, {})


def test_every_reason_is_told_once() -> None:
    again = measurement(case((7,)), {"instep": 1e-6}, {"torch fused": "not so many"})
    other = measurement(case((8,)), {"instep": 1e-6}, {"torch fused": "too even"})
    assert list(absences(results(*TABLE, again, other))) == [
        "thinc: thinc is not installed",
        "root floor: not for so few",
        "torch fused: not so many; too even",
    ]


def test_title_tells_what_is_out_of_the_way() -> None:
    plain = case((10,), threads=2)
    assert plain.kind == "adam, float32, 2 threads"
    special = dataclasses.replace(
        plain, layout="rows", numbers="subnormal", gradient_buffers=NEW_GRADIENTS, threads=None
    )
    assert special.kind == "adam, float32, rows, subnormal states, new gradients"
    assert str(special) == f"{special.kind}: 10"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.004, "0.00"),
        (0.98765, "0.99"),
        (0.9996, "1.00"),
        (1.234, "1.23"),
        (9.996, "10.0"),
        (99.96, "100"),
        (123.4, "123"),
        (12345.6, "12,300"),
    ],
)
def test_significant_digits(value: float, text: str) -> None:
    assert significant(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.3e-9, "0.30 ns"),
        (999.6e-9, "1.00 µs"),
        (12.34e-6, "12.3 µs"),
        (0.3, "300 ms"),
        (1.5, "1.50 s"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
