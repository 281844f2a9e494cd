"""What is stored in 16 bits, and how it is rounded: the combinations that are compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import DTypeLike

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
STATES = ("exp_avg", "exp_avg_sq")
BASE = "float32"


@dataclass(frozen=True, kw_only=True)
class Combination:
    """Adam with weights of a dtype, perhaps a copy of them for the network, and `options`.

    `subject` is what is stored in 16 bits: the combinations of one are drawn together.
    """

    title: str
    subject: str = ""
    weights: DTypeLike = np.float32
    copies: DTypeLike | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def trained(self) -> np.dtype[Any]:
        """The dtype of what the network computes with, and of its gradients."""
        return np.dtype(self.weights if self.copies is None else self.copies)

    @property
    def bytes_per_element(self) -> int:
        """The bytes that a step reads and writes for an element."""
        stored = self.options.get("state_dtype")
        states = [stored[name] if isinstance(stored, dict) else stored for name in STATES]
        rest = np.int16().itemsize if "master_weight_bits" in self.options else 0
        kept = rest + sum(
            np.dtype(dtype or np.float32).itemsize for dtype in (self.weights, *states)
        )
        written = 0 if self.copies is None else np.dtype(self.copies).itemsize
        return 2 * kept + written + self.trained.itemsize


NEAREST: Mapping[str, Any] = {"state_dtype": BFLOAT16, "state_rounding": "nearest"}
STOCHASTIC: Mapping[str, Any] = {"state_dtype": BFLOAT16, "state_rounding": "stochastic"}

COMBINATIONS = (
    Combination(title=BASE),
    Combination(title="bfloat16, nearest", subject="states", options=NEAREST),
    Combination(title="bfloat16, stochastic", subject="states", options=STOCHASTIC),
    Combination(
        title="mean in float16, squares in bfloat16",
        subject="states",
        options={"state_dtype": {"exp_avg": np.float16, "exp_avg_sq": BFLOAT16}},
    ),
    Combination(title="float16, stochastic", subject="states", options={"state_dtype": np.float16}),
    Combination(title="bfloat16, nearest", subject="weights", weights=BFLOAT16),
    Combination(
        title="bfloat16, stochastic",
        subject="weights",
        weights=BFLOAT16,
        options={"param_rounding": "stochastic"},
    ),
    Combination(
        title="bfloat16 with its master",
        subject="weights",
        weights=BFLOAT16,
        options={"master_weight_bits": 32},
    ),
    Combination(title="float32 with a copy in bfloat16", subject="weights", copies=BFLOAT16),
    Combination(
        title="all nearest", subject="weights and states", weights=BFLOAT16, options=NEAREST
    ),
    Combination(
        title="all stochastic",
        subject="weights and states",
        weights=BFLOAT16,
        options={**STOCHASTIC, "param_rounding": "stochastic"},
    ),
    Combination(
        title="master, states stochastic",
        subject="weights and states",
        weights=BFLOAT16,
        options={**STOCHASTIC, "master_weight_bits": 32},
    ),
)
"""All of them: float32 first, then those of each subject."""

SUBJECTS = tuple(dict.fromkeys(each.subject for each in COMBINATIONS[1:]))
