"""What all processes must have alike, compared before anything is done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import TypeAlias

import numpy as np

from instep.mpi.channel import Channel

Facts: TypeAlias = Mapping[str, object]
"""What is said of a process's call, by what messages call it."""

KINDS = ("structure", "options", "counts", "gradients")
_SHOWN = 8


def agree(
    channel: Channel, call: str, refused: Exception | None, facts: Mapping[str, Facts]
) -> None:
    """Raise the same ValueError on every process unless all go on with the same call.

    Every process sends one record of the same size: whether it refuses the call, and why is
    `refused`, a digest of the facts of each of the `KINDS`, and how often it has sent gradients
    already, which all are to receive before a call is refused. What the facts say is sent only
    where the digests differ.
    """
    facts = {**facts, "structure": {"call": call, **facts.get("structure", {})}}
    digests = [_digest(facts.get(kind, {})) for kind in KINDS]
    ahead = channel.ahead
    record = np.array([refused is not None, *digests, 0 if ahead is None else ahead.launched])
    records = channel.all_gather(record, "the calls")
    same = (records[:, :-1] == [False, *digests]).all(axis=0)
    if ahead is not None and not same.all():
        ahead.settle(int(records[:, -1].max()))
    if not same[0]:
        text = "" if refused is None else f"{type(refused).__name__}: {refused}"
        texts = channel.all_gather_texts(text, "the errors")
        by_text: dict[str, list[int]] = {}
        for rank, each in enumerate(texts):
            if each:
                by_text.setdefault(each, []).append(rank)
        refusals = (f"{processes(ranks)} refused: {each}" for each, ranks in by_text.items())
        raise ValueError(f"nothing was done on any process, as {'; '.join(refusals)}") from refused
    differing = [kind for kind, as_here in zip(KINDS, same[1:], strict=True) if not as_here]
    if differing:
        own = {name: repr(each) for kind in differing for name, each in facts.get(kind, {}).items()}
        texts = channel.all_gather_texts(json.dumps(own), "what differs")
        raise ValueError(
            "expected the same on all processes, and nothing was done on any: "
            + _differences([json.loads(each) for each in texts])
        )


def processes(ranks: list[int]) -> str:
    """Return what messages call some processes."""
    runs: list[list[int]] = []
    for rank in ranks:
        if runs and rank == runs[-1][-1] + 1:
            runs[-1].append(rank)
        else:
            runs.append([rank])
    shown = [f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return f"process{'es' if len(ranks) > 1 else ''} {', '.join(shown)}"


def _digest(facts: Facts) -> int:
    text = repr(list(facts.items()))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little", signed=True)


def _differences(told: list[dict[str, str]]) -> str:
    names = dict.fromkeys(name for each in told for name in each)
    lines = []
    for name in names:
        by_value: dict[str, list[int]] = {}
        for rank, each in enumerate(told):
            by_value.setdefault(each.get(name, "none"), []).append(rank)
        if len(by_value) > 1:
            values = (f"{value} on {processes(ranks)}" for value, ranks in by_value.items())
            lines.append(f"{name}: {', '.join(values)}")
    more = f"; and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    return "; ".join(lines[:_SHOWN]) + more
