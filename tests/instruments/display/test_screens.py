"""Which screen is meant, by name or by EDID."""

import pytest

from instruments.display.screens import Screen, chosen_screen
from instruments.errors import InstrumentError

SCREENS = [
    Screen("eDP-1", "LG Display", "0x06aa", "", 1080, 1920, 60.0),
    Screen("HDMI-1", "HOLOEYE Photonics", "PLUTO", "0412", 1080, 1920, 60.0),
    Screen("DP-1", "HOLOEYE Photonics", "PLUTO", "0533", 1080, 1920, 60.0),
]


@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        ("eDP-1", 0),
        ("HDMI-1", 1),
        ("DP-1", 2),
        ("0533", 2),
        ("pluto 0412", 1),
        ("lg display", 0),
        ("PLUTO#2", 2),
        ("HDMI-1#1", 1),
    ],
)
def test_a_screen_is_found_by_its_name_or_by_words_of_its_edid(wanted, place):
    assert chosen_screen(wanted, SCREENS) == place


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("HDMI-2", "no screen is 'HDMI-2'; there are: 'eDP-1'"),
        ("PLUTO", "'PLUTO' applies to 2 screens; write a serial number, or 'PLUTO#1' to 'PLUTO#2'"),
        ("PLUTO#3", "applies to 2 screens"),
        ("", "no screen is ''"),
    ],
)
def test_what_applies_to_none_or_to_several_is_refused_with_a_list(wanted, words):
    with pytest.raises(InstrumentError) as caught:
        chosen_screen(wanted, SCREENS)
    assert words in str(caught.value)
    assert "'HDMI-1' (HOLOEYE Photonics PLUTO 0412, 1920 x 1080 at 60 Hz)" in str(caught.value)


def test_without_any_screen_it_says_so():
    with pytest.raises(InstrumentError, match="there are: none"):
        chosen_screen("HDMI-1", [])
