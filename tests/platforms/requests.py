"""What the stepper is asked, and what the reference answers.

Every case of every rule, both dtypes, several numbers of steps; every condition
of a gradient; whatever is stored in 16 bits; the portable functions. The numbers are those of a
training and those that no training should meet: zeros of both signs, subnormals, the largest
numbers, infinity and NaN.
"""

from __future__ import annotations

import inspect
import itertools
import math
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import ml_dtypes
import numpy as np

from instep import _core, reference
from instep.hyperparameters import number_of
from instep.optimizers import class_of
from instep.reference.gradients import RESCALE
from instep.reference.gradients import _sum_of_squares as sum_of_squares
from instep.reference.hashing import _mixed as mixed
from tests.cases import CASES, DTYPES, HALVES, Array, Case, new_scalars
from tests.elementary import ARGUMENTS, portable_values

STEPS = (1, 2, 1000, 2**31 + 1)
SIZE = 203  # no multiple of any vector's length
STORED = (*DTYPES, *HALVES)
GRADIENTS = [(dtype, dtype) for dtype in DTYPES] + [
    (narrow, wide) for narrow in STORED for wide in DTYPES if narrow.itemsize < wide.itemsize
]
"""Types of gradients, and those of parameters to which they widen."""

NORM_SIZES = (0, 1, 17, 4096, 5000, 4 * 4096 + 15, 5 * 4096)


@dataclass(frozen=True)
class Request:
    """A request of the stepper, with the arrays that it must answer."""

    name: str
    line: str
    arrays: Sequence[Array]
    expected: Sequence[Array]

    @property
    def data(self) -> bytes:
        return b"".join([self.line.encode() + b"\n", *(array.tobytes() for array in self.arrays)])


def odd_numbers(dtype: np.dtype[Any]) -> Array:
    """Return numbers at the edges of the format."""
    info: Any = ml_dtypes.finfo(dtype)  # type: ignore[no-untyped-call]  # of bfloat16, too
    edges = [0.0, info.smallest_subnormal, info.tiny, info.eps, 1.0, info.max, np.inf, np.nan]
    return np.array([*edges, *(-each for each in edges)], dtype)


def with_odd_numbers(array: Array, seed: int) -> Array:
    """Return a copy of `array` with odd numbers in a third of its places."""
    rng = np.random.default_rng(seed)
    places = rng.random(array.size) < 1 / 3
    return np.where(places, rng.choice(odd_numbers(array.dtype), array.size), array)


def _encoded(case: Case) -> tuple[list[str], list[str]]:
    """Return the arguments of a rule that are arrays, and its options' values, exact."""
    parameters = inspect.signature(getattr(reference, f"{case.rule}_step")).parameters
    arrays = [name for name, each in parameters.items() if each.kind is each.POSITIONAL_OR_KEYWORD]
    defaults = {
        name: each.default for name, each in parameters.items() if each.default is not each.empty
    }
    # An option that the function does not have is one of the class alone, such as a first value.
    option_names = _core.rules()[case.rule][0]
    options = {**dict.fromkeys(option_names, 0.0), **defaults, **case.options}
    return arrays, [number_of(options[name]).hex() for name in option_names]


def steps() -> Iterator[Request]:
    """Yield a step of each case, dtype and count, with plain and with odd numbers."""
    for case in CASES:
        if class_of(case.rule)._rule.reduced_states:
            continue  # their loops meet what the engine makes of rows
        arguments, options = _encoded(case)
        present = sum(1 << k for k, name in enumerate(arguments[2:]) if name in case.states)
        for dtype, number, odd in itertools.product(DTYPES, STEPS, (False, True)):
            arrays = case.random_arrays(SIZE, dtype, seed=number)
            scalars = new_scalars(case.rule, arrays["param"])
            before = [float(each).hex() for each in scalars.values()]
            if odd:
                for seed, name in enumerate(arrays):
                    arrays[name] = with_odd_numbers(arrays[name], seed)
            expected = {name: array.copy() for name, array in arrays.items()}
            with np.errstate(all="ignore"):
                case.step(reference, {**expected, **scalars}, number)
            order = [name for name in arguments if name in arrays]
            head = f"step {case.rule} {DTYPES.index(dtype)} {SIZE} {present} {number} {(1.0).hex()}"
            yield Request(
                f"{case}, {dtype}, step {number}, {'odd' if odd else 'plain'} numbers",
                " ".join([head, *options, *before]),
                [arrays[name] for name in order],
                [
                    *(expected[name] for name in order if name != "grad"),
                    *([np.array(list(scalars.values()))] if scalars else []),
                ],
            )


def conditions() -> Iterator[Request]:
    """Yield gradients to condition, and to sum the squares of."""
    for (stored, dtype), size, (scale, bound) in itertools.product(
        GRADIENTS, NORM_SIZES, ((1.0, math.inf), (0.25, math.inf), (0.5, 0.125))
    ):
        plain = np.random.default_rng(size).standard_normal(size).astype(stored)
        numbers = f"{STORED.index(stored)} {DTYPES.index(dtype)} {size} {scale.hex()} {bound.hex()}"
        clip = None if bound == math.inf else bound
        for kind, grad in (("plain", plain), ("odd", with_odd_numbers(plain, 1))):
            with np.errstate(all="ignore"):
                # The scales are powers of two: 1 / (1 / scale) is scale.
                [expected] = reference.condition_gradients(
                    [grad.astype(dtype)], grad_scale=1 / scale, clip_value=clip
                )
                blocks = [expected[at : at + 4096] for at in range(0, size, 4096)]
                sums, rescaled = (
                    np.array([sum_of_squares([block], rescale) for block in blocks])
                    for rescale in (1.0, RESCALE)
                )
            if kind == "plain":
                plain_sums = sums
            name = f"{numbers} {kind}"
            yield Request(f"condition {name}", f"condition {numbers}", [grad], [expected])
            yield Request(f"squares {name}", f"squares {numbers} 1 0", [grad], [sums])
            up = f"squares {numbers} {RESCALE.hex()} 0"
            yield Request(f"rescaled {name}", up, [grad], [rescaled])
        yield Request(f"guarded {numbers}", f"squares {numbers} 1 1", [plain], [plain_sums])


def odd_patterns() -> Array:
    """Return float32 numbers: ties, ends of ranges, subnormals, NaNs and their neighbours."""
    rng = np.random.default_rng(0)
    upper = np.unique([*rng.integers(0, 1 << 15, 2000), *range(8), *range(0x7F70, 0x8000)])
    upper = np.concatenate([upper, upper | 0x8000])
    lower = [0, 1, 0xFFF, 0x1000, 0x1001, 0x3000, 0x7FFF, 0x8000, 0x8001, 0xFFFF, 0x5A5A]
    bits: Array = np.add.outer(upper << 16, lower).astype(np.uint32)
    return bits.reshape(-1).view(np.float32)


def storage() -> Iterator[Request]:
    """Yield what is stored in 16 bits: plain numbers, and among them such that are special."""
    plain = np.random.default_rng(1).standard_normal(SIZE).astype(np.float32)
    patterns = np.arange(1 << 16, dtype=np.uint16)
    for half in HALVES:
        line = f"widen {STORED.index(half)} {patterns.size}"
        numbers = patterns.view(half)
        yield Request(line, line, [numbers], [numbers.astype(np.float32)])
    for values in (plain, odd_patterns()):
        yield from _narrowed(values)
        line = f"split {values.size}"
        yield Request(line, line, [values], reference.split_master(values))
    params = np.repeat(patterns, 5).view(HALVES[1])
    rests = np.tile(np.array([-(2**15), -1, 0, 1, 2**15 - 1], np.int16), patterns.size)
    line = f"join {params.size}"
    yield Request(line, line, [params, rests], [reference.join_master(params, rests)])
    for key, index, stride in ((0x0123456789ABCDEF, 0, 1), (2**64 - 5, 2**32 - 7, 2**32 - 3)):
        line = f"random {key & 0xFFFFFFFF} {key >> 32} {index} {stride} {SIZE}"
        indices = ((index + stride * np.arange(SIZE)) % 2**32).astype(np.uint32)
        yield Request(line, line, [], [mixed(indices, key)])


def _narrowed(values: Array) -> Iterator[Request]:
    """Yield the ways to round float32 numbers, and float64 ones near them."""
    words = np.random.default_rng(2).integers(0, 2**32, values.size, dtype=np.uint32)
    for stored, dtype in itertools.product((np.dtype(np.float32), *HALVES), DTYPES):
        with np.errstate(all="ignore"):
            numbers = values.astype(dtype)
            if dtype == np.float64:  # some a hair above a tie, some a hair below
                numbers = numbers * (1 + 2.0**-50 * (words % 3 - 1.0))
        line = f"nearest {STORED.index(stored)} {DTYPES.index(dtype)} {values.size}"
        yield Request(line, line, [numbers], [reference.narrow(numbers, stored)])
    for stored, upper in itertools.product(HALVES, (0, 1)):
        random = (words >> 16 * upper).astype(np.uint16)
        line = f"chance {STORED.index(stored)} {upper} {values.size}"
        yield Request(line, line, [values, words], [reference.narrow(values, stored, random)])


def exchanges() -> Iterator[Request]:
    """Yield ways from one point to the other, and back."""
    for dtype, beta, odd in itertools.product(DTYPES, (0.25, 0.9), (False, True)):
        rng = np.random.default_rng(0)
        param, state = rng.standard_normal((2, SIZE)).astype(dtype)
        if odd:
            param, state = with_odd_numbers(param, 0), with_odd_numbers(state, 1)
        ways: dict[Literal["eval", "train"], float] = {"eval": 1.0 / beta, "train": beta}
        for to, kept in ways.items():
            expected = param.copy()
            reference.exchange_points(expected, state, beta=beta, to=to)
            line = f"exchange {DTYPES.index(dtype)} {SIZE} {kept.hex()}"
            name = f"{line} {'odd' if odd else 'plain'}"
            yield Request(name, line, [param, state], [expected])


def elementary() -> Iterator[Request]:
    """Yield arguments of the portable functions."""
    for name, (x, y) in ARGUMENTS.items():
        line = f"portable {name} {x.size}"
        yield Request(line, line, [x, y], [np.array(portable_values(name, x, y))])


def answers(command: Sequence[str], requests: Sequence[Request]) -> list[list[Array]]:
    """Return what the stepper answers."""
    done = subprocess.run(
        command, input=b"".join(each.data for each in requests), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    result, at = [], 0
    for request in requests:
        arrays = []
        for wanted in request.expected:
            arrays.append(np.frombuffer(done.stdout, wanted.dtype, wanted.size, at))
            at += wanted.nbytes
        result.append(arrays)
    assert at == len(done.stdout)
    return result
