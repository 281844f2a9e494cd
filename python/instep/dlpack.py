"""Types of arrays that come from other libraries."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias, runtime_checkable

from numpy.typing import NDArray


@runtime_checkable
class SupportsDLPack(Protocol):
    """An array that shows its memory by the DLPack protocol: JAX's, torch's, NumPy's own.

    The protocol asks for ``__dlpack_device__`` as well, which JAX's types do not declare.
    """

    def __dlpack__(self) -> Any: ...


AnyArray: TypeAlias = NDArray[Any] | SupportsDLPack
"""What may stand for an ndarray, where NumPy sees its memory."""
