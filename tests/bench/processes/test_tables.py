"""The tables of several processes, from numbers that nobody measured."""

from instep.bench.processes.cluster import WAYS, Cluster
from instep.bench.processes.cluster_tables import cluster_tables
from instep.bench.processes.launch import TCP
from instep.bench.processes.model import Job, Link, Speeds
from instep.bench.processes.tables import largest, tables
from tests.bench.processes.made_up import launch, results


def test_a_row_for_each_launch() -> None:
    steps, constants = tables(results())
    labels = (
        "1,000: 1",
        "1,000: 2, shared memory",
        "1,000: 2, TCP",
        "1,000: 8, shared memory, more than cores",
    )
    assert (steps.title, steps.labels) == ("adam, float32", labels)
    assert (constants.title, constants.labels) == ("adam, float32: constants", labels)


def test_what_stands_in_a_row() -> None:
    steps, constants = tables(results(launch(4)))
    [row] = steps.rows
    assert dict(zip(steps.headings, row, strict=True))["threads"] == "1"
    assert row[2:] == (
        *("120 s", "±10%", "100 s", "1.19"),  # × by more digits of the model
        *("150 s", "120 s", "1.26", "2,000"),
    )
    [row] = constants.rows
    assert row[1:4] == ("500 ms", "2.00 s", "1.00 s")


def test_the_constants_of_many_machines_are_of_processes_with_a_core_each() -> None:
    given = results(launch(1), launch(2), launch(2, TCP), launch(4), launch(4, TCP), launch(8))
    assert largest(given) is given.launches[3].measured[0]


def test_many_machines() -> None:
    job = Job(elements=1000, step_bytes=28, state_bytes=8, bucket_bytes=2**26)
    cluster = Cluster(8, Link(0.0, 1e9), Link(1e-6, 1e9), Speeds(0.0, 1e9, 1e9, 1e9))
    times, ends, memory = cluster_tables(job, cluster)
    assert times.headings == ("", *WAYS)
    assert "8 processes of each" in times.title
    assert "1.00 GB/s for a machine, 1.00 µs for a message" in times.title
    assert times.labels[:2] == ("1e6 elements, 1", "1e6 elements, 10")
    assert ends.labels == ("1e6 elements", "1e9 elements", "1e12 elements")
    by_memory = {label: cells for label, *cells in memory.rows}
    # Two terabytes, a process each: 8 bytes of an element and a ten thousandth of 8.
    assert by_memory["2,048 GB"][2] == "2.6e11"
    # Eight processes each have all parameters and gradients.
    assert by_memory["2,048 GB"][5] == "3.2e10"
