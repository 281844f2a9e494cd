"""``instep bench --processes``: launches, one after another."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instep.bench import machine, markdown
from instep.bench.files import check_writable
from instep.bench.json_file import case_figures
from instep.bench.presets import PROCESSES
from instep.bench.processes import json_files
from instep.bench.processes.cluster import Cluster
from instep.bench.processes.cluster_tables import cluster_tables
from instep.bench.processes.launch import SHARED_MEMORY, TRANSPORTS, required_launcher, start
from instep.bench.processes.model import Link
from instep.bench.processes.results import Launch, ProcessResults
from instep.bench.processes.tables import LEGEND, largest, tables
from instep.commandline.errors import CommandError, require

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from instep.bench.cases import Case
    from instep.bench.presets import Preset

PER_MACHINE = 8
NETWORK_GB_PER_S = 25.0
NETWORK_US = 2.0


def run(args: argparse.Namespace, lists: Mapping[str, Any], others: bool) -> int:
    """Measure what `args` ask for; print tables, write figures and a picture."""
    kept = {"rules", "sizes", "dtypes", "seconds_per_case"}
    if others or not lists.keys() <= kept:
        raise CommandError(
            "--processes goes with --rules, --sizes, --dtypes, --seconds-per-case, --network-*, "
            "--json and --plot alone"
        )
    counts = list(dict.fromkeys(args.processes))
    _check_files(args, counts)
    results = measure(counts, replace(PROCESSES, **lists))
    return show(args, results)


def show_again(args: argparse.Namespace, figures: dict[str, Any]) -> int:
    """Show what `run` has measured and written."""
    try:
        results = json_files.results_of(figures)
    except (AttributeError, KeyError, TypeError):
        raise CommandError(
            f"cannot read {args.source}: it holds no figures of this benchmark"
        ) from None
    _check_files(args, [each.processes for each in results.launches])
    return show(args, results)


def check_no_network(args: argparse.Namespace) -> None:
    """Raise `CommandError` where a network is given for what has none."""
    if args.network_gb_per_s is not None or args.network_us is not None:
        raise CommandError("--network-gb-per-s and --network-us go with --processes")


def measure(counts: Sequence[int], preset: Preset) -> ProcessResults:
    """Measure every case on each number of processes, over each transport."""
    require("mpi4py", extra="mpi")
    cases = list(preset.cases())
    _check(cases, counts)
    from instep.bench.progress import progress

    launches: list[Launch] = []
    results = ProcessResults(
        arguments={**preset.in_words(), "processes": counts},
        machine=machine.describe(),
        versions={},
        launches=launches,
    )
    wanted = list(_launches(counts))
    with progress(len(wanted)) as tell:
        for processes, transport in wanted:
            tell(f"{processes} processes, {transport}")
            launches.append(launch(processes, transport, cases, preset.seconds_per_case))
    return results


def launch(processes: int, transport: str, cases: Sequence[Case], seconds: float) -> Launch:
    """Start processes, and return what they have measured."""
    threads = max(1, (os.cpu_count() or 1) // processes)
    with tempfile.TemporaryDirectory() as folder:
        request, found = Path(folder, "request.json"), Path(folder, "found.json")
        asked = {"seconds": seconds, "cases": [case_figures(case) for case in cases]}
        request.write_text(json.dumps(asked), encoding="utf-8")
        module = "instep.bench.processes.worker"
        start(processes, transport, threads, "-m", module, str(request), str(found))
        figures = json.loads(found.read_text(encoding="utf-8"))
    measured = [json_files.measured_of(each, processes) for each in figures["measured"]]
    return Launch(processes, transport, threads, figures["mpi"], measured)


def cluster_of(results: ProcessResults, args: argparse.Namespace) -> Cluster:
    """Return machines like this one, joined by a network that nobody has measured."""
    measured = largest(results)
    gb_per_s = args.network_gb_per_s or NETWORK_GB_PER_S
    us = NETWORK_US if args.network_us is None else args.network_us
    return Cluster(
        PER_MACHINE, measured.link("all-to-all"), Link(us * 1e-6, gb_per_s * 1e9), measured.speeds
    )


def show(args: argparse.Namespace, results: ProcessResults) -> int:
    """Print the tables: for people at a terminal, else for a document; write what is asked for."""
    from instep.bench import terminal

    cluster = cluster_of(results, args)
    if args.json is not None:
        json_files.write(results, args.json)
    if args.plot is not None:
        from instep.bench.processes.picture import draw

        draw(results, cluster).savefig(args.plot)
    heading = machine.in_words(results.machine, results.versions)
    libraries = ", ".join(dict.fromkeys(each.mpi for each in results.launches))
    report = terminal.print_report if sys.stdout.isatty() else markdown.print_report
    shown = list(tables(results))
    if _send([each.processes for each in results.launches]):
        shown += cluster_tables(largest(results).job, cluster)
    report(f"{heading}; {libraries}", shown, [*LEGEND, *_warnings(results)])
    return 0


def _launches(counts: Sequence[int]) -> Iterator[tuple[int, str]]:
    for processes in counts:
        # One alone sends nothing.
        for transport in TRANSPORTS if processes > 1 else (SHARED_MEMORY,):
            yield processes, transport


def _send(counts: Sequence[int]) -> bool:
    """Return whether there are processes that send one another anything."""
    return max(counts) > 1


def _check_files(args: argparse.Namespace, counts: Sequence[int]) -> None:
    if args.plot is not None and not _send(counts):
        raise CommandError("--plot draws what many processes send, and one sends nothing")
    check_writable("--plot", args.plot)
    check_writable("--json", args.json)


def _check(cases: Sequence[Case], counts: Sequence[int]) -> None:
    for case in cases:
        if not case.rule.optimizer._rule.is_elementwise:
            raise CommandError(
                f"--processes: expected --rules that step each element by itself, got "
                f"{case.rule.name}, of which several processes cannot each step a share"
            )
    required_launcher()
    # Two optimizers and a plain one, and four buckets at most for each array of parameters.
    needed = max(counts) * 6 * max(case.bytes_held for case in cases)
    present = machine.memory()
    if present is not None and needed > present:
        raise CommandError(
            f"the largest of --sizes needs {needed / 1e9:,.0f} GB of memory for {max(counts)} "
            f"processes, and this machine has {present / 1e9:,.0f} GB"
        )


def _warnings(results: ProcessResults) -> Iterator[str]:
    cores = results.machine["cores"] or 1
    if any(each.processes > cores for each in results.launches):
        yield "more than cores: processes wait for a core, and their times say little."
    for each in results.launches:
        if each.went_elsewhere:
            yield (
                f"{each.processes} processes, {each.transport}: {each.mpi} sent another way, as "
                "the bytes through the loopback interface show; the row is of no use."
            )


def are_figures(figures: Any) -> bool:
    """Return whether figures that were read are of several processes."""
    return isinstance(figures, dict) and "launches" in figures
