"""Arrays that come from other libraries."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias, runtime_checkable

from numpy.typing import NDArray


@runtime_checkable
class SupportsDLPack(Protocol):
    """An array that shows its memory by the DLPack protocol: JAX's, torch's, NumPy's own.

    The protocol asks for ``__dlpack_device__`` as well, which JAX's types do not declare.
    """

    def __dlpack__(self) -> Any: ...


def is_array(value: object) -> bool:
    """Tell whether a value is an array of any library, and so no sequence of arrays.

    One whose memory nobody sees, such as a dataset in a file, is an array all the same: its rows
    are copies.
    """
    return isinstance(value, SupportsDLPack) or (
        hasattr(value, "shape") and (hasattr(value, "dtype") or hasattr(value, "dtypes"))
    )


AnyArray: TypeAlias = NDArray[Any] | SupportsDLPack
"""What may stand for an ndarray, where NumPy sees its memory."""
