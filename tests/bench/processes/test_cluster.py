"""Ways to cut a step among machines, beside what they give on paper."""

import dataclasses

import pytest

from instep.bench.processes import cluster as ways
from instep.bench.processes.cluster import Cluster, stops_paying
from instep.bench.processes.model import Job, Link, Speeds, Step, over_all

JOB = Job(elements=1000, step_bytes=28, state_bytes=8, bucket_bytes=1_000_000)
SPEEDS = Speeds(call=0.5, copy=1000.0, add=1000.0, step=700.0)
CLUSTER = Cluster(2, inside=Link(1.0, 100.0), card=Link(2.0, 100.0), speeds=SPEEDS)


def test_over_all_sends_each_processes_gradients_through_its_part_of_the_card() -> None:
    step = ways.over_all(JOB, 2, CLUSTER)
    assert step == Step(0.5, 4.0, 6.0 + 3000 / 50, 11.0, 10.0, 4.0 + 3000 / 100, 9.0)


def test_a_ring_has_the_pace_of_its_slowest_link() -> None:
    slow_inside = dataclasses.replace(CLUSTER, inside=Link(1.0, 30.0))
    assert ways.over_all(JOB, 2, slow_inside).parameters == 4.0 + 3000 / 30
    assert ways.one_of_each(JOB, 4, slow_inside).parameters == 4.0 + 3000 / 100


def test_hierarchical_sends_a_share_of_the_machines_sum() -> None:
    step = ways.hierarchical(JOB, 2, CLUSTER)
    assert step == Step(
        call=0.5,
        agreement=4.0,
        gradients=(1.0 + 2000 / 100) + (2.0 + 1000 / 50),
        adding=10.0 + 5.0,
        rule=10.0,
        parameters=(1.0 + 2000 / 100) + (2.0 + 1000 / 50),
        copies=10.0 + 5.0,
    )


def test_groups_add_up_their_shares_and_step_more() -> None:
    step = ways.in_groups(JOB, 2, CLUSTER)
    assert step == Step(
        call=0.5,
        agreement=4.0,
        gradients=(1.0 + 2000 / 100) + (2 * 2.0 + 2000 / 50),
        adding=10.0 + 5.0,
        rule=20.0,
        parameters=1.0 + 2000 / 100,
        copies=10.0,
    )


def test_groups_of_all_machines_are_hierarchical() -> None:
    assert ways.in_groups(JOB, 4, CLUSTER, group=4) == ways.hierarchical(JOB, 4, CLUSTER)


def test_nothing_cut_steps_everything_everywhere() -> None:
    assert ways.nothing_cut(JOB, 2, CLUSTER) == ways.in_groups(JOB, 2, CLUSTER)._replace(rule=40.0)


def test_one_process_has_the_whole_card() -> None:
    link = CLUSTER.card
    assert ways.one_of_each(JOB, 3, CLUSTER) == over_all(JOB, 3, link, link, SPEEDS)


def test_large_buckets_need_fewer_messages() -> None:
    job = dataclasses.replace(JOB, elements=10**9)
    assert (
        ways.over_all(job, 2, CLUSTER).gradients
        - ways.over_all_in_large_buckets(job, 2, CLUSTER).gradients
        == (4000 - 4) * 3 * 2.0
    )


def test_on_one_machine_all_ways_that_cut_are_one() -> None:
    alike = over_all(JOB, 2, CLUSTER.inside, CLUSTER.inside, SPEEDS)
    for way in (ways.over_all, ways.hierarchical, ways.in_groups):
        assert way(JOB, 1, CLUSTER)._replace(agreement=0.0) == alike._replace(agreement=0.0)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [((1, 1, 1), None), ((1, 3, 3), 2), ((3, 3, 3), 1), ((3, 1, 3), 3), ((3, 3, 1), None)],
)
def test_it_stops_paying_where_the_other_stays_faster(
    seconds: tuple[int, ...], expected: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up = {
        "this": lambda _job, machines, _cluster: Step(call=seconds[machines - 1]),
        "that": lambda *_: Step(call=2.0),
    }
    monkeypatch.setattr(ways, "WAYS", made_up)
    assert stops_paying("this", JOB, CLUSTER, (1, 2, 3), other="that") == expected
