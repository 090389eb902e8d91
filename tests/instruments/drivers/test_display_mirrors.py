"""Twenty-four frames in a picture: packed, in order, refresh by refresh, the first shot marked."""

import numpy as np
import pytest
from display_mirror_bench import COLUMNS, ROWS, mirrors_at_an_output
from hypothesis import given, settings
from hypothesis import strategies as st
from virtual_screens import SIZES
from wire_bench import wire_bench_file

from instruments.display.bit_planes import packed, unpacked
from instruments.errors import InstrumentError
from instruments.opening import SharedResources, prepare_instrument

TIMEOUT = 20.0


def random_frames(shots, rows=ROWS, columns=COLUMNS):
    return np.random.default_rng(shots).random((shots, rows, columns)) < 0.5


def play(bench, frames):
    bench.mirrors.load(frames)
    bench.mirrors.arm()
    bench.trigger.fire(len(frames))
    bench.trigger.wait_until_done(TIMEOUT)
    bench.mirrors.wait_until_done(TIMEOUT)


def test_bits_lie_where_the_controller_s_guide_has_them():
    """DLPC350, DLPU010, "Pattern Number Mapping": G0 to G7, then R0 to R7, then B0 to B7."""
    for number in range(24):
        frames = np.zeros((24, 1, 1), np.bool_)
        frames[number] = True
        red, green, blue = packed(frames)[0, 0].tolist()
        colour = [green, red, blue]
        expected = [0, 0, 0]
        expected[number // 8] = 1 << number % 8
        assert colour == expected


@given(st.integers(1, 24), st.permutations("rgb"), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_what_was_packed_unpacks_to_itself_and_darkness(count, order, seed):
    frames = np.random.default_rng(seed).random((count, 3, 5)) < 0.5
    found = unpacked(packed(frames, "".join(order)), "".join(order))
    np.testing.assert_array_equal(found[:count], frames)
    assert not found[count:].any()


@pytest.mark.parametrize("shots", [1, 24, 25, 67])
def test_a_sequence_is_played_in_pictures_of_24_and_then_darkness(shots):
    bench = mirrors_at_an_output()
    frames = random_frames(shots)
    before = len(bench.window.pictures)
    play(bench, frames)
    *pictures, last = bench.window.pictures[before:]
    shown = np.concatenate([unpacked(one) for one in pictures])
    np.testing.assert_array_equal(shown[:shots], frames)
    assert not shown[shots:].any()
    assert not last.any()
    times = bench.window.times[before:]
    np.testing.assert_allclose(np.diff(times), 1 / 60)


def test_the_start_patch_is_on_in_the_first_shot_alone():
    patch = {"row": 2, "column": 3, "height": 4, "width": 5}
    bench = mirrors_at_an_output(start_patch=patch)
    frames = random_frames(30)
    play(bench, frames)
    shown = np.concatenate([unpacked(one) for one in bench.window.pictures[-3:-1]])[:30]
    inside = np.zeros((ROWS, COLUMNS), np.bool_)
    inside[2:6, 3:8] = True
    assert shown[0][inside].all()
    assert not shown[1:, inside].any()
    np.testing.assert_array_equal(shown[:, ~inside], frames[:, ~inside])


def test_without_mirrors_in_it_an_exposure_has_its_start_patch_still():
    patch = {"row": 0, "column": 0, "height": 2, "width": 2}
    bench = mirrors_at_an_output(start_patch=patch)
    bench.trigger.fire(5)
    first = unpacked(bench.window.pictures[-2])
    assert first[0].sum() == 4
    assert not first[1:].any()


def test_a_refresh_without_its_picture_is_an_error_and_not_a_slip():
    bench = mirrors_at_an_output(busy_refreshes=(2,))
    with pytest.raises(InstrumentError, match="mirrors: 1 refreshes went by without their picture"):
        play(bench, random_frames(60))
    play(bench, random_frames(60))


def test_a_patch_off_the_device_is_refused():
    with pytest.raises(InstrumentError, match="mirrors: 1 x 1 blocks of 4 x 5"):
        mirrors_at_an_output(start_patch={"row": 22, "column": 3, "height": 4, "width": 5})


def test_a_shot_period_that_is_not_the_patterns_is_refused():
    bench = wire_bench_file(libraries={"trigger": "display trigger"}, wire="real")
    prepared = prepare_instrument(bench, "trigger", SharedResources())
    with pytest.raises(InstrumentError, match=r"shot_period is 0\.0001 s; 24 patterns .* 0\.00069"):
        prepared.open()


def test_on_a_screen_the_last_frames_are_there_bit_by_bit(screens):
    """What a mirror device at the second output would unpack."""
    pytest.importorskip("qtpy")
    rows, columns = SIZES[1]
    own = {"screen": "screen#2", "rows": rows, "columns": columns}
    bench = wire_bench_file(
        libraries={"mirrors": "display mirrors"}, settings={"mirrors": own}, wire="real"
    )
    mirrors = prepare_instrument(bench, "mirrors", SharedResources()).open()
    frames = random_frames(24, rows, columns)
    mirrors.load(frames)
    mirrors._window.show(mirrors._pictures[0])
    mirrors._window.wait_until_shown(TIMEOUT)
    np.testing.assert_array_equal(unpacked(np.ascontiguousarray(screens.pixels(1))), frames)
    mirrors.make_safe()
    assert not screens.pixels(1).any()
    mirrors.close()
