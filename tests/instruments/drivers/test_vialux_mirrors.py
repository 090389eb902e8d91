"""ViALUX's mirrors through ALP4lib itself, in front of a model of the vendor's shared library."""

import ctypes
import platform
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from alp_shared_library import AlpSharedLibrary
from simulated_bench import TIMEOUT
from wire_bench import wire_bench_file

from instruments.errors import InstrumentError
from instruments.interfaces.instrument import InstrumentTimeoutError
from instruments.opening import SharedResources, prepare_instrument
from sim_backends.library_models.alp_board import AlpRefusedError, alp_board

ROWS, COLUMNS = 24, 36


class Laboratory:
    """A bench with a real wire whose ALP library is not a vendor's."""

    def __init__(self, **settings):
        self.shared = SharedResources()
        self.bench = wire_bench_file(
            libraries={"mirrors": "vialux mirrors"},
            settings={"mirrors": settings},
            wire="real",
        )
        self.prepared = prepare_instrument(self.bench, "mirrors", self.shared)
        self.library = AlpSharedLibrary(alp_board(self.prepared.request).handle)
        self.trigger = prepare_instrument(self.bench, "trigger", self.shared).open()


@pytest.fixture
def laboratory(monkeypatch):
    alp4lib = pytest.importorskip("ALP4")
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    found = Laboratory(library_folder="/opt/vialux")

    def load(path):
        assert path == "/opt/vialux/libalp43.so"
        return found.library

    # ALP4lib alone meets the model: others load libraries of their own meanwhile.
    monkeypatch.setattr(alp4lib, "ct", SimpleNamespace(**{**vars(ctypes), "CDLL": load}))
    return found


def random_frames(shots):
    generator = np.random.default_rng(shots)
    return generator.random((shots, ROWS, COLUMNS)) < 0.5


def test_mirrors_stand_as_the_frames_say_shot_by_shot(laboratory):
    mirrors = laboratory.prepared.open()
    assert not mirrors.simulated
    assert str(mirrors.identity()) == "ViALUX ALP-4.3 serial 1 firmware 1027"
    for shots in (5, 5, 3):
        frames = random_frames(shots)
        mirrors.load(frames)
        mirrors.arm()
        laboratory.trigger.fire(shots)
        mirrors.wait_until_done(TIMEOUT)
        board = laboratory.library.board
        shown = board._pictures[board._running]
        np.testing.assert_array_equal(shown, frames)
        blocks = frames[:, :20, :30].reshape(shots, 2, 10, 3, 10).mean(axis=(2, 4))
        np.testing.assert_allclose(board._mirrors.fields(), blocks, atol=1e-6)
    mirrors.close()
    assert laboratory.library.calls[-1] == "AlpDevFree"


def test_it_waits_for_its_own_time_limit_and_never_in_the_library(laboratory):
    """``AlpProjWait`` returns when the last picture was triggered, which may be never."""
    mirrors = laboratory.prepared.open()
    mirrors.load(random_frames(4))
    mirrors.arm()
    laboratory.trigger.fire(2)
    with pytest.raises(InstrumentTimeoutError, match="mirrors: its 4 frames were not all"):
        mirrors.wait_until_done(0.01)
    assert "AlpProjWait" not in laboratory.library.calls
    mirrors.make_safe()
    mirrors.close()


def test_made_safe_it_shows_darkness_of_its_own_accord(laboratory):
    mirrors = laboratory.prepared.open()
    mirrors.load(random_frames(4))
    mirrors.arm()
    laboratory.trigger.fire(4)
    mirrors.make_safe()
    board = laboratory.library.board
    assert laboratory.library.calls[-1] == "AlpProjStartCont"
    assert not board._pictures[board._running].any()
    assert not board._mirrors.fields().any()
    mirrors.close()


def test_what_the_library_refuses_names_the_instrument(laboratory, monkeypatch):
    mirrors = laboratory.prepared.open()

    def refuse(*arguments, loop):
        raise AlpRefusedError("AlpProjStart", 1002)

    monkeypatch.setattr(laboratory.library.board, "Run", refuse)
    mirrors.load(random_frames(2))
    with pytest.raises(
        InstrumentError, match=r"mirrors: its library failed at Run: ALPError.*idle"
    ):
        mirrors.arm()


def test_a_device_with_other_mirrors_than_the_file_says_is_refused(laboratory):
    laboratory.library.board.nSizeX = 40
    with pytest.raises(
        InstrumentError, match="24 rows of 40 mirrors; the bench file says 24 of 36"
    ):
        laboratory.prepared.open()
    assert laboratory.library.calls[-1] == "AlpDevFree"


def test_without_the_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ALP4", None)
    with pytest.raises(InstrumentError, match=r'mirrors: .*pip install "backbeam\[vialux\]"'):
        Laboratory().prepared.open()
