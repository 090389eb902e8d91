"""The built-in bench with off-axis cameras in place of its detectors."""

from __future__ import annotations

import re

from instruments.bench_file.reading import built_in_text, parse_bench_file
from instruments.bench_file.schema import BenchFile

# Neurons down and across, counts of field 1 in the middle of a spot, what fringes then read.
CAMERAS = {
    "taps_z": (6, 8, 30.0, 130.0),
    "taps_a": (6, 8, 100.0, 240.0),
    "taps_delta": (6, 8, 10000.0, 2400.0),
    "outputs": (2, 5, 200.0, 330.0),
}
SIDE = 12
PLACE = f"height = {SIDE}, width = {SIDE}, origin_row = 4, origin_column = 4"


def camera_section(name: str, *, estimator: str = 'estimator = "off-axis camera"') -> str:
    """Return the sections of one camera."""
    down, across, power, counts = CAMERAS[name]
    return f"""[instruments.{name}]
kind = "camera"
driver = "simulated camera"

[instruments.{name}.settings]
rows = {down * SIDE + 8}
columns = {across * SIDE + 8}
counts_per_power = {power}
reference_counts = 400.0
nominal_exposure = "50 us"

[taps.{name}]
{estimator}
regions = {{ rows = {down}, columns = {across}, {PLACE} }}
fringes = [0.3, 0.3]
counts_per_field = {counts}
reference_counts = 500.0

"""


def camera_bench_text(cameras: tuple[str, ...] = tuple(CAMERAS), *, actuator: bool = False) -> str:
    """Return the digits bench with cameras for some of its banks.

    Without detectors there is nothing left for an actuator to turn.
    """
    text = built_in_text("digits")
    for name in cameras:
        begin = text.index(f"[instruments.{name}]")
        end = re.search(r"\n(\[|# [-A])", text[begin:])
        assert end is not None
        text = text[:begin] + camera_section(name) + text[begin + end.start() + 1 :]
    if not actuator and len(cameras) == len(CAMERAS):
        text = text.replace(', phase = "reference_phase"', "").replace('  "reference_phase",\n', "")
        begin = text.index("[instruments.reference_phase]")
        text = text[:begin] + text[text.index("# ----", begin) :]
    return text


def camera_bench(twin: str = "", **options: object) -> BenchFile:
    """Return the file; ``twin`` is appended to its section of the true optics."""
    return parse_bench_file(f"{camera_bench_text(**options)}\n{twin}", "cameras.toml")
