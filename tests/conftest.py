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
