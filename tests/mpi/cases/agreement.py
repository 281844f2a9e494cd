"""What one process refuses, or has otherwise, all refuse alike, and nothing is done on any."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import instep
from tests.mpi.meeting import refused_alike, sharded


def making_what_one_process_refuses(comm: Any) -> None:
    last = comm.rank == comm.size - 1
    who = f"process {comm.size - 1} refused: " if comm.size > 1 else "process 0 refused: "
    with refused_alike(comm, who, "lr: expected"):
        sharded(instep.Adam, np.zeros(3), comm, lr=-1.0 if last else 0.1)
    with refused_alike(comm, who, "TypeError", "parameter"):
        sharded(instep.Adam, np.zeros(3, int) if last else np.zeros(3), comm)
    with refused_alike(comm, who, "read-only"):
        w = np.zeros(3)
        w.flags.writeable = not last
        sharded(instep.Adam, w, comm)
    with refused_alike(comm, who, "timeout: expected"):
        sharded(instep.Adam, np.zeros(3), comm, timeout=-1 if last else 30)
    with refused_alike(comm, who, "memory"):
        w = np.zeros(9000)
        sharded(instep.Adam, [w[:5000], w[4000:] if last else w[5000:]], comm)


def making_what_nobody_may(comm: Any) -> None:
    for cls in (instep.LARS, instep.LAMB, instep.Adafactor, instep.RowwiseAdagrad):
        with refused_alike(comm, "cls: expected a rule that steps each element", cls.__name__):
            sharded(cls, np.zeros((3, 3)), comm)
    refused: tuple[tuple[dict[str, Any], str], ...] = (
        ({"reduction": "slow"}, "reduction: expected"),
        ({"bucket_bytes": 1}, "bucket_bytes: expected"),
        ({"broadcast": 1}, "broadcast: expected"),
        ({"copies": np.zeros(3)}, "copies: expected none"),
        ({"rate": 3}, "no argument 'rate'"),
        ({"clip_norm": -1}, "clip_norm: expected"),
    )
    for options, words in refused:
        with refused_alike(comm, words):
            sharded(instep.Adam, np.zeros(3), comm, **options)
    with refused_alike(comm, "cls: expected a class of optimizers"):
        sharded(instep.Keyed, np.zeros(3), comm)  # type: ignore[arg-type]
    with refused_alike(comm, "expected at least one array"):
        sharded(instep.Adam, [], comm)


def making_what_differs(comm: Any) -> None:
    if comm.size == 1:
        return
    last = comm.rank == comm.size - 1
    who = f" on process {comm.size - 1}"
    w = np.ones(3)
    pairs: tuple[tuple[Callable[[], Any], Callable[[], Any], str], ...] = (
        (lambda: ({"w": w}, {}), lambda: ({"w": np.ones(4)}, {}), "'w': 'float64, shape (3,)'"),
        (lambda: ({"w": w}, {}), lambda: ({"w": w.astype("f")}, {}), "'float32, shape (3,)'"),
        (lambda: ({"w": w}, {}), lambda: ({"v": w}, {}), "parameter 'v'"),
        (lambda: ({"w": w}, {}), lambda: ([w], {}), "structure of the gradients"),
        (lambda: ([w], {}), lambda: ([{"params": w, "lr": 1.0}], {}), "param_groups[0]['lr']"),
        (lambda: ([w], {"lr": 0.1}), lambda: ([w], {"lr": 0.2}), "['lr']: 0.1 on process"),
        (lambda: ([w], {}), lambda: ([w], {"clip_norm": 1.0}), "clip_norm: None on process"),
        (lambda: ([w], {}), lambda: ([w], {"seed": 1}), "storage"),
        (lambda: ([w], {}), lambda: ([w], {"reduction": "fast"}), "reduction: 'ordered' on"),
        (lambda: ([w], {}), lambda: ([w], {"state_dtype": "float16"}), "state_dtype"),
    )
    for usual, other, words in pairs:
        params, options = (other if last else usual)()
        with refused_alike(comm, "expected the same on all processes", words, who):
            sharded(instep.Adam, params, comm, **options)
    with refused_alike(comm, "class: 'Adam'", "'SGD'"):
        sharded(instep.SGD if last else instep.Adam, w, comm)


def stepping_what_one_process_refuses(comm: Any) -> None:
    w, b = np.ones((3, 2)), np.ones(2)
    optimizer = sharded(instep.SGD, {"w": w, "b": b}, comm)
    last = comm.rank == comm.size - 1
    good = {"w": np.ones((3, 2)), "b": np.ones(2)}
    rows = instep.RowGradient(np.array([0]), np.ones((1, 2)))
    refused: tuple[tuple[Any, str], ...] = (
        ({"w": np.ones((3, 3)), "b": np.ones(2)}, "'w': expected shape (3, 2), got (3, 3)"),
        ({"w": np.ones((3, 2), complex), "b": None}, "'w': expected float64"),
        ({"w": np.ones((3, 2), ">f8"), "b": None}, "'w': expected float64"),
        ({"w": [1.0], "b": None}, "'w': expected a numpy.ndarray, got list"),
        ({"w": np.ones((3, 2))}, "missing: ['b']"),
        ({**good, "c": np.ones(1)}, "unexpected: ['c']"),
        ([np.ones((3, 2)), np.ones(2)], "expected a mapping"),
        ({"w": rows, "b": None}, "got a RowGradient; pass an array"),
    )
    for grads, words in refused:
        with refused_alike(comm, f"process {comm.size - 1} refused: ", words):
            optimizer.step(grads if last else good)
    with refused_alike(comm, "grad_scale: expected"):
        optimizer.step(good, grad_scale=0.0 if last else 1.0)
    assert optimizer.steps == 0
    assert w.min() == w.max() == 1.0
    optimizer.step(good)
    assert optimizer.steps == 1

    several = sharded(instep.SGD, [w, b], comm)
    for given, words in (([w], "expected 2, one (or None)"), (w, "expected a sequence of 2")):
        with refused_alike(comm, words):
            several.step(given)


def stepping_what_differs(comm: Any) -> None:
    if comm.size == 1:
        return
    w = np.ones(3)
    optimizer = sharded(instep.Adam, {"w": w, "b": np.ones(2)}, comm, lr=0.1)
    last = comm.rank == comm.size - 1
    who = f" on process {comm.size - 1}"
    good: dict[str, Any] = {"w": np.ones(3), "b": np.ones(2)}
    with refused_alike(comm, "gradient of parameter 'b': 'an array' on process", "'None'" + who):
        optimizer.step({**good, "b": None} if last else good)
    with refused_alike(comm, "grad_scale: 1.0 on process", "2.0" + who):
        optimizer.step(good, grad_scale=2.0 if last else 1.0)
    if last:
        optimizer.lr = 0.2
    with refused_alike(comm, "param_groups[0]['lr']: 0.1 on process", "0.2" + who):
        optimizer.step(good)
    optimizer.lr = 0.1
    if last:
        optimizer.nonfinite = "skip"
    with refused_alike(comm, "nonfinite: 'propagate' on process", "'skip'" + who):
        optimizer.step(good)
    optimizer.nonfinite = "propagate"
    assert w.min() == w.max() == 1.0

    saved = optimizer.state_dict()
    optimizer.step(good)
    if last:
        optimizer.load_state_dict(saved)
    with refused_alike(comm, "steps: 1 on process", "step of parameter 'w'", "0" + who):
        optimizer.step(good)


def callables_that_differ_or_raise(comm: Any) -> None:
    last = comm.rank == comm.size - 1
    asked = []

    def rate(steps: int) -> float:
        asked.append(steps)
        if steps == 1 and last:
            raise ValueError("no rate")
        return 0.2 if steps == 0 and last and len(asked) == 1 and comm.size > 1 else 0.1

    w = np.ones(3)
    optimizer = sharded(instep.SGD, w, comm, lr=rate)
    asked.clear()
    if comm.size > 1:
        with refused_alike(comm, "what the callables returned: [0.1]"):
            optimizer.step(np.ones(3))
    optimizer.step(np.ones(3))
    assert asked == [0] * (2 if comm.size > 1 else 1)  # once a step
    with refused_alike(comm, "no rate"):
        optimizer.step(np.ones(3))
    assert w.tolist() == [0.9, 0.9, 0.9]


def other_calls_at_the_same_time(comm: Any) -> None:
    if comm.size == 1:
        return
    optimizer = sharded(instep.SGD, np.ones(3), comm)
    with refused_alike(comm, "call: 'step' on process", "'Sharded' on process"):
        if comm.rank == comm.size - 1:
            sharded(instep.SGD, np.ones(3), comm)
        else:
            optimizer.step(np.ones(3))
    optimizer.step(np.ones(3))
