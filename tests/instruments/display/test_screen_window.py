"""The window on a screen: every pixel as given, every picture in its turn."""

import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from virtual_screens import SIZES

pytest.importorskip("qtpy")

from instruments.display.screen_window import ScreenWindow
from instruments.errors import InstrumentError
from instruments.interfaces.instrument import InstrumentTimeoutError

SECOND = "screen#2"
ROWS, COLUMNS = SIZES[1]
TIMEOUT = 20.0


@pytest.fixture(scope="module", params=[True, False], ids=["vertical-blank", "immediate"])
def window(request, screens):
    opened = ScreenWindow("slm", SECOND, vertical_blank=request.param)
    yield opened
    opened.close()


def random_picture(seed, colour=False):
    shape = (ROWS, COLUMNS, 3) if colour else (ROWS, COLUMNS)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def show_many(window):
    for seed in range(10):
        window.show(random_picture(seed))
        window.wait_until_shown(TIMEOUT)


def test_the_second_screen_shows_what_was_given_pixel_for_pixel_and_the_first_nothing(
    window, screens
):
    before = screens.pixels(0)
    assert (window.screen.rows, window.screen.columns) == (ROWS, COLUMNS)
    for seed, colour in enumerate([False, True, False]):
        picture = random_picture(seed, colour)
        window.show(picture)
        window.wait_until_shown(TIMEOUT)
        shown = screens.pixels(1)
        expected = picture if colour else np.repeat(picture[:, :, np.newaxis], 3, axis=2)
        np.testing.assert_array_equal(shown, expected)
    np.testing.assert_array_equal(screens.pixels(0), before)


def test_every_grey_level_stays_what_it_is(window, screens):
    picture = np.resize(np.arange(256, dtype=np.uint8), (ROWS, COLUMNS))
    window.show(picture)
    window.wait_until_shown(TIMEOUT)
    for colour in range(3):
        np.testing.assert_array_equal(screens.pixels(1)[:, :, colour], picture)


def test_pictures_appear_in_order(window, screens):
    """Whoever watches sees none out of turn, and what was waited for is on."""
    count = 60
    seen = []
    window.show(np.zeros((ROWS, COLUMNS), np.uint8))
    window.wait_until_shown(TIMEOUT)
    done = threading.Event()

    def watch():
        while not done.is_set():
            corners = screens.pixels(1)[[0, -1], [0, -1], 0]
            seen.append(tuple(corners.tolist()))

    watcher = threading.Thread(target=watch)
    times = []
    watcher.start()
    for number in range(1, count + 1):
        window.show(np.full((ROWS, COLUMNS), number, np.uint8))
        if number % 3 == 0:
            window.wait_until_shown(TIMEOUT)
            times.append(window.shown_at_seconds())
            assert (screens.pixels(1) == number).all()
    done.set()
    watcher.join()
    seen.append(tuple(screens.pixels(1)[[0, -1], [0, -1], 0].tolist()))
    last = [corner for _, corner in seen]
    assert last == sorted(last)
    assert last[-1] == count
    assert times == sorted(set(times))


def test_it_knows_when_a_picture_was_shown(window):
    before = time.monotonic()
    window.show(random_picture(1))
    assert window.shown_at_seconds() >= before
    window.wait_until_shown(TIMEOUT)
    after = time.monotonic()
    assert before <= window.shown_at_seconds() <= after


def test_the_caller_may_overwrite_a_picture_at_once(window, screens):
    picture = random_picture(1)
    kept = picture.copy()
    window.show(picture)
    picture[...] = 0
    window.wait_until_shown(TIMEOUT)
    np.testing.assert_array_equal(screens.pixels(1)[:, :, 0], kept)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((ROWS, COLUMNS + 1), np.uint8),
        np.zeros((ROWS, COLUMNS), np.uint16),
        np.zeros((ROWS, COLUMNS, 4), np.uint8),
    ],
)
def test_pictures_of_another_size_or_type_are_refused(window, picture):
    with pytest.raises(InstrumentError, match=rf"takes uint8 \[{ROWS}, {COLUMNS}\]"):
        window.show(picture)


def test_a_window_that_is_gone_is_an_error_and_not_a_wait(screens):
    window = ScreenWindow("slm", SECOND)
    assert window.shown_at_seconds() is None
    window.wait_until_shown(TIMEOUT)
    window._process.kill()
    with pytest.raises(InstrumentError, match=r"slm: no window on a screen.*ended") as caught:
        show_many(window)
    assert not isinstance(caught.value, InstrumentTimeoutError)
    window.close()


def test_ctrl_c_leaves_the_window_there_for_the_safe_state(window, screens):
    window._process.send_signal(signal.SIGINT)
    window.show(np.full((ROWS, COLUMNS), 9, np.uint8))
    window.wait_until_shown(TIMEOUT)
    assert (screens.pixels(1) == 9).all()


def test_threads_that_show_at_the_same_time_do_not_mix_their_pictures(window, screens):
    def show():
        for number in range(20):
            window.show(np.full((ROWS, COLUMNS), number, np.uint8))

    threads = [threading.Thread(target=show) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    window.wait_until_shown(TIMEOUT)
    assert (screens.pixels(1) == screens.pixels(1)[0, 0]).all()
    window.show(np.full((ROWS, COLUMNS), 99, np.uint8))
    window.wait_until_shown(TIMEOUT)
    assert (screens.pixels(1) == 99).all()


@pytest.mark.parametrize("vertical_blank", [True, False])
def test_closed_it_leaves_the_screen_and_no_process(screens, vertical_blank):
    window = ScreenWindow("slm", "screen#1", vertical_blank=vertical_blank)
    window.show(np.full(SIZES[0], 200, np.uint8))
    window.wait_until_shown(TIMEOUT)
    # The pointer is on this screen, and hidden.
    assert (screens.pixels(0) == 200).all()
    window.close()
    window.close()
    assert window._process.returncode == 0
    assert not (screens.pixels(0) == 200).any()
    with pytest.raises(InstrumentError, match="closed"):
        window.show(np.zeros(SIZES[0], np.uint8))


def test_a_screen_that_is_not_there_is_refused_with_those_that_are(screens):
    with pytest.raises(InstrumentError, match=r"no screen is 'HDMI-7'.*128 x 96.*100 x 60"):
        ScreenWindow("slm", "HDMI-7")


def test_a_program_with_a_window_does_not_import_qt():
    done = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import sys, instruments.display.screen_window, instruments.drivers.display_panel;"
            "print([name for name in sys.modules if 'PySide' in name or 'qtpy' in name])",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
