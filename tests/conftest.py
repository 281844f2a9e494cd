"""Fixtures and settings that several test files share."""

import gc
from collections.abc import Iterator

import pytest
from hypothesis import settings

from instep import _core

# Times vary with the machine, and an example that failed must be seen to be repeated.
settings.register_profile("instep", deadline=None, print_blob=True)
settings.load_profile("instep")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--hide-exchange",
        action="store_true",
        help="hide the functions by which torch shows tensors to C, as older versions have none",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--hide-exchange"):
        import torch

        del torch.Tensor.__dlpack_c_exchange_api__


def pytest_collection_finish() -> None:
    # Searching what the tests themselves consist of, at each collection, takes a part of the time.
    gc.freeze()


@pytest.fixture
def finest_grain() -> Iterator[None]:
    """Let even tiny arrays be divided among threads."""
    previous = _core.set_grain(1)
    yield
    _core.set_grain(previous)
