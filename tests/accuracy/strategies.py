"""Values of options to search among."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

rates = st.floats(2.0**-40, 2.0**40)
below_one = st.floats(0, 1, exclude_max=True)
moments: dict[str, st.SearchStrategy[Any]] = {
    "beta1": below_one,
    "beta2": below_one,
    "eps": rates,
    "decoupled_weight_decay": st.booleans(),
}
