"""Options of the test run."""

import pytest


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
