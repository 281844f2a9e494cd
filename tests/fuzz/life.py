"""Coverage-guided fuzzing of an optimizer's whole life, against the model.

``python -m tests.fuzz.life -len_control=0 -max_len=800 tests/fuzz/corpus/life`` with atheris. What
Hypothesis draws in ``tests/api/test_life.py`` comes from libFuzzer here, which keeps the bytes that
reach new code.
"""

from __future__ import annotations

import sys

import atheris
from hypothesis import settings
from hypothesis.stateful import get_state_machine_test

from tests.api.test_life import Life
from tests.fuzz.instrument import instrument_package


def main() -> None:
    """Fuzz until an option of libFuzzer, or a failure, ends it."""
    test = get_state_machine_test(
        Life, settings=settings(stateful_step_count=20, database=None, deadline=None)
    )
    instrument_package()
    atheris.Setup(sys.argv, test.hypothesis.fuzz_one_input)  # type: ignore[attr-defined]
    atheris.Fuzz()


if __name__ == "__main__":
    main()
