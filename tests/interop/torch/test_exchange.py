"""Tensors as torch shows them to C, and what it does not say there."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
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
from tests.processes import ROOT, run_scenario


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


class Offered:
    """The functions by which torch shows its tensors, as they are to be offered from now on."""

    def __init__(self) -> None:
        name = b"dlpack_exchange_api"
        find = ctypes.pythonapi.PyCapsule_GetPointer
        find.restype, find.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
        make = ctypes.pythonapi.PyCapsule_New
        make.restype = ctypes.py_object
        make.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
        tensor: Any = torch.Tensor
        words = ctypes.c_void_p * 7
        self.own: int = find(tensor.__dlpack_c_exchange_api__, name)
        self.words = words(*words.from_address(self.own))
        tensor.__dlpack_c_exchange_api__ = make(ctypes.addressof(self.words), name, None)


def count_python_exports(usable: int, major: int, borrow: int, has_previous: int) -> None:
    """Offer tensors through functions of that version, and see whether they are used."""
    offered = Offered()
    offered.words[0] = major | (3 << 32)
    offered.words[1] = offered.own if has_previous else None
    offered.words[5] = offered.words[5] if borrow else None
    calls: list[object] = []
    tensor: Any = torch.Tensor
    export = tensor.__dlpack__

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        return export(*args, **kwargs)

    tensor.__dlpack__ = counted
    param = torch.zeros(3)
    optimizer = instep.SGD(param, lr=1.0)
    optimizer.step(torch.ones(3))
    assert param.tolist() == [-1.0] * 3
    assert len(calls) == (0 if usable else 2)


def offer_read_only() -> None:
    """Offer tensors as such that may not be written, which no version of torch does yet."""
    offered = Offered()
    function = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.POINTER(ctypes.c_void_p))
    manage = function(offered.words[3] or 0)

    def read_only(tensor: Any, out: Any) -> int:
        status: int = manage(tensor, out)
        ctypes.c_uint64.from_address(out[0] + 24).value |= 1
        return status

    kept = function(read_only)
    offered.words[3] = ctypes.cast(kept, ctypes.c_void_p).value
    param, w = torch.zeros(3), np.zeros(3, np.float32)
    with pytest.raises(ValueError, match=r"^parameter: expected a writable array"):
        instep.SGD(param)
    with pytest.raises(ValueError, match=r"^exp_avg: expected a writable array"):
        functional.adam_step(w, w.copy(), torch.zeros(3), w.copy(), step=1)
    instep.SGD(w, lr=1.0).step(torch.ones(3))
    assert w.tolist() == [-1.0] * 3


shown_to_c = pytest.mark.skipif(
    not hasattr(torch.Tensor, "__dlpack_c_exchange_api__"),
    reason="torch shows nothing to C, or that is hidden here",
)


@shown_to_c
@pytest.mark.parametrize(
    ("usable", "major", "borrow", "has_previous"),
    [(1, 1, 1, 0), (0, 2, 1, 0), (0, 0, 1, 0), (0, 1, 0, 0), (1, 2, 1, 1)],
    ids=["as it is", "a newer one", "an older one", "without a function", "a newer and an older"],
)
def test_functions_are_used_where_their_version_is_known(
    usable: int, major: int, borrow: int, has_previous: int
) -> None:
    run_scenario(count_python_exports, usable, major, borrow, has_previous)


@shown_to_c
def test_what_may_not_be_written_is_read() -> None:
    run_scenario(offer_read_only)


LAYOUT = """
#include <ATen/dlpack.h>
#include "bindings/dlpack_abi.hpp"
using namespace instep::dlpack_abi;

#define SAME(ours, member, theirs, its) \\
  static_assert(offsetof(ours, member) == offsetof(theirs, its) && \\
                sizeof(ours::member) == sizeof(theirs::its))
#define SAME_SIZE(ours, theirs) static_assert(sizeof(ours) == sizeof(theirs))

static_assert(DLPACK_MAJOR_VERSION == major_version);
static_assert(kDLCPU == cpu && kDLFloat == floating_point);
static_assert(DLPACK_FLAG_BITMASK_READ_ONLY == read_only);
SAME_SIZE(Version, DLPackVersion);
SAME(Version, major, DLPackVersion, major);
SAME(Version, minor, DLPackVersion, minor);
SAME_SIZE(Device, DLDevice);
SAME(Device, type, DLDevice, device_type);
SAME(Device, id, DLDevice, device_id);
SAME_SIZE(DataType, DLDataType);
SAME(DataType, code, DLDataType, code);
SAME(DataType, bits, DLDataType, bits);
SAME(DataType, lanes, DLDataType, lanes);
SAME_SIZE(Tensor, DLTensor);
SAME(Tensor, data, DLTensor, data);
SAME(Tensor, device, DLTensor, device);
SAME(Tensor, ndim, DLTensor, ndim);
SAME(Tensor, dtype, DLTensor, dtype);
SAME(Tensor, shape, DLTensor, shape);
SAME(Tensor, strides, DLTensor, strides);
SAME(Tensor, byte_offset, DLTensor, byte_offset);
SAME_SIZE(ManagedTensor, DLManagedTensorVersioned);
SAME(ManagedTensor, version, DLManagedTensorVersioned, version);
SAME(ManagedTensor, manager, DLManagedTensorVersioned, manager_ctx);
SAME(ManagedTensor, deleter, DLManagedTensorVersioned, deleter);
SAME(ManagedTensor, flags, DLManagedTensorVersioned, flags);
SAME(ManagedTensor, tensor, DLManagedTensorVersioned, dl_tensor);
SAME_SIZE(ExchangeApi, DLPackExchangeAPI);
SAME(ExchangeApi, version, DLPackExchangeAPI, header.version);
SAME(ExchangeApi, previous, DLPackExchangeAPI, header.prev_api);
SAME(ExchangeApi, allocate, DLPackExchangeAPI, managed_tensor_allocator);
SAME(ExchangeApi, manage, DLPackExchangeAPI, managed_tensor_from_py_object_no_sync);
SAME(ExchangeApi, make_object, DLPackExchangeAPI, managed_tensor_to_py_object_no_sync);
SAME(ExchangeApi, borrow, DLPackExchangeAPI, dltensor_from_py_object_no_sync);
SAME(ExchangeApi, current_stream, DLPackExchangeAPI, current_work_stream);
"""


@shown_to_c
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a compiler")
def test_what_is_read_lies_where_torch_s_own_header_says(tmp_path: Path) -> None:
    source = tmp_path / "layout.cpp"
    source.write_text(LAYOUT, encoding="utf-8")
    headers = Path(torch.__file__).with_name("include")
    command = ["g++", "-std=c++17", "-fsyntax-only", f"-I{headers}", f"-I{ROOT / 'cpp'}"]
    done = subprocess.run([*command, str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16], ids=str)
def test_gradients_in_16_bits_of_the_drop_in(half: torch.dtype) -> None:
    """Torch's own classes refuse them."""
    params = [torch.nn.Parameter(torch.zeros(4, 3)) for _ in range(3)]
    same = [torch.nn.Parameter(torch.zeros(4, 3)) for _ in range(3)]
    ours, expected = make_ours("Adam", params), make_ours("Adam", same)
    for seed in range(3):
        torch.manual_seed(seed)
        dense = torch.randn(3, 4, dtype=half).T
        index = torch.tensor([[2, 0, 2]])
        rows = torch.sparse_coo_tensor(index, torch.randn(3, 3), (4, 3), check_invariants=True)
        recorded = torch.randn(4, 3, requires_grad=True)
        for param, grad in zip(params, (dense, rows.to(half), recorded.to(half)), strict=True):
            param.grad_dtype = half
            param.grad = grad
        for param, other in zip(params, same, strict=True):
            assert param.grad is not None
            other.grad = param.grad.detach().float()
        ours.step()
        expected.step()
    assert all(map(torch.equal, params, same))


@shown_to_c
def test_gradients_in_16_bits() -> None:
    """Of bfloat16 NumPy knows nothing, so that it is seen where torch shows it to C alone."""
    w = np.zeros(3, np.float32)
    instep.SGD(w, lr=1.0).step(torch.full((3,), 2.0**-100, dtype=torch.bfloat16))
    assert w.tolist() == [-(2.0**-100)] * 3
    functional.sgd_step(w, torch.ones(6, dtype=torch.float16)[::2], step=1, lr=1.0)
    assert w.tolist() == [-1.0] * 3
    with pytest.raises(TypeError, match=r"parameter: .*float32 or float64"):
        instep.SGD(torch.ones(3, dtype=torch.bfloat16))
