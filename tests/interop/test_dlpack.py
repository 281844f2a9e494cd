"""Other libraries' arrays in the place of ndarrays: what is accepted, and what is refused."""

from __future__ import annotations

import copy
import gc
import weakref
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest

import instep
from instep import RowGradient, _core, functional, line_search, reference
from tests.api.model import (
    VARIANTS,
    alone,
    assert_same,
    copied,
    each_variant,
    make,
    params_of,
    random_arrays,
    refused,
)
from tests.cases import FEW_CASES, Array, Case
from tests.interop.exporters import (
    CUDA,
    CUDA_HOST,
    METAL,
    Copying,
    Exporter,
    Failing,
    FirstProtocol,
    NeedsGradient,
    Negated,
)

# There, what is written is refused instead.
writes_through_dlpack = pytest.mark.xfail(
    np.lib.NumpyVersion(np.__version__) < "2.1.0",
    reason="NumPy 2.0 sees the memory of others read-only",
    raises=ValueError,
)


def f32(*shape: int) -> Array:
    return np.ones(shape, np.float32)


def exported(arrays: list[Array]) -> list[Exporter]:
    return [Exporter(array) for array in arrays]


def mixed_arrays() -> list[Array]:
    """Return parameters of several dtypes and layouts."""
    return [
        np.zeros((3, 4), np.float32),
        np.zeros((5, 3)).T,
        np.zeros(()),
        np.zeros((4, 6), np.float32)[:, ::2],
        np.zeros((2, 0)),
    ]


def started(params: list[Array], seed: int) -> list[Array]:
    for param, values in zip(params, random_arrays(params, seed), strict=True):
        param[...] = values
    return params


@each_variant
def test_gradients_step_as_the_ndarrays_that_they_show(name: str, options: dict[str, Any]) -> None:
    params, same = started(mixed_arrays(), 1), started(mixed_arrays(), 1)
    optimizer, expected = make(name, params, **options), make(name, same, **options)
    for seed in range(3):
        grads = random_arrays(params, seed)
        optimizer.step(exported(grads))
        expected.step(grads)
    assert_same(optimizer.state_dict(), expected.state_dict())
    assert_same(params, same)


@writes_through_dlpack
@each_variant
def test_parameters_are_stepped_in_their_own_memory(name: str, options: dict[str, Any]) -> None:
    params, same = started(mixed_arrays(), 1), started(mixed_arrays(), 1)
    optimizer, expected = make(name, exported(params), **options), make(name, same, **options)
    for seed in range(3):
        grads = random_arrays(params, seed)
        optimizer.step(grads)
        expected.step(grads)
    assert_same(optimizer.state_dict(), expected.state_dict())
    assert_same(params, same)


STRUCTURES: dict[str, Callable[[Any, Any], tuple[Any, Any]]] = {
    "alone": lambda param, grad: (param, grad),
    "a list": lambda param, grad: ([param], [grad]),
    "a generator": lambda param, grad: ((each for each in [param]), (each for each in [grad])),
    "a mapping": lambda param, grad: ({"w": param}, {"w": grad}),
    "a group": lambda param, grad: ([{"params": param}], [grad]),
    "a group of a list": lambda param, grad: ([{"params": [param]}], (grad,)),
    "a group of a mapping": lambda param, grad: ([{"params": {"w": param}}], [grad]),
}


@writes_through_dlpack
@pytest.mark.parametrize("structure", STRUCTURES.values(), ids=list(STRUCTURES))
def test_every_structure_takes_them(structure: Callable[[Any, Any], tuple[Any, Any]]) -> None:
    w = f32(3, 4)
    params, grads = structure(Exporter(w), Exporter(f32(3, 4)))
    instep.SGD(params, lr=1.0).step(grads)
    assert w.tolist() == np.zeros((3, 4)).tolist()


@writes_through_dlpack
def test_a_group_that_is_added_takes_them() -> None:
    w, b = f32(4), f32(2)
    optimizer = instep.SGD([w], lr=1.0)
    optimizer.add_param_group({"params": Exporter(b), "lr": 0.5})
    optimizer.step([Exporter(f32(4)), Exporter(f32(2))])
    assert (w.tolist(), b.tolist()) == ([0.0] * 4, [0.5] * 2)


@writes_through_dlpack
@pytest.mark.parametrize("case", FEW_CASES, ids=str)
@pytest.mark.parametrize("implementation", [functional, reference])
@pytest.mark.parametrize("many", [False, True], ids=["one", "sequences"])
def test_functions_take_them_for_every_array(implementation: Any, case: Case, many: bool) -> None:
    arrays = case.random_arrays((3, 4), np.dtype(np.float32))
    same = {name: array.copy() for name, array in arrays.items()}
    given: dict[str, Any] = {name: Exporter(array) for name, array in arrays.items()}
    case.step(implementation, {name: [each] for name, each in given.items()} if many else given)
    case.step(implementation, same)
    assert_same(arrays, same)


def test_the_reference_mixes_them_with_ndarrays() -> None:
    w, buffer = f32(4), np.zeros(4, np.float32)
    reference.sgd_step(w, Exporter(f32(4)), buffer, step=1, lr=1.0, momentum=0.5)
    reference.sgd_step(w, f32(4), momentum_buffer=buffer, step=2, lr=1.0, momentum=0.5)
    assert w.tolist() == [-1.5] * 4


def test_the_conditions_of_the_reference_take_them() -> None:
    grads = random_arrays([f32(3), f32(2, 2)], seed=0)
    assert reference.grad_norm(exported(grads)) == reference.grad_norm(grads)
    assert_same(
        reference.condition_gradients(exported(grads), clip_norm=0.5),
        reference.condition_gradients(grads, clip_norm=0.5),
    )


def test_gradients_of_rows_take_them() -> None:
    rows, values = np.array([2, 0, 2]), random_arrays([f32(3, 2)], seed=0)[0]
    gradient = RowGradient(Exporter(rows), Exporter(values))
    assert np.shares_memory(gradient.rows, rows)
    assert np.shares_memory(gradient.values, values)
    table, same = f32(4, 2), f32(4, 2)
    instep.Adagrad(table).step(gradient)
    instep.Adagrad(same).step(RowGradient(rows, values))
    assert_same(table, same)


@writes_through_dlpack
def test_a_line_search_takes_them() -> None:
    w = np.full(3, 2.0)
    optimizer = line_search.ArmijoSGD(Exporter(w), batch_fraction=1.0, initial_lr=0.25)
    optimizer.step(lambda: float(w @ w), Exporter(2 * w))
    assert w.tolist() == [1.0] * 3
    groups: Any = [{"params": Exporter(w)}]
    with pytest.raises(TypeError, match="got groups"):
        line_search.ArmijoSGD(groups, batch_fraction=1.0)


def test_conditions_see_them() -> None:
    w = f32(2)
    optimizer = instep.SGD(w, clip_norm=1.0, nonfinite="raise")
    optimizer.step(Exporter(np.array([3.0, 4.0], np.float32)))
    assert optimizer.last_grad_norm == 5.0
    with pytest.raises(FloatingPointError, match="index"):
        optimizer.step(Exporter(np.array([3.0, np.nan], np.float32)))


def test_nothing_is_copied() -> None:
    grad = np.zeros(1_000_000, np.float32)
    view = _core.as_ndarray(Exporter(grad), "gradient")
    assert view.ctypes.data == grad.ctypes.data
    array = f32(3)
    assert _core.as_ndarray(array, "gradient") is array


@writes_through_dlpack
def test_the_optimizer_shows_and_keeps_the_memory_of_its_parameters() -> None:
    memory = f32(4)
    exporter = Exporter(memory)
    optimizer = instep.Adam([exporter])
    (param,) = params_of(optimizer)
    assert type(param) is np.ndarray
    assert np.shares_memory(param, memory)


class Owner(np.ndarray[Any, np.dtype[Any]]):
    """Memory whose end can be seen."""


@writes_through_dlpack
def test_a_parameter_lives_as_long_as_its_optimizer() -> None:
    memory = f32(1000).view(Owner)
    alive = weakref.ref(memory)
    optimizer = instep.SGD(Exporter(memory), lr=1.0)
    del memory
    gc.collect()
    assert alive() is not None
    optimizer.step(f32(1000))
    assert params_of(optimizer)[0].tolist() == [0.0] * 1000
    del optimizer
    gc.collect()
    assert alive() is None


def test_a_gradient_is_let_go_after_its_step() -> None:
    grad = f32(1000).view(Owner)
    alive = weakref.ref(grad)
    optimizer = instep.SGD(f32(1000))
    optimizer.step(Exporter(grad))
    del grad
    gc.collect()
    assert alive() is None
    optimizer.step(f32(1000))


def test_another_gradient_in_the_memory_of_the_last_is_read() -> None:
    w, grad = np.zeros(4, np.float32), f32(4)
    optimizer = instep.SGD(w, lr=1.0)
    for value in (1.0, 2.0, 4.0):
        grad[...] = value
        optimizer.step(Exporter(grad))
    assert w.tolist() == [-7.0] * 4


@writes_through_dlpack
def test_copies_have_parameters_of_their_own() -> None:
    memory = f32(4)
    optimizer = instep.SGD(Exporter(memory), lr=1.0)
    twin = copy.deepcopy(optimizer)
    twin.step(f32(4))
    assert (memory.tolist(), params_of(twin)[0].tolist()) == ([1.0] * 4, [0.0] * 4)


def test_pinned_memory_is_the_host_s() -> None:
    w = f32(4)
    instep.SGD(w, lr=1.0).step(Exporter(f32(4), CUDA_HOST))
    assert w.tolist() == [0.0] * 4


def read_only(array: Array) -> Array:
    array.setflags(write=False)
    return array


Errors: TypeAlias = type[Exception] | tuple[type[Exception], ...]

REFUSED: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "CUDA": (lambda: Exporter(f32(4), CUDA), TypeError, "Exporter on CUDA; copy it to the CPU"),
    "Metal": (lambda: Exporter(f32(4), METAL), TypeError, "on Metal"),
    "a device without a name": (lambda: Exporter(f32(4), 77), TypeError, "device type 77"),
    "a dtype that NumPy lacks": (
        lambda: Failing(RuntimeError("Unsupported dtype in DLTensor.")),
        TypeError,
        r"Failing \(Unsupported dtype.*float32 or float64",
    ),
    "float64": (lambda: Exporter(np.ones(4)), TypeError, "float32.*float64"),
    "integers": (lambda: Exporter(np.ones(4, np.int32)), TypeError, "float32.*int32"),
    "another shape": (lambda: Exporter(f32(5)), ValueError, r"\(4,\).*\(5,\)"),
    "one that needs a gradient": (
        lambda: NeedsGradient(BufferError("Can't export")),
        TypeError,
        r"Can't export\); pass its .detach\(\)",
    ),
    "one that would have to copy": (
        lambda: Failing(BufferError("not contiguous\nand more")),
        TypeError,
        r"\(not contiguous\); pass",
    ),
    "one whose message cannot be made": (
        lambda: Failing(ValueError("\ud800")),
        TypeError,
        r"\(ValueError\); pass",
    ),
    "negated": (
        lambda: Negated(f32(4)),
        TypeError,
        r"Negated that has the numbers of its memory negated; pass its \.resolve_neg\(\)",
    ),
    "one without a device": (
        lambda: type("Half", (), {"__dlpack__": Exporter.__dlpack__})(),
        TypeError,
        "Half.*__dlpack_device__",
    ),
}

each_refused = pytest.mark.parametrize(
    ("wrong", "error", "match"), REFUSED.values(), ids=list(REFUSED)
)


@each_refused
def test_gradients_that_are_refused(
    wrong: Callable[[], Any], error: type[Exception], match: str
) -> None:
    w, b = random_arrays([f32(3, 4), f32(4)], seed=3)
    optimizer = instep.Adam([w, b])
    optimizer.step([f32(3, 4), f32(4)])
    with refused(error, f"gradient of parameter 1.*{match}", optimizer):
        optimizer.step([Exporter(f32(3, 4)), wrong()])


NO_PARAMETERS: dict[str, tuple[Callable[[], Any], Errors, str]] = {
    name: row for name, row in REFUSED.items() if name not in ("float64", "another shape")
} | {
    # NumPy 2.0 does not even export one.
    "read-only": (lambda: Exporter(read_only(f32(4))), (TypeError, ValueError), "read-?only"),
    "one that copies": (lambda: Copying(f32(4)), ValueError, "read-only"),
    "the first protocol": (lambda: FirstProtocol(f32(4)), ValueError, "read-only"),
}


@pytest.mark.parametrize(
    ("wrong", "error", "match"), NO_PARAMETERS.values(), ids=list(NO_PARAMETERS)
)
def test_parameters_that_are_refused(wrong: Callable[[], Any], error: Errors, match: str) -> None:
    optimizer = instep.Adam([f32(3, 4)])
    for name, group in {"1": [wrong()], "'b'": {"b": wrong()}}.items():
        with refused(error, f"parameter {name}: .*{match}", optimizer):
            optimizer.add_param_group({"params": group})
    with pytest.raises(error, match=f"^parameter: .*{match}"):
        instep.Adam(wrong())
    with pytest.raises(error, match=f"^parameter: .*{match}"):
        functional.sgd_step(wrong(), f32(4), step=1, lr=1.0)


@each_refused
def test_arrays_that_functions_refuse(
    wrong: Callable[[], Any], error: type[Exception], match: str
) -> None:
    for position, name in enumerate(["gradient", "exp_avg", "exp_avg_sq"], start=1):
        arrays: list[Any] = [np.zeros(4, np.float32) for _ in range(4)]
        rest = [array for k, array in enumerate(arrays) if k != position]
        arrays[position] = wrong()
        before = copied(rest)
        with pytest.raises(error, match=f"^{name}: .*{match}"):
            functional.adam_step(*arrays, step=1, lr=0.5)
        assert_same(rest, before)


def test_rows_that_are_refused() -> None:
    with pytest.raises(TypeError, match=r"^rows: .*on CUDA"):
        RowGradient(Exporter(np.arange(2), CUDA), f32(2, 2))
    with pytest.raises(TypeError, match=r"^values: .*on CUDA"):
        RowGradient(np.arange(2), Exporter(f32(2, 2), CUDA))
    with pytest.raises(TypeError, match=r"rows of the gradient.*integer.*float32"):
        instep.SGD(f32(4, 2)).step(RowGradient(Exporter(f32(2)), f32(2, 2)))


def test_memory_on_a_device_is_not_even_asked_for() -> None:
    exporter = Exporter(f32(4), CUDA)
    with pytest.raises(TypeError, match="CUDA"):
        instep.SGD(f32(4)).step(exporter)
    assert exporter.exports == 0


def test_an_array_is_no_sequence_of_its_rows() -> None:
    class Rows(Exporter):
        def __len__(self) -> int:
            return len(self.array)

        def __getitem__(self, index: int) -> Array:
            row: Array = self.array[index]
            return row

    optimizer = instep.SGD([f32(4), f32(4)])
    with refused(TypeError, "sequence of 2 arrays.*Rows", optimizer):
        optimizer.step(Rows(f32(2, 4)))
    with pytest.raises(TypeError, match=r"sequence of arrays.*Rows"):
        functional.sgd_step([f32(4), f32(4)], Rows(f32(2, 4)), step=1, lr=1.0)


def test_a_gradient_in_its_parameter_s_memory_is_seen() -> None:
    memory = f32(6)
    optimizer = instep.SGD(memory[:4])
    with pytest.raises(ValueError, match="share memory"):
        optimizer.step(Exporter(memory[2:]))


@writes_through_dlpack
def test_parameters_in_the_same_memory_are_seen() -> None:
    memory = f32(6)
    optimizer = instep.SGD([f32(2)])
    optimizer.add_param_group({"params": Exporter(memory[:4])})
    with pytest.raises(ValueError, match="share memory"):
        optimizer.add_param_group({"params": Exporter(memory[2:])})


def test_an_exporter_cannot_step_within_a_step() -> None:
    class Stepping(Exporter):
        def __dlpack__(self, **options: Any) -> Any:
            optimizer.step([f32(4), f32(4)])
            return super().__dlpack__(**options)

    optimizer = instep.Adam([f32(4), f32(4)])
    with refused(TypeError, "gradient of parameter 1: .*in the middle of a step", optimizer):
        optimizer.step([f32(4), Stepping(f32(4))])


@pytest.mark.parametrize("error", [MemoryError(), KeyboardInterrupt()], ids=repr)
def test_what_is_not_the_exporter_s_error_stays_itself(error: BaseException) -> None:
    optimizer = instep.SGD(f32(4))
    with pytest.raises(type(error)) as caught:
        optimizer.step(Failing(error))
    assert caught.value is error


def test_the_exporter_s_error_is_the_cause() -> None:
    error = BufferError("no")
    with pytest.raises(TypeError) as caught:
        instep.SGD(f32(4)).step(Failing(error))
    assert caught.value.__cause__ is error


def test_what_speaks_the_first_protocol_is_read() -> None:
    w = f32(4)
    instep.SGD(w, lr=1.0).step(FirstProtocol(f32(4)))
    assert w.tolist() == [0.0] * 4


class TestTorch:
    """The real thing: tensors of torch."""

    @writes_through_dlpack
    def test_a_tensor_is_stepped_in_place(self) -> None:
        torch: Any = pytest.importorskip("torch")
        weight, bias = torch.ones(2, 3).T, torch.zeros(2, dtype=torch.float64)
        optimizer = instep.SGD([weight, bias], lr=1.0)
        optimizer.step([torch.full((3, 2), 0.25), torch.ones(2, dtype=torch.float64)])
        assert weight.tolist() == [[0.75, 0.75]] * 3
        assert bias.tolist() == [-1.0, -1.0]

    @writes_through_dlpack
    @pytest.mark.parametrize(("name", "options"), VARIANTS[:1] + VARIANTS[4:5])
    def test_training_equals_that_of_ndarrays(self, name: str, options: dict[str, Any]) -> None:
        torch: Any = pytest.importorskip("torch")
        params, same = (started([f32(3, 4), f32(4)], 1) for _ in range(2))
        tensors = [torch.tensor(param) for param in params]
        optimizer, expected = make(name, tensors, **options), make(name, same, **options)
        for seed in range(5):
            grads = random_arrays(params, seed)
            optimizer.step([torch.tensor(grad) for grad in grads])
            expected.step(grads)
        assert_same([tensor.numpy() for tensor in tensors], same)

    @writes_through_dlpack
    def test_a_tensor_outlives_its_name(self) -> None:
        torch: Any = pytest.importorskip("torch")
        optimizer = instep.SGD(torch.ones(1000), lr=1.0)
        gc.collect()
        torch.zeros(1000)
        optimizer.step(torch.ones(1000))
        assert params_of(optimizer)[0].tolist() == [0.0] * 1000

    def test_what_is_refused(self) -> None:
        torch: Any = pytest.importorskip("torch")
        optimizer = instep.SGD(f32(4))
        for tensor, match in {
            torch.ones(4, requires_grad=True): r"pass its \.detach\(\)",
            torch.ones(4).to_sparse(): "dense",
            torch.ones(4, device="meta"): "meta",
            torch.ones(4, dtype=torch.complex64).conj().imag: r"\.resolve_neg\(\)",
        }.items():
            with refused(TypeError, f"gradient: .*Tensor.*{match}", optimizer, structure=alone):
                optimizer.step(tensor)
            with pytest.raises(TypeError, match=f"parameter 0: .*Tensor.*{match}"):
                instep.SGD([tensor])
