"""Processes that work together by gloo, in groups of any number."""

from __future__ import annotations

import datetime as dt
import importlib
import multiprocessing
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist

LONGEST_WAIT = dt.timedelta(seconds=60)
"""Of one process for another, which may have failed."""


class Processes:
    """Processes that stay for all scenarios, or until one fails: then others take over.

    The first ones of them are a group, which is made anew when another number is asked for.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._groups = 0
        self._count = 0
        self._workers: list[tuple[Any, Any]] = []

    def run(self, count: int, scenario: str, *arguments: Any) -> None:
        """Call a function, such as `shards.notice`, in `count` processes; fail unless all return.

        Named, as only these processes are to import what torch has for several.
        """
        try:
            self._gather(count)
            connections = [connection for _, connection in self._workers[:count]]
            for rank, connection in enumerate(connections):
                connection.send((self._meeting_place(), rank, count, scenario, arguments))
            end = time.monotonic() + 4 * LONGEST_WAIT.total_seconds()
            failures = []
            for rank, connection in enumerate(connections):
                assert connection.poll(end - time.monotonic()), f"process {rank} is late"
                failures.append(connection.recv())
            assert not any(failures), "\n".join(failures)
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """End the processes, whatever they do."""
        for process, connection in self._workers:
            connection.close()
            process.kill()
            process.join()
        self._workers.clear()
        self._count = 0

    def _gather(self, count: int) -> None:
        if count != self._count:
            self._groups += 1
            self._count = count
        context = multiprocessing.get_context("spawn")
        while len(self._workers) < count:
            here, there = context.Pipe()
            process = context.Process(target=_work, args=(there,), daemon=True)
            process.start()
            there.close()
            self._workers.append((process, here))

    def _meeting_place(self) -> str:
        return (self._folder / f"store{self._groups}").as_uri()


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """Processes for the scenarios of a module."""
    made = Processes(tmp_path_factory.mktemp("processes"))
    yield made
    made.end()


def _work(connection: Any) -> None:
    torch.set_num_threads(1)
    joined = ""
    while True:
        try:
            meeting_place, rank, count, scenario, arguments = connection.recv()
        except EOFError:
            return
        try:
            if meeting_place != joined:
                _join(meeting_place, rank, count)
                joined = meeting_place
            _call(scenario, arguments)
        except BaseException:
            # As text: not every exception can be passed on.
            connection.send(traceback.format_exc())
        else:
            connection.send("")


def _join(meeting_place: str, rank: int, count: int) -> None:
    if dist.is_initialized():
        dist.destroy_process_group()
    dist.init_process_group(
        "gloo", init_method=meeting_place, rank=rank, world_size=count, timeout=LONGEST_WAIT
    )


def _call(scenario: str, arguments: tuple[Any, ...]) -> None:
    module, function = scenario.split(".")
    getattr(importlib.import_module(f"{__package__}.{module}"), function)(*arguments)
