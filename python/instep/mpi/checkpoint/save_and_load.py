"""Checkpoints of an optimizer whose states are shared out, for any number of processes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import instep.mpi.checkpoint.one_file as one_file
import instep.mpi.checkpoint.parts as parts
from instep.checkpoint.content import Checked, content_of, encode
from instep.checkpoint.files import MISFITS, CheckpointFile
from instep.mpi.channel import Channel
from instep.mpi.checkpoint.context import Context
from instep.mpi.checkpoint.delivery import Shared
from instep.mpi.checkpoint.folder import Folder
from instep.mpi.checkpoint.together import Together
from instep.mpi.checkpoint.whole import expectation_of, snapshot_of
from instep.mpi.plan import Plan
from instep.optimizer import Optimizer
from instep.parameters import Array

Target: TypeAlias = CheckpointFile | Folder


class Sharing(NamedTuple):
    """What each process has of an optimizer."""

    channel: Channel
    plan: Plan
    share: Optimizer
    """That of the process's share."""
    params: Sequence[Array]
    bucket_bytes: int

    def context(self, together: Together) -> Context:
        """Return with whom, and in which pieces, it is saved and loaded."""
        return Context(self.channel, together, self.plan, self.bucket_bytes)


class Loaded(NamedTuple):
    """What fits a process's share."""

    replacement: tuple[Any, ...]
    skipped_steps: int


def target_of(path: str | os.PathLike[str], *, to_save: bool) -> Target:
    """Return what a path names, or raise TypeError or ValueError."""
    name: Any = os.fspath(path)
    if not isinstance(name, str):
        raise TypeError(f"path: expected a str or os.PathLike of str, got {name!r}")
    stem, suffix = os.path.splitext(name)  # noqa: PTH122
    if suffix.lower() == ".npz" or (suffix.lower() == ".safetensors" and not to_save):
        return CheckpointFile(name)
    if suffix.lower() == ".safetensors":
        raise ValueError(
            "path: expected a name that ends in .npz, or a folder, which gets a file .safetensors "
            f"of each process, got {name}; pass {stem!r}"
        )
    if suffix and not Path(name).is_dir():
        raise ValueError(f"path: expected a name that ends in .npz, or a folder, got {name}")
    return Folder(name)


def save(sharing: Sharing, target: Target, skipped_steps: int, *, params: bool) -> None:
    """Write a checkpoint, or raise OSError, the same on every process."""
    share = sharing.share
    snapshot = snapshot_of(share, sharing.params, skipped_steps, with_params=params)
    metadata, arrays = encode(snapshot)
    states, own_params = share._named_states(), share._params()
    shared = [
        *(
            Shared(f"state.{k}.{name}", k, own)
            for k, each in enumerate(states)
            for name, own in each.items()
        ),
        *(Shared(f"param.{k}", k, own) for k, own in enumerate(own_params) if params),
    ]
    with Together(sharing.channel) as together:
        context = sharing.context(together)
        if isinstance(target, Folder):
            parts.save(context, target, metadata, shared)
        else:
            one_file.save(context, target, metadata, arrays, shared)


def load(sharing: Sharing, target: Target, *, params: bool) -> Loaded:
    """Return what a checkpoint has, or raise CheckpointError or OSError, the same on every process.

    Nothing has changed by then.
    """
    share = sharing.share
    expected = expectation_of(share, sharing.params)

    def allocate(checked: Checked) -> list[Shared]:
        position = {place: k for k, place in enumerate(checked.places)}
        found = []
        for name in checked.wanted(params=params):
            k = position[checked.names[name][0]]
            found.append(Shared(name, k, checked.empty(name, share._params()[k].shape)))
        return found

    with Together(sharing.channel) as together:
        context = sharing.context(together)
        if isinstance(target, Folder):
            checked, shared = parts.load(context, target, expected, allocate)
        else:
            checked, shared = one_file.load(context, target, expected, allocate)
        content = content_of(checked, {each.name: each.own for each in shared})
        try:
            replacement = share._replacement(
                content.state_dict, content.params, content.skipped_steps
            )
        except MISFITS as error:
            raise target.refusal(error) from error
    return Loaded(replacement, content.skipped_steps)
