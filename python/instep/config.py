"""Threads, and what this build is."""

from __future__ import annotations

from typing import Any, Literal, overload

import numpy as np

import instep._core as _core
from instep.numbers import as_integer


def set_num_threads(n: int | None) -> None:
    """Cap the threads of a step, in this library alone.

    A step takes the least of this cap and what OpenMP would take by itself (``OMP_NUM_THREADS``,
    threadpoolctl); small steps take one. The result of a step does not depend on it.

    Parameters
    ----------
    n : int or None
        At least 1; None takes the cap away.

    Raises
    ------
    TypeError
        When `n` is neither an integer nor None.
    ValueError
        When `n` is less than 1.

    Examples
    --------
    >>> import instep
    >>> instep.set_num_threads(1)
    >>> instep.get_num_threads()
    1
    >>> instep.set_num_threads(None)
    """
    if n is None:
        _core.set_thread_cap(0)
        return
    cap = as_integer(n)
    if cap is None:
        raise TypeError(f"n: expected an integer or None, got {n!r}")
    if cap < 1:
        raise ValueError(f"n: expected at least 1 (or None for no cap), got {cap}")
    _core.set_thread_cap(min(cap, 2**31 - 1))


def get_num_threads() -> int:
    """Return how many threads a large step would take now.

    Returns
    -------
    int
        The least of the cap, OpenMP's own number and a bound that keeps absurd settings from
        being fatal; 1 without OpenMP and in a forked child.

    Examples
    --------
    >>> import instep
    >>> instep.get_num_threads() >= 1
    True
    """
    return _core.max_threads()


@overload
def show_config(mode: Literal["stdout"] = ...) -> None: ...
@overload
def show_config(mode: Literal["dicts"]) -> dict[str, Any]: ...
def show_config(mode: Literal["stdout", "dicts"] = "stdout") -> dict[str, Any] | None:
    """Show version, compiler, flags, instruction sets, OpenMP runtime and threads.

    Parameters
    ----------
    mode : {"stdout", "dicts"}
        Print as JSON, or return a dictionary.

    Returns
    -------
    dict or None
        With ``mode="dicts"`` the dictionary: ``version``, ``compiler``, ``flags``, ``openmp`` (the
        runtime's name, None without OpenMP), ``isa`` with the lists ``built`` and ``supported``
        and the name ``chosen`` (``INSTEP_ISA`` in the environment takes another), ``num_threads``.

    Raises
    ------
    ValueError
        When `mode` is neither.

    Examples
    --------
    >>> import instep
    >>> "baseline" in instep.show_config("dicts")["isa"]["supported"]
    True
    """
    build = _core.build_config()
    config = {
        "version": _core.__version__,
        "numpy": np.__version__,
        "compiler": build["compiler"],
        "flags": build["flags"],
        "openmp": build["openmp"] or None,
        "isa": build["isa"],
        "num_threads": get_num_threads(),
    }
    if mode == "dicts":
        return config
    if mode == "stdout":
        import json  # a tenth of the time that importing instep takes

        print(json.dumps(config, indent=2))
        return None
    raise ValueError(f"mode: expected 'stdout' or 'dicts', got {mode!r}")
