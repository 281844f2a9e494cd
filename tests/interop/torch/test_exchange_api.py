"""The functions by which torch shows its tensors to C: which are used, and what lies where."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

import instep
from instep import functional
from tests.interop.torch.training import shown_to_c
from tests.processes import ROOT, run_scenario


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


LAID_DOWN: dict[tuple[str, str], dict[str, str]] = {
    ("Version", "DLPackVersion"): {"major": "major", "minor": "minor"},
    ("Device", "DLDevice"): {"type": "device_type", "id": "device_id"},
    ("DataType", "DLDataType"): {"code": "code", "bits": "bits", "lanes": "lanes"},
    ("Tensor", "DLTensor"): {
        name: name
        for name in ("data", "device", "ndim", "dtype", "shape", "strides", "byte_offset")
    },
    ("ManagedTensor", "DLManagedTensorVersioned"): {
        "version": "version",
        "manager": "manager_ctx",
        "deleter": "deleter",
        "flags": "flags",
        "tensor": "dl_tensor",
    },
    ("ExchangeApi", "DLPackExchangeAPI"): {
        "version": "header.version",
        "previous": "header.prev_api",
        "allocate": "managed_tensor_allocator",
        "manage": "managed_tensor_from_py_object_no_sync",
        "make_object": "managed_tensor_to_py_object_no_sync",
        "borrow": "dltensor_from_py_object_no_sync",
        "current_stream": "current_work_stream",
    },
}
"""Our structs and torch's, with their members."""


def layout_source() -> str:
    """Return C++ that compiles where ours lie in memory as torch's do."""
    equal = [
        ("DLPACK_MAJOR_VERSION", "major_version"),
        ("int(kDLCPU)", "cpu"),
        ("int(kDLFloat)", "floating_point"),
        ("int(kDLBfloat)", "brain_floating_point"),
        ("DLPACK_FLAG_BITMASK_READ_ONLY", "read_only"),
    ]
    for (ours, theirs), members in LAID_DOWN.items():
        equal.append((f"sizeof({ours})", f"sizeof({theirs})"))
        for member, its in members.items():
            equal.append((f"offsetof({ours}, {member})", f"offsetof({theirs}, {its})"))
            equal.append((f"sizeof({ours}::{member})", f"sizeof({theirs}::{its})"))
    return "\n".join(
        [
            "#include <ATen/dlpack.h>",
            '#include "bindings/dlpack_abi.hpp"',
            "using namespace instep::dlpack_abi;",
            *(f"static_assert({one} == {other});" for one, other in equal),
        ]
    )


@shown_to_c
@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a compiler")
def test_what_is_read_lies_where_torch_s_own_header_says(tmp_path: Path) -> None:
    source = tmp_path / "layout.cpp"
    source.write_text(layout_source(), encoding="utf-8")
    headers = Path(torch.__file__).with_name("include")
    command = ["g++", "-std=c++17", "-fsyntax-only", f"-I{headers}", f"-I{ROOT / 'cpp'}"]
    done = subprocess.run([*command, str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
