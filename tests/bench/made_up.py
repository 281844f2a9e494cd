"""Measurements that nobody took, with numbers that are easy to follow."""

from __future__ import annotations

from collections.abc import Mapping

from instep.bench.cases import Case
from instep.bench.results import Measurement, Quartiles, Results, Timings
from instep.bench.rules import RULES

RULE = {rule.name: rule for rule in RULES}

MACHINE = {
    "processor": "Difference Engine No. 2",
    "cores": 4,
    "load": 0.25,
    "system": "Brass",
    "python": "3.14.1",
    "instep": {"version": "1.0", "numpy": "2.5", "isa": {"chosen": "cogs"}, "num_threads": 4},
}


def case(
    sizes: tuple[int, ...], rule: str = "adam", dtype: str = "float32", threads: int | None = None
) -> Case:
    return Case(RULE[rule], dtype, sizes, threads=threads)


def measurement(
    case: Case,
    seconds: Mapping[str, float],
    skipped: Mapping[str, str] | None = None,
    in_16_bits: Mapping[str, int] | None = None,
) -> Measurement:
    """Return a measurement with these medians and quartiles of 2 % around them.

    Steps that store in 16 bits move so many bytes of an element.
    """
    sizes = in_16_bits or {}
    timings = {
        name: Timings(
            Quartiles(0.98 * each, each, 1.02 * each),
            rounds=7,
            steps=2,
            bytes_moved=sizes[name] * case.elements if name in sizes else case.bytes_moved,
        )
        for name, each in seconds.items()
    }
    return Measurement(case, timings, skipped or {})


def results(*measurements: Measurement) -> Results:
    return Results(
        arguments={"seconds_per_case": 0.5},
        machine=MACHINE,
        versions={"torch": "3.0"},
        skipped={"thinc": "thinc is not installed"},
        measurements=list(measurements),
    )


TABLE = (
    measurement(
        case((10,)),
        {"instep": 250e-9, "numpy": 12.5e-6, "torch fused": 75.03e-6, "traffic floor": 50e-9},
        {"root floor": "not for so few"},
    ),
    measurement(
        case((1_000_000,)),
        {"instep": 280e-6, "numpy": 2.8e-3, "traffic floor": 250e-6, "root floor": 280e-6},
        {"torch fused": "not so many"},
    ),
    measurement(case((100,) * 200), {"instep": 9.996e-6, "numpy": 12.3456e-3}),
    measurement(
        case((30_000_000,), "sgd", "float64", threads=1), {"instep": 20e-3, "torch fused": 19e-3}
    ),
)
