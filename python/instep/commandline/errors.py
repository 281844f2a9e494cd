"""Errors of the command line, and what it needs beyond NumPy."""

from __future__ import annotations

import importlib.util


class CommandError(Exception):
    """What a user of the command can mend; printed as one line, without a traceback."""


class MissingExtraError(CommandError):
    """A package that an optional part needs is not installed."""


def require(*modules: str, extra: str) -> None:
    """Raise `MissingExtraError`, with the command that installs them, unless `modules` exist."""
    missing = [module for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        raise MissingExtraError(
            f"this command needs {', '.join(missing)}; install with: pip install 'instep[{extra}]'"
        )
