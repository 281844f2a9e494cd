"""Whether messages go through the network's loopback interface, as the system counts them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from instep.bench.processes.parts import Messages

COUNTERS = Path("/proc/net/dev")


def bytes_through(messages: Messages, comm: Any) -> float | None:
    """Return how many bytes went through loopback for each byte of an all-to-all.

    None where the system does not tell, or nothing is sent.
    """
    comm.Barrier()
    before = received(COUNTERS)
    comm.Barrier()
    messages.all_to_all()
    comm.Barrier()
    after = received(COUNTERS)
    sent = messages.nbytes * (comm.size - 1)
    return None if before is None or after is None or not sent else (after - before) / sent


def received(counters: Path) -> int | None:
    """Return how many bytes the loopback interface has received."""
    try:
        lines = counters.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    each = (line.partition(":") for line in lines)
    return next((int(values.split()[0]) for name, _, values in each if name.strip() == "lo"), None)
