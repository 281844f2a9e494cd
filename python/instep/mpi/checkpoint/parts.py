"""Checkpoints in a folder, of which each process writes and reads its own share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from instep.checkpoint.content import Checked, Expectation, check_content, read_metadata
from instep.checkpoint.files import MISFITS
from instep.checkpoint.format import Stored, as_bytes
from instep.mpi.checkpoint.context import Allocate, Context
from instep.mpi.checkpoint.delivery import Shared
from instep.mpi.checkpoint.folder import Folder, Index, Run, check_runs, parse_index, part_name
from instep.mpi.plan import Plan
from instep.mpi.runs import bits, flat
from instep.parameters import Array


def save(
    context: Context, folder: Folder, metadata: Mapping[str, Any], shared: Sequence[Shared]
) -> None:
    """Write a file of each process, then the index, and remove what was there before."""
    channel, together = context.channel, context.together
    rank = channel.rank
    if rank == 0:
        folder.make()
    together.check()
    [name, *_] = channel.all_gather_texts(os.urandom(6).hex() if rank == 0 else "", "the save")
    folder.write_part(name, rank, _stored(shared, context.bucket_bytes))
    index = Index(
        name,
        [part_name(name, process) for process in range(channel.size)],
        {each.name: _runs(context.plan, each.param) for each in shared},
        metadata,
    )
    try:
        together.check()
        together.check(_error_of(folder, index) if rank == 0 else None)
    except Exception:
        if together.raised is not None:  # after a timeout, process 0 may go on to replace the index
            folder.remove_part(name, rank)
        raise
    if rank == 0:
        folder.flush()
        folder.remove_others(name)


def load(
    context: Context, folder: Folder, expected: Expectation, allocate: Allocate
) -> tuple[Checked, list[Shared]]:
    """Read a folder, each process what it needs."""
    channel = context.channel
    own = folder.read_index(expected) if channel.rank == 0 else ""
    context.together.check()
    [text, *_] = channel.all_gather_texts(own, "the index")
    try:
        index = parse_index(text)
        metadata = read_metadata(index.metadata, expected.kind)
        checked = check_content(expected, metadata, index.runs)
        check_runs(index, checked)
        shared = allocate(checked)
    except MISFITS as error:
        raise folder.refusal(error) from error
    wanted = {
        each.name: (context.plan.share(channel.rank, each.param), as_bytes(each.own))
        for each in shared
    }
    folder.read(index, checked, wanted, context.bucket_bytes)
    return checked, shared


class _Pieces:
    """The elements of an array in C order, in pieces of bounded size, as often as asked for."""

    def __init__(self, array: Array, bucket_bytes: int) -> None:
        self._array = array
        self._most = bucket_bytes // array.itemsize

    def __iter__(self) -> Iterator[Array]:
        elements = flat(bits(self._array))
        for first in range(0, self._array.size, self._most):
            yield elements[first : first + self._most].view(self._array.dtype)


def _stored(shared: Sequence[Shared], bucket_bytes: int) -> dict[str, Stored]:
    return {
        each.name: Stored(each.own.dtype, (each.own.size,), _Pieces(each.own, bucket_bytes))
        for each in shared
        if each.own.size > 0
    }


def _runs(plan: Plan, param: int) -> list[Run]:
    lengths = np.diff(plan.bounds[:, param])
    shares = ((process, plan.share(process, param)) for process in np.flatnonzero(lengths).tolist())
    return [Run(process, share.start, share.stop) for process, share in shares]


def _error_of(folder: Folder, index: Index) -> Exception | None:
    """Replace the index; where that fails, return why."""
    try:
        folder.replace_index(index)
    except Exception as error:
        return error
    return None
