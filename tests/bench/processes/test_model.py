"""The model, beside what its terms give on paper."""

import pytest

from instep.bench.processes.model import (
    Job,
    Link,
    Speeds,
    Step,
    memory,
    most_elements,
    over_all,
)

JOB = Job(elements=1000, step_bytes=28, state_bytes=8, bucket_bytes=1_000_000)
GRADIENTS = Link(latency=2.0, bytes_per_second=100.0)
PARAMETERS = Link(latency=1.0, bytes_per_second=200.0)
SPEEDS = Speeds(call=0.5, copy=1000.0, add=1000.0, step=700.0)


def test_four_processes() -> None:
    step = over_all(JOB, 4, GRADIENTS, PARAMETERS, SPEEDS)
    assert step == Step(
        call=0.5,
        agreement=2.0,  # two stages
        gradients=6.0 + 30.0,  # three messages; 3,000 of 4,000 bytes
        adding=11.0,  # of 250 elements: three times two reads and a write, and once more both
        rule=10.0,  # 250 elements of 28 bytes
        parameters=2.0 + 15.0,
        copies=9.0,  # 4,000 and 1,000 bytes of gradients, 1,000 and 3,000 of parameters
    )
    assert step.total == 85.5


def test_each_bucket_has_messages_of_its_own() -> None:
    job = Job(elements=1000, step_bytes=28, state_bytes=8, bucket_bytes=1001)
    step = over_all(job, 4, GRADIENTS, PARAMETERS, SPEEDS)
    assert (step.gradients, step.parameters) == (4 * 6.0 + 30.0, 4 * 2.0 + 15.0)


def test_one_process_sends_nothing_and_copies_all() -> None:
    step = over_all(JOB, 1, GRADIENTS, PARAMETERS, SPEEDS)
    assert step == Step(0.5, 0.0, 2.0 + 4.0, 8.0, 40.0, 1.0 + 4.0, 12.0)


def test_what_mpi_adds_up_is_in_its_messages() -> None:
    step = over_all(JOB, 4, GRADIENTS, PARAMETERS, SPEEDS, adds=False)
    assert step == over_all(JOB, 4, GRADIENTS, PARAMETERS, SPEEDS)._replace(adding=0.0)


def test_narrow_gradients_are_half_of_what_is_sent() -> None:
    job = Job(elements=1000, step_bytes=28, state_bytes=8, grad_bytes=2, bucket_bytes=1_000_000)
    assert over_all(job, 4, GRADIENTS, PARAMETERS, SPEEDS).gradients == 6.0 + 15.0


@pytest.mark.parametrize(("cut_into", "of_an_element"), [(1, 16), (4, 10), (8, 9)])
def test_parameters_and_gradients_are_whole_on_every_process(
    cut_into: int, of_an_element: int
) -> None:
    needed = memory(JOB, cut_into)
    assert needed == 1000 * of_an_element + 4_000_000
    assert most_elements(needed, JOB, cut_into) == 1000


def test_ten_to_the_twelfth_need_eight_terabytes_however_they_are_cut() -> None:
    job = Job(elements=1e12, step_bytes=28, state_bytes=8, bucket_bytes=2**26)
    assert 8e12 < memory(job, 10_000) < 8.002e12
    assert most_elements(2e12, job, 10_000) < 2.5e11
