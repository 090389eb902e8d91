"""Options of the test run, and how many cores its loops are shared by."""

import os
from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits

# Before numba reads it: loops are to be shared by several threads on any machine.
os.environ.setdefault("NUMBA_NUM_THREADS", "4")

from instruments import shared_loops
from instruments.loop_helpers import loop_helpers


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("backbeam")
    group.addoption(
        "--bench",
        metavar="FILE",
        default=None,
        help="run the conformance tests on the instruments of this bench file",
    )
    group.addoption(
        "--simulate",
        metavar="WHAT",
        default=None,
        help="with --bench: put simulated instruments in their place, as the command does",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that take minutes may take an hour on a busy machine."""
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(3600))


@pytest.fixture(params=[1, 4], ids=["one core", "four cores"])
def cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Share every loop by so many cores, however small it is."""
    monkeypatch.setattr(shared_loops, "LEAST_SHARE", 1)
    with threadpool_limits(1, user_api="blas"), loop_helpers().helping(request.param - 1):
        yield request.param
