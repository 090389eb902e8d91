"""The ``rig`` fixture: every implementation of the interfaces a test module is about.

A module of conformance tests names the kinds it is about, ``KINDS = ("laser",)``; each of its
tests that takes ``rig`` runs once for every implementation of them listed in ``support/rigs.py``.

With ``--bench my_bench.toml`` they run for the instruments of that bench instead, real ones
included: lasers and amplifiers are switched on, at a tenth of their limits, and off again.

Test modules are imported on their own (``--import-mode=importlib``) and cannot import from each
other, so what several of them need lies in ``support/``, which is put on the path here, before
any module in this folder is collected: ``from immediate_instruments import ...``.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))
# Simulated instruments need a bench around them, which the tests of the floor above have.
sys.path.insert(0, str(Path(__file__).parents[1] / "sim_backends" / "support"))

from rigs import RIGS, Rig, rigs_of_bench
from virtual_screens import VirtualScreens, start_virtual_screens


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "rig" not in metafunc.fixturenames:
        return
    kinds = metafunc.module.KINDS
    bench = metafunc.config.getoption("--bench")
    rigs = RIGS
    if bench is not None:
        rigs = rigs_of_bench(Path(bench), metafunc.config.getoption("--simulate"))
    metafunc.parametrize(
        "rig",
        [
            pytest.param((kind, build), id=f"{kind}-{name}")
            for kind, name, build in rigs
            if kind in kinds
        ],
        indirect=True,
    )


@pytest.fixture
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    kind, build = request.param
    rig = build()
    rig.kind = kind
    yield rig
    rig.instrument.make_safe()
    rig.instrument.close()
    rig.close()


@pytest.fixture(scope="module")
def screens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualScreens]:
    """An X server with two screens, on which windows open."""
    found = start_virtual_screens(tmp_path_factory.mktemp("screens"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISPLAY", found.display)
        for name in ("QT_QPA_PLATFORM", "WAYLAND_DISPLAY", "QT_API"):
            patch.delenv(name, raising=False)
        yield found
    found.close()
