"""Arrays of made-up libraries, which show their memory by DLPack alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.cases import Array

CPU, CUDA, CUDA_HOST, METAL = 1, 2, 3, 8


class Exporter:
    """An array of another library, on whichever device it says it is."""

    def __init__(self, array: Array, device: int = CPU) -> None:
        self.array = array
        self.device = device
        self.exports = 0

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device, 0

    def __dlpack__(self, **options: Any) -> Any:
        self.exports += 1
        return self.array.__dlpack__(**options)


class FirstProtocol(Exporter):
    """One that speaks DLPack's first version, in which no one could ask it not to copy."""

    def __dlpack__(self, *, stream: None = None) -> Any:  # type: ignore[override]
        return self.array.copy().__dlpack__()


class Copying(Exporter):
    """One that refuses to be told not to copy, and shows a writable copy otherwise."""

    def __dlpack__(self, **options: Any) -> Any:
        if options.get("copy") is False:
            raise TypeError("copy: expected True or None")
        return self.array.copy().__dlpack__(**options)


class Failing(Exporter):
    """One that raises when it is asked for its memory."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(np.ones(4, np.float32))
        self.error = error

    def __dlpack__(self, **options: Any) -> Any:
        raise self.error


class NeedsGradient(Failing):
    """One that an automatic differentiation tool watches, like a torch parameter."""

    requires_grad = True


class Negated(Exporter):
    """A view whose numbers are those of its memory with the other sign, as torch's can be."""

    def is_neg(self) -> bool:
        return True
