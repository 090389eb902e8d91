"""Whether signed fields can be had from the taps of a bench file as it asks."""

from __future__ import annotations

from collections.abc import Iterator

from instruments.bench_file.instrument_sections import kind_in_words
from instruments.bench_file.placement import tap_channels
from instruments.bench_file.problems import Problem, listed, nearest
from instruments.bench_file.roles import Role, roles
from instruments.bench_file.schema import BenchFile
from instruments.bench_file.size_checks import raster_problems

LEAST_FRINGES = 2.0
"""Periods of the fringes that a region of a camera holds at least."""


def estimator_problems(bench: BenchFile) -> Iterator[Problem]:
    """Every tap's estimator has what it needs and tells signs."""
    tapping = {role.instrument: role for role in roles(bench) if role.name == "tap"}
    for name in bench.taps:
        if name not in tapping:
            yield Problem(
                f"taps.{name}",
                f"'{name}' taps no stage; those that do: {listed(tapping)}{nearest(name, tapping)}",
            )
    for name, role in tapping.items():
        is_camera = bench.instruments[name].kind == "camera"
        section = bench.taps.get(name)
        key = f"taps.{name}"
        if section is None:
            if is_camera:
                yield Problem(
                    key,
                    f"missing; '{name}' is a camera: say how fields are had from it, such as "
                    'estimator = "off-axis camera", with its regions and fringes',
                )
            continue
        if section.estimator == "intensity":
            yield Problem(
                f"{key}.estimator",
                f"found 'intensity'; {role.key} carries fields of both signs and an absorber "
                "passes amplitudes: give it a reference, as 'balanced homodyne', 'single port with "
                "offset' or 'off-axis camera'",
            )
        elif is_camera:
            yield from _camera_taps(bench, name, role)
        elif section.estimator == "off-axis camera":
            yield Problem(
                f"{key}.estimator",
                f"found 'off-axis camera'; '{name}' is a "
                f"{kind_in_words(bench.instruments[name].kind)}: fringes take a camera",
            )


def _camera_taps(bench: BenchFile, name: str, role: Role) -> Iterator[Problem]:
    section, key = bench.taps[name], f"taps.{name}"
    if section.estimator == "balanced homodyne":
        yield Problem(
            f"{key}.estimator",
            "found 'balanced homodyne'; a camera has one port: 'off-axis camera' or 'single port "
            "with offset'",
        )
    if section.counts_per_field is None:
        yield Problem(f"{key}.counts_per_field", "missing; a nominal table is made with it")
    if section.reference_counts is None:
        yield Problem(f"{key}.reference_counts", "missing; how strong light may be follows from it")
    if section.regions is None:
        yield Problem(f"{key}.regions", "missing; they say where on the camera each neuron is")
        return
    regions, needed = section.regions, tap_channels(bench, name)
    if regions.rows * regions.columns < needed:
        yield Problem(
            f"{key}.regions",
            f"found {regions.rows} x {regions.columns} regions; {role.key} has {needed} neurons",
        )
    yield from raster_problems(bench, name, regions.geometry, f"{key}.regions")
    if section.estimator != "off-axis camera":
        return
    if section.fringes is None:
        yield Problem(f"{key}.fringes", "missing; an off-axis camera reads fields from them")
        return
    periods = max(abs(section.fringes[0]) * regions.height, abs(section.fringes[1]) * regions.width)
    if periods < LEAST_FRINGES:
        yield Problem(
            f"{key}.fringes",
            f"a region holds {periods:.2g} periods; at least {LEAST_FRINGES:g} tell fringes from "
            "the light they stand on: tilt the reference more, or make the regions larger",
        )
