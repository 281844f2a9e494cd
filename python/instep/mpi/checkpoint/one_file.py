"""Checkpoints of all processes in one file, which process 0 alone writes and reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from instep.checkpoint.content import (
    Checked,
    Expectation,
    check_content,
    read_array,
    read_metadata,
)
from instep.checkpoint.files import CheckpointFile
from instep.checkpoint.format import Stored, parse_json
from instep.mpi.checkpoint.context import Allocate, Context
from instep.mpi.checkpoint.delivery import Shared
from instep.parameters import Array


def save(
    context: Context,
    file: CheckpointFile,
    metadata: Mapping[str, Any],
    arrays: Mapping[str, Array],
    shared: Sequence[Shared],
) -> None:
    """Write a file, in pieces that come from the processes one after another."""
    collected = context.delivery(shared).collect()
    if context.channel.rank != 0:
        for _ in collected:
            raise AssertionError("only process 0 gets pieces")
        return
    by_array = groupby(collected, key=itemgetter(0))

    def pieces(name: str) -> Iterator[Array]:
        found, parts = next(by_array)
        assert found == name
        for _, part in parts:
            yield part

    file.write_arrays(
        metadata,
        {name: Stored(each.dtype, each.shape, pieces(name)) for name, each in arrays.items()},
    )


def load(
    context: Context, file: CheckpointFile, expected: Expectation, allocate: Allocate
) -> tuple[Checked, list[Shared]]:
    """Read a file, of which each process gets its share."""
    channel, together = context.channel, context.together
    if channel.rank != 0:
        together.check()
        [text, *_] = channel.all_gather_texts("", "the metadata")
        metadata = read_metadata(parse_json(text), expected.kind)
        checked = check_content(expected, metadata, metadata["checksums"])
        shared = allocate(checked)
        for _ in context.delivery(shared).hand_out():
            raise AssertionError("only process 0 reads pieces")
        return checked, shared
    with file.reading(expected) as (opened, checked):
        together.check()
        channel.all_gather_texts(opened.metadata, "the metadata")
        shared = allocate(checked)
        handed_out = context.delivery(shared).hand_out()
        for name, parts in groupby(handed_out, key=itemgetter(0)):
            read_array(opened, checked, name, (buffer for _, buffer in parts))
    return checked, shared
