"""Comparisons bit for bit."""

from typing import Any

import numpy as np

from instep import functional, reference
from tests.cases import Arguments, Array, Case


def assert_same_bits(actual: Array, expected: Array, what: str = "array") -> None:
    """Fail unless all bits are equal, or both elements NaN of whatever sign and payload."""
    assert actual.dtype == expected.dtype, f"{what}: {actual.dtype} is not {expected.dtype}"
    assert actual.shape == expected.shape, f"{what}: {actual.shape} is not {expected.shape}"
    got, wanted = (np.array(array, order="C").reshape(-1) for array in (actual, expected))
    bits = np.dtype(f"u{got.itemsize}")
    differs = got.view(bits) != wanted.view(bits)
    with np.errstate(invalid="ignore"):  # ml_dtypes' isnan warns of some NaNs
        differs &= ~(np.isnan(got) & np.isnan(wanted))
    if differs.any():
        first = int(differs.argmax())
        index = tuple(int(i) for i in np.unravel_index(first, actual.shape))
        raise AssertionError(
            f"{what}: {differs.sum()} of {differs.size} elements differ, the first at {index}: "
            f"got {_spelled(got[first])}, expected {_spelled(wanted[first])}"
        )


def assert_step_equals_reference(
    case: Case, arrays: Arguments, number: int = 1, what: str = ""
) -> None:
    """Take one step on `arrays` and fail unless the reference does the same to copies of them."""
    expected = {
        name: [None if a is None else np.array(a, order="C") for a in each(arrays[name])]
        for name in arrays
    }
    with np.errstate(all="ignore"):
        case.step(reference, expected, number)
    case.step(functional, arrays, number)
    for name, wanted in expected.items():
        for position, (ours, theirs) in enumerate(zip(each(arrays[name]), wanted, strict=True)):
            if theirs is None:
                continue
            assert_same_bits(ours, theirs, f"{name} {position} after step {number} {what}")


def each(arrays: Any) -> list[Any]:
    """Return the arrays of one argument: a single array, or a sequence with None for some."""
    return [arrays] if isinstance(arrays, np.ndarray) else list(arrays)


def _spelled(value: np.floating[Any]) -> str:
    return f"{value} = {float(value).hex()} = 0x{value.tobytes()[::-1].hex()}"
