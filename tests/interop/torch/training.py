"""A small model, the table of options, and what "the same" means for torch's objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import torch

import instep.interop.torch
from tests.api import model
from tests.api.model import Options
from tests.cases import Array
from tests.compare import assert_same_bits

OWN = {"eps_hat", "bias_correction", "eps_inside_sqrt"}
"""The options that torch.optim does not have."""

DROP_INS = [name for name in model.DEFAULTS if hasattr(instep.interop.torch, name)]
"""Those of instep's classes that have a drop-in: where torch has the rule, and AMSGrad."""

VARIANTS = [(name, options) for name, options in model.VARIANTS if name in DROP_INS]
TORCH_VARIANTS = [
    (name, options) for name, options in VARIANTS if name != "AMSGrad" and not OWN & options.keys()
]


def ids(variants: Iterable[tuple[str, Options]]) -> list[str]:
    return [f"{name}({', '.join(options)})" for name, options in variants]


each_variant = pytest.mark.parametrize(("name", "options"), VARIANTS, ids=ids(VARIANTS))
each_class = pytest.mark.parametrize("name", DROP_INS)
each_torch_variant = pytest.mark.parametrize(
    ("name", "options"), TORCH_VARIANTS, ids=ids(TORCH_VARIANTS)
)
shown_to_c = pytest.mark.skipif(
    not hasattr(torch.Tensor, "__dlpack_c_exchange_api__"),
    reason="torch shows nothing to C, or that is hidden here",
)


@pytest.fixture
def numbers_in_double() -> Iterator[None]:
    """Let torch keep the numbers of a rule, such as NAdam's product, as instep's classes do."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


in_double = pytest.mark.usefixtures("numbers_in_double")

each_dtype = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)


def make_model(dtype: torch.dtype = torch.float64) -> Any:
    """Return a network, whose weights lie in memory in two ways: channels last, and plain."""
    torch.manual_seed(0)
    model: Any = torch.nn.Sequential(
        torch.nn.Conv2d(2, 3, 3), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(12, 4)
    )
    return model.to(device="cpu", dtype=dtype, memory_format=torch.channels_last)


def make_ours(name: str, params: Any, **options: Any) -> Any:
    """Construct a drop-in; untyped, for tests that pass what must be refused."""
    return getattr(instep.interop.torch, name)(params, **options)


def make_theirs(name: str, params: Any, **options: Any) -> Any:
    return getattr(torch.optim, name)(params, **options)


def loss_of(model: Any, seed: int) -> Any:
    """Return the loss for the batch of that number."""
    dtype = next(model.parameters()).dtype
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(5, 2, 4, 4, dtype=dtype, generator=generator)
    y = torch.randn(5, 4, dtype=dtype, generator=generator)
    return ((model(x) - y) ** 2).mean()


def train(model: Any, optimizer: Any, seeds: Iterable[int]) -> None:
    for seed in seeds:
        optimizer.zero_grad()
        loss_of(model, seed).backward()
        optimizer.step()


def arrays(tensors: Iterable[torch.Tensor | None]) -> list[Any]:
    """Return copies of the tensors, in their own memory layout."""
    return [
        None if tensor is None else np.array(tensor.detach().numpy(), order="K")
        for tensor in tensors
    ]


def assert_same_tensors(ours: Iterable[torch.Tensor], theirs: Iterable[Array]) -> None:
    for k, (tensor, array) in enumerate(zip(ours, theirs, strict=True)):
        assert_same_bits(tensor.detach().numpy(), array, f"tensor {k}")


def assert_close(ours: Any, theirs: Any) -> None:
    """Fail unless nested dictionaries of tensors and numbers agree within rounding.

    A step has about ten roundings, the tests take some ten, and the network passes differences on
    with factors of about 1: 10⁴ units in the last place leave room for a hundredfold of that.
    """
    if isinstance(theirs, torch.Tensor):
        bound = 1e4 * torch.finfo(theirs.dtype).eps
        torch.testing.assert_close(ours, theirs, rtol=bound, atol=bound)
    elif isinstance(theirs, Mapping):
        assert ours.keys() == theirs.keys()
        for key in theirs:
            assert_close(ours[key], theirs[key])
    elif isinstance(theirs, list | tuple):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_close(one, other)
    else:
        assert ours == theirs


def snapshot(value: Any) -> Any:
    """Return what `value` holds, tensors as their bytes, to be compared by ==."""
    if isinstance(value, torch.Tensor):
        copied = value.detach().clone(memory_format=torch.contiguous_format)
        data = copied.reshape(-1).view(torch.uint8)
        return str(value.dtype), tuple(value.shape), data.numpy().tobytes()
    if isinstance(value, Mapping):
        return {key: snapshot(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [snapshot(each) for each in value]
    return value
