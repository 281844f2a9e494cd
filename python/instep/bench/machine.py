"""Where it is measured."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import instep

if TYPE_CHECKING:
    from collections.abc import Mapping


def describe() -> dict[str, Any]:
    """Return what a reader of the figures has to know about the machine and the software."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": _load(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "instep": instep.show_config(mode="dicts"),
    }


def in_words(machine: Mapping[str, Any], versions: Mapping[str, str]) -> str:
    """Return the line about machine, versions, instruction set and threads."""
    config = machine["instep"]
    libraries = {"Python": machine["python"], "NumPy": config["numpy"], **versions}
    facts = (
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}",
        *([] if machine["load"] is None else [f"load before: {machine['load']:.1f}"]),
        f"instep {config['version']}, {config['isa']['chosen']}, threads: {config['num_threads']}",
        ", ".join(f"{name} {version}" for name, version in libraries.items()),
    )
    return "; ".join(facts)


def memory() -> int | None:
    """Return the machine's memory in bytes, where the system tells it."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def _load() -> float | None:
    """Return how many tasks kept the machine busy in the last minute, this one perhaps included."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())
