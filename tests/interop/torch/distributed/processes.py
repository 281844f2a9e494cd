"""Two processes that work together by gloo."""

from __future__ import annotations

import datetime as dt
import importlib
import multiprocessing
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist

LONGEST_WAIT = dt.timedelta(seconds=60)
"""Of one process for the other, which may have failed."""

ranks: Any = None
meeting_place: str = ""


class Pair:
    """Two processes that stay for all scenarios, or until one fails: then others take over."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started = 0
        self._pool: Any = None

    def run(self, scenario: str, *arguments: Any) -> None:
        """Call a function of `shards` in both processes, and fail unless both return.

        Named, as only these processes are to import what torch has for several.
        """
        if self._pool is None:
            self._start()
        calls = self._pool.starmap_async(_run, 2 * [(scenario, arguments)], chunksize=1)
        try:
            failures = [text for text in calls.get(4 * LONGEST_WAIT.total_seconds()) if text]
            assert not failures, "\n".join(failures)
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """End the processes, whatever they do."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool.join()
            self._pool = None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        queue = context.SimpleQueue()
        for rank in range(2):
            queue.put(rank)
        self._started += 1
        store = self._folder / f"store{self._started}"
        self._pool = context.Pool(2, _prepare, (queue, store.as_uri()))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two processes for the scenarios of a module."""
    made = Pair(tmp_path_factory.mktemp("pair"))
    yield made
    made.end()


def _prepare(queue: Any, address: str) -> None:
    global ranks, meeting_place
    ranks, meeting_place = queue, address
    torch.set_num_threads(1)


def _run(scenario: str, arguments: tuple[Any, ...]) -> str:
    """Return what went wrong as text: not every exception can be passed on."""
    try:
        _take_part(scenario, arguments)
    except BaseException:
        return traceback.format_exc()
    return ""


def _take_part(scenario: str, arguments: tuple[Any, ...]) -> None:
    if not dist.is_initialized():
        dist.init_process_group(
            "gloo",
            init_method=meeting_place,
            rank=ranks.get(),
            world_size=2,
            timeout=LONGEST_WAIT,
        )
    dist.barrier()  # so that neither process takes both calls
    getattr(importlib.import_module("tests.interop.torch.distributed.shards"), scenario)(*arguments)
