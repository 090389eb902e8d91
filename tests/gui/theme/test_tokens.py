"""What is written can be read, and colours can be told apart, in both themes."""

import math
from itertools import combinations

import pytest

from gui.theme.contrast import contrast, mixed, readable
from gui.theme.tokens import DARK, LIGHT

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)


def linear(colour):
    """Linear RGB of ``#RRGGBB``."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]


# Machado, Oliveira and Fernandes 2009, severity 1.0.
BLINDNESS = {
    "none": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deutan": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritan": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def lab(colour, blindness):
    """CIE L*a*b* (D65) as seen by an eye."""
    seen = linear(colour)
    rgb = [sum(m * c for m, c in zip(row, seen, strict=True)) for row in BLINDNESS[blindness]]
    rgb = [min(max(c, 0), 1) for c in rgb]
    matrix = (
        (0.4124564, 0.3575761, 0.1804375),
        (0.2126729, 0.7151522, 0.0721750),
        (0.0193339, 0.1191920, 0.9503041),
    )
    white = (0.95047, 1.0, 1.08883)
    f = []
    for row, w in zip(matrix, white, strict=True):
        t = sum(m * c for m, c in zip(row, rgb, strict=True)) / w
        f.append(t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116)
    return 116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])


def ciede2000(one, other):
    """Colour difference of Sharma, Wu and Dalal 2005."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    mean = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    g = 0.5 * (1 - math.sqrt(mean**7 / (mean**7 + 25**7)))
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = math.hypot(a1, b1), math.hypot(a2, b2)
    h1, h2 = math.degrees(math.atan2(b1, a1)) % 360, math.degrees(math.atan2(b2, a2)) % 360
    dh = (h2 - h1 + 180) % 360 - 180 if c1 * c2 else 0
    big_dh = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(dh / 2))
    lm, cm = (l1 + l2) / 2, (c1 + c2) / 2
    hm = (h1 + dh / 2) % 360 if c1 * c2 else h1 + h2
    t = (
        1
        - 0.17 * math.cos(math.radians(hm - 30))
        + 0.24 * math.cos(math.radians(2 * hm))
        + 0.32 * math.cos(math.radians(3 * hm + 6))
        - 0.20 * math.cos(math.radians(4 * hm - 63))
    )
    sl = 1 + 0.015 * (lm - 50) ** 2 / math.sqrt(20 + (lm - 50) ** 2)
    sc, sh = 1 + 0.045 * cm, 1 + 0.015 * cm * t
    rotation = (
        -2
        * math.sqrt(cm**7 / (cm**7 + 25**7))
        * math.sin(math.radians(60 * math.exp(-(((hm - 275) / 25) ** 2))))
    )
    x, y, z = (l2 - l1) / sl, (c2 - c1) / sc, big_dh / sh
    return math.sqrt(x * x + y * y + z * z + rotation * y * z)


def test_the_formula_gives_published_differences():
    # Pairs 1 and 17 of the test data of Sharma, Wu and Dalal.
    first = ciede2000((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485))
    assert first == pytest.approx(2.0425, abs=1e-4)
    far = ciede2000((50.0, 2.5, 0.0), (73.0, 25.0, -18.0))
    assert far == pytest.approx(27.1492, abs=1e-4)


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@THEMES
def test_writing_can_be_read_on_every_ground(theme):
    for ground in (theme.window, theme.surface, theme.raised):
        assert contrast(theme.text, ground) >= 7
        assert contrast(theme.muted, ground) >= 4.5
    for ground in (theme.window, theme.surface):
        for state in ("ok", "warning", "fault", "off", "simulated", "accent"):
            assert contrast(theme.state(state), ground) >= 4.5, (state, ground)
    assert contrast(theme.accent_text, theme.accent) >= 4.5


@THEMES
def test_lines_stand_out_from_the_ground(theme):
    for colour in theme.series:
        assert contrast(colour, theme.surface) >= 3.0, colour


@THEMES
@pytest.mark.parametrize("blindness", BLINDNESS)
def test_lines_can_be_told_apart_by_every_eye(theme, blindness):
    for one, other in combinations(theme.series, 2):
        assert ciede2000(lab(one, blindness), lab(other, blindness)) >= 11, (one, other)


@THEMES
def test_names_of_curves_can_be_read(theme):
    for number in range(6):
        assert contrast(theme.label(number), theme.surface) >= 4.5


def test_mixing_goes_from_one_colour_to_the_other():
    assert mixed("#000000", "#FFFFFF", 0) == "#000000"
    assert mixed("#000000", "#FFFFFF", 1) == "#FFFFFF"
    assert readable("#FFFFFF", "#FFFFFF", "#000000") != "#FFFFFF"
