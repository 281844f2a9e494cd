"""Tensors as torch shows them to C, and what it does not say there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Shard

import instep
from instep import functional
from tests.interop.torch.training import make_ours


@pytest.fixture
def mesh() -> Iterator[DeviceMesh]:
    """Return a mesh of this process alone."""
    distributed: Any = torch.distributed
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    yield DeviceMesh("cpu", [0])
    distributed.destroy_process_group()


class Derived(torch.Tensor):
    """A tensor that has memory as any other."""


class Wrapper(torch.Tensor):
    """A tensor that stands for another, and has no memory of its own."""

    @staticmethod
    def __new__(cls) -> Any:
        """Make one of three numbers."""
        return torch.Tensor._make_wrapper_subclass(cls, (3,), dtype=torch.float32)

    @classmethod
    def __torch_dispatch__(cls, func: Any, *_: Any, **__: Any) -> Any:  # type: ignore[override]
        raise NotImplementedError(f"{func}")


def negated() -> torch.Tensor:
    return torch.complex(torch.zeros(3), torch.ones(3)).conj().imag


def freed() -> torch.Tensor:
    tensor = torch.ones(3)
    tensor.untyped_storage().resize_(0)
    return tensor


def fake() -> torch.Tensor:
    with FakeTensorMode():
        return torch.ones(3)


STEPPED: dict[str, Callable[[], Any]] = {
    "a tensor": lambda: torch.ones(3),
    "a buffer": lambda: torch.nn.Buffer(torch.ones(3)),
    "a frozen parameter": lambda: torch.nn.Parameter(torch.ones(3), requires_grad=False),
    "a class that derives from a tensor's": lambda: torch.ones(3).as_subclass(Derived),
    "every second element": lambda: torch.ones(6)[::2],
    "a column": lambda: torch.ones(3, 2)[:, 1],
    "a tensor of inference mode": torch.inference_mode()(lambda: torch.ones(3)),
}


@pytest.mark.parametrize("make", STEPPED.values(), ids=STEPPED)
@pytest.mark.filterwarnings("ignore:In CPU")
def test_tensors_are_read_and_written_where_they_lie(make: Callable[[], Any]) -> None:
    w = np.zeros(3, np.float32)
    optimizer = instep.SGD(w, lr=1.0)
    for _ in range(3):
        optimizer.step(make())
    assert w.tolist() == [-3.0] * 3

    param = make()
    stepped = instep.SGD(param, lr=1.0)
    stepped.step(np.full(3, 0.5, np.float32))
    assert param.tolist() == [0.5] * 3

    functional.sgd_step(param, make(), step=1, lr=0.25)
    assert param.tolist() == [0.25] * 3


def test_a_gradient_s_layout_may_be_another_than_its_parameter_s() -> None:
    values = torch.arange(24.0).reshape(2, 3, 4)
    w = np.zeros((2, 3, 4), np.float32)
    instep.SGD(w, lr=1.0).step(values.permute(2, 0, 1).contiguous().permute(1, 2, 0))
    assert w.tolist() == (-values).tolist()
    instep.SGD(w, lr=1.0).step(-torch.ones(()).expand(2, 3, 4))
    assert w.tolist() == (1 - values).tolist()


@pytest.mark.parametrize("shape", [(), (0,), (2, 0)])
def test_tensors_without_axes_or_elements(shape: tuple[int, ...]) -> None:
    param = torch.ones(shape)
    optimizer = instep.SGD(param, lr=0.5)
    optimizer.step(torch.ones(shape))
    assert torch.equal(param, torch.full(shape, 0.5))


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "a negated view": (negated, r"pass its \.resolve_neg\(\)"),
    "a parameter": (lambda: torch.nn.Parameter(torch.ones(3)), r"pass its \.detach\(\)"),
    "a graph's tensor": (lambda: torch.ones(3, requires_grad=True) * 2, r"pass its \.detach\(\)"),
    "a sparse tensor": (lambda: torch.ones(3).to_sparse(), "dense"),
    "a tensor on another device": (lambda: torch.ones(3, device="meta"), "meta"),
    "a tensor of zeros that has no memory": (lambda: torch._efficientzerotensor(3), "no memory"),
    "a tensor whose storage was freed": (freed, "no memory"),
    "a fake tensor": (fake, "no memory"),
    "a wrapper": (Wrapper, "Wrapper"),
    "int64": (lambda: torch.ones(3, dtype=torch.int64), "float32 or float64"),
}


@pytest.mark.filterwarnings("ignore:Accessing the data pointer of FakeTensor")
@pytest.mark.parametrize(("make", "match"), REFUSED.values(), ids=REFUSED)
def test_what_hides_its_numbers_is_refused(make: Callable[[], Any], match: str) -> None:
    w = np.zeros(3, np.float32)
    optimizer = instep.SGD(w, lr=1.0, momentum=0.5)
    optimizer.step(torch.ones(3))
    with pytest.raises(TypeError, match=f"^gradient: .*{match}"):
        optimizer.step(make())
    with pytest.raises(TypeError, match=f"^parameter: .*{match}"):
        instep.SGD(make())
    with pytest.raises(TypeError, match=f"^gradient: .*{match}"):
        functional.sgd_step(w, make(), step=1, lr=1.0)
    assert w.tolist() == [-1.0] * 3
    optimizer.step(torch.zeros(3))
    assert w.tolist() == [-1.5] * 3


def test_a_share_of_a_tensor_is_asked_for(mesh: DeviceMesh) -> None:
    """It would export no memory, and the shape of the whole."""
    share = DTensor.from_local(torch.ones(3), mesh, [Shard(0)], run_check=False)
    w = np.zeros(3, np.float32)
    with pytest.raises(TypeError, match=r"^gradient: .*DTensor.*pass its \.to_local\(\)"):
        instep.SGD(w).step(share)
    with pytest.raises(TypeError, match=r"^parameter: .*DTensor.*pass its \.to_local\(\)"):
        instep.SGD(share)
    instep.SGD(w, lr=1.0).step(share.to_local())
    assert w.tolist() == [-1.0] * 3


def test_a_tensor_that_is_mapped_over_is_refused() -> None:
    w = np.zeros(2, np.float32)

    def step(grad: torch.Tensor) -> torch.Tensor:
        with pytest.raises(TypeError, match=r"^gradient: .*Tensor"):
            instep.SGD(w).step(grad)
        return grad

    torch.vmap(step)(torch.ones(3, 2))
    assert w.tolist() == [0.0] * 2


def test_a_gradient_that_becomes_another_in_the_same_object_is_seen() -> None:
    """Torch lets a tensor have other data: of another sign, shape or place."""
    w = np.zeros(3, np.float32)
    optimizer = instep.SGD(w, lr=1.0)
    grad = torch.ones(3)
    optimizer.step(grad)
    grad.data = torch.full((3,), 2.0)
    optimizer.step(grad)
    assert w.tolist() == [-3.0] * 3
    pair = torch.complex(torch.zeros(3), torch.ones(3))
    grad.data = pair.imag
    optimizer.step(grad)
    assert w.tolist() == [-4.0] * 3
    grad.data = pair.conj().imag  # the same memory, read with the other sign
    with pytest.raises(TypeError, match="resolve_neg"):
        optimizer.step(grad)
    grad.data = torch.ones(4)
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        optimizer.step(grad)
    assert w.tolist() == [-4.0] * 3


def test_a_gradient_in_what_is_written_is_seen() -> None:
    memory = torch.zeros(5)
    optimizer = instep.SGD(memory[:3])
    with pytest.raises(ValueError, match=r"gradient.*share memory"):
        optimizer.step(memory[2:])
    # Within the bounds, but not the elements.
    every_second = instep.SGD(memory[::2], lr=1.0)
    memory[1::2] = 1.0
    every_second.step(memory[::2].new_ones(3))
    assert memory.tolist() == [-1.0, 1.0, -1.0, 1.0, -1.0]
    first, second = torch.ones(6)[::2], torch.ones(6)
    instep.SGD(second[::2], lr=1.0).step(second[1::2])
    assert second.tolist() == [0.0, 1.0] * 3
    assert first.tolist() == [1.0] * 3


def test_gradients_are_held_for_the_step_alone() -> None:
    optimizer = instep.SGD([np.zeros(3, np.float32), np.zeros(1 << 18, np.float32)])
    grads = [torch.ones(3), torch.ones(1 << 18)]
    counts = [sys.getrefcount(grad) for grad in grads]
    optimizer.step(grads)
    assert [sys.getrefcount(grad) for grad in grads] == counts
    with pytest.raises(ValueError, match="shape"):
        optimizer.step([grads[0], grads[0]])
    assert [sys.getrefcount(grad) for grad in grads] == counts


def test_clipping_and_the_guard_read_them() -> None:
    w = np.zeros((2, 2), np.float32)
    optimizer = instep.SGD(w, lr=1.0, clip_norm=1.0, nonfinite="raise")
    optimizer.step(torch.tensor([[6.0, 0.0], [0.0, 8.0]]).T)
    assert optimizer.last_grad_norm == 10.0
    assert np.allclose(w, [[-0.6, 0.0], [0.0, -0.8]])
    with pytest.raises(FloatingPointError, match=r"index \(1, 0\)"):
        optimizer.step(torch.tensor([[0.0, torch.nan], [0.0, 0.0]]).T)


IN_THE_DROP_IN: dict[str, tuple[Callable[[], Any], str | None]] = {
    "a tensor": (lambda: torch.ones(3), None),
    "a class that derives from a tensor's": (lambda: torch.ones(3).as_subclass(Derived), None),
    "a graph's tensor": (lambda: torch.ones(3, requires_grad=True) * 1, None),
    "a sparse tensor": (lambda: torch.ones(3).to_sparse(), None),
    "a negated view": (negated, "negative bit"),
    "a tensor of zeros that has no memory": (lambda: torch._efficientzerotensor(3), "ZeroTensor"),
    "a tensor whose storage was freed": (freed, "storage is empty"),
    "a wrapper": (Wrapper, "Wrapper"),
    "a fake tensor": (fake, "fake|Fake|subclass"),
}


@pytest.mark.parametrize(("make", "match"), IN_THE_DROP_IN.values(), ids=IN_THE_DROP_IN)
def test_gradients_of_the_drop_in(make: Callable[[], Any], match: str | None) -> None:
    params = [torch.nn.Parameter(torch.zeros(3)) for _ in range(2)]
    optimizer = make_ours("SGD", params, lr=1.0)
    for param in params:
        param.grad = torch.ones(3)
    optimizer.step()
    params[1].grad = make()
    for _ in range(2):
        if match is None:
            optimizer.step()
        else:
            with pytest.raises(TypeError, match=f"^gradient of parameter 1: .*{match}"):
                optimizer.step()
    expected = [-3.0 if match is None else -1.0] * 3
    assert [param.tolist() for param in params] == [expected, expected]
