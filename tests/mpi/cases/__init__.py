"""What is tried on some processes, in one launch of them: functions of the communicator."""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from tests.mpi.cases import agreement, bits, checkpoints, conditions, faulty_files, life, overlap

MODULES: tuple[ModuleType, ...] = (
    bits,
    conditions,
    agreement,
    life,
    overlap,
    checkpoints,
    faulty_files,
)

CASES: Mapping[str, Callable[[Any], None]] = {
    f"{module.__name__.rpartition('.')[2]}.{name}": case
    for module in MODULES
    for name, case in vars(module).items()
    if callable(case) and getattr(case, "__module__", "") == module.__name__ and name[0] != "_"
}
