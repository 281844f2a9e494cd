"""The memory of torch's tensors as NumPy arrays."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import torch

from instep import RowGradient
from instep.interop.torch.shards import check_placed_as, check_placements, is_shard, local_of
from instep.parameters import Array

STEPPED = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
"""The types of what is stepped; what a master leaves out is of torch.int16."""


def check_tensor(
    tensor: torch.Tensor, what: str, dtypes: tuple[torch.dtype, ...] = STEPPED
) -> None:
    """Raise TypeError or ValueError unless instep can step in the tensor's memory.

    Messages call it `what`.
    """
    if tensor.device.type != "cpu":
        raise TypeError(
            f"{what}: expected a tensor on the CPU, got one on {tensor.device}; instep steps "
            "memory that NumPy can see, use torch.optim for tensors elsewhere"
        )
    if tensor.layout is not torch.strided:
        raise TypeError(f"{what}: expected a dense tensor, got layout {tensor.layout}")
    if tensor.dtype not in dtypes:
        raise TypeError(
            f"{what}: expected dtype {' or '.join(map(str, dtypes))}, got {tensor.dtype}; "
            "train a float32 copy, or use torch.optim"
        )
    if tensor.dtype is torch.bfloat16:
        _ml_dtypes(what)
    if is_shard(tensor):
        check_placements(tensor, what)


def can_be_stepped(tensor: torch.Tensor) -> bool:
    """Tell whether instep can step in the tensor's memory."""
    try:
        check_tensor(tensor, "tensor")
    except (TypeError, ValueError):
        return False
    return True


def place_of(tensor: torch.Tensor) -> tuple[int, torch.Size, tuple[int, ...], torch.dtype]:
    """Return what makes a tensor's view of its memory."""
    tensor = local_of(tensor)
    return tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype


def array_of(tensor: torch.Tensor, what: str, dtypes: tuple[torch.dtype, ...] = STEPPED) -> Array:
    """Return the tensor's own memory as an array, of a DTensor this process's share."""
    check_tensor(tensor, what, dtypes)
    try:
        seen = local_of(tensor).detach()
        if tensor.dtype is torch.bfloat16:  # which NumPy knows by ml_dtypes alone
            array: Array = seen.view(torch.int16).numpy().view(_ml_dtypes(what).bfloat16)
        else:
            array = seen.numpy()
    except (RuntimeError, TypeError) as error:
        raise TypeError(
            f"{what}: expected a tensor whose memory NumPy can see, got a "
            f"{type(tensor).__name__} of which torch says: {error}"
        ) from error
    # NumPy gives memory of its own to a tensor that has none, as one whose storage was freed.
    if array.flags.owndata and array.size > 0:
        raise TypeError(f"{what}: expected a tensor in memory, got one whose storage is empty")
    return array


def tensor_of(array: Array) -> torch.Tensor:
    """Return a tensor that has the array's memory."""
    if array.dtype.kind != "V":
        return torch.from_numpy(array)
    return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)


def dtype_of(dtype: np.dtype[np.generic]) -> torch.dtype:
    """Return torch's name of one of NumPy's types."""
    found: torch.dtype = getattr(torch, dtype.name)
    return found


def numpy_dtype(dtype: torch.dtype) -> np.dtype[np.generic]:
    """Return NumPy's type of that name."""
    name = str(dtype).removeprefix("torch.")
    return np.dtype(_ml_dtypes("dtype").bfloat16 if name == "bfloat16" else name)


def _ml_dtypes(what: str) -> ModuleType:
    try:
        import ml_dtypes
    except ImportError as error:
        raise TypeError(
            f"{what}: torch.bfloat16 needs the package ml_dtypes, by which NumPy knows it; install "
            "with: pip install 'instep[bfloat16]'"
        ) from error
    return ml_dtypes


def gradient_of(param: torch.Tensor, grad: torch.Tensor, what: str) -> Array | RowGradient:
    """Return a gradient's own memory, in the form in which instep's steps take it."""
    check_placed_as(param, grad, what)
    if grad.layout is not torch.sparse_coo:
        return array_of(_widened(grad), what)
    if grad.sparse_dim() != 1:
        raise ValueError(
            f"{what}: expected one sparse dimension, as torch.nn.Embedding(sparse=True) has, got "
            f"{grad.sparse_dim()}; pass grad.to_dense()"
        )
    # Not coalesced: the step itself adds up the values of a row.
    values = array_of(_widened(grad._values()), what)
    return RowGradient(grad._indices()[0].numpy(), values)


def _widened(grad: torch.Tensor) -> torch.Tensor:
    """Return the same numbers in a type that NumPy has."""
    return grad.float() if grad.dtype in (torch.float16, torch.bfloat16) else grad
