"""What detectors, cameras, power meters and supplies say while a bench is aligned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from instruments.calibration_light import ARMS
from instruments.interfaces.camera import Camera, Region
from protocols.alignment.bench_by_hand import BenchByHand, Frames

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

SHOTS = 16
_CLOSE = 0.95
"""Share of the range from which on a reading counts as saturated."""


@dataclass(frozen=True)
class BankReading:
    """A bank of detectors: mean and rms volts ``[n]`` of a few shots, the dark level subtracted.

    Attributes
    ----------
    range_volts
        Magnitude at which readings end.
    saturated
        ``[n]`` which channels come close to that.
    """

    name: str
    port: str
    mean_volts: Floats
    rms_volts: Floats
    range_volts: float
    saturated: Flags


@dataclass(frozen=True)
class CameraReading:
    """A camera, region by region ``[n]``, in counts above the black level.

    Attributes
    ----------
    mean_counts, rms_counts, peak_counts
        Mean over the pixels of a region, its scatter from shot to shot, its brightest pixel.
    centre_rows, centre_columns
        Centre of what is brighter than the region's dimmest, in pixels of the sensor; NaN if
        there is nothing.
    saturated
        Whether a pixel is at the full well.
    """

    name: str
    regions: tuple[Region, ...]
    mean_counts: Floats
    rms_counts: Floats
    peak_counts: Floats
    centre_rows: Floats
    centre_columns: Floats
    full_well_counts: float
    saturated: Flags


@dataclass(frozen=True)
class MeterReading:
    """A power meter."""

    name: str
    watts: float


@dataclass(frozen=True)
class Reading:
    """Everything that reads, at one moment."""

    banks: list[BankReading]
    cameras: list[CameraReading]
    meters: list[MeterReading]


@dataclass
class DarkLevels:
    """What banks ``[n]``, cameras ``[n]`` and meters read with all arms shut, once taken."""

    banks: dict[str, Floats] = field(default_factory=dict)
    cameras: dict[str, Floats] = field(default_factory=dict)
    meters: dict[str, float] = field(default_factory=dict)


def everything(bench: BenchByHand) -> list[str]:
    """Return the names of all that can be read."""
    return [*bench.light.banks(), *bench.names("camera"), *bench.names("power_meter")]


def take_reading(
    bench: BenchByHand,
    names: Sequence[str] = (),
    dark: DarkLevels | None = None,
    shots: int = SHOTS,
) -> Reading:
    """Read detectors, cameras and power meters by name, by default all of them."""
    wanted = names or everything(bench)
    levels = dark or DarkLevels()
    banks = [name for name in bench.light.banks() if name in wanted]
    cameras = [name for name in bench.names("camera") if name in wanted]
    meters = [name for name in bench.names("power_meter") if name in wanted]
    volts, frames = bench.expose(shots, banks, cameras)
    return Reading(
        [_bank(bench, name, volts[name].astype(np.float64), levels) for name in banks],
        [_camera(name, bench.camera(name), frames[name], levels) for name in cameras],
        [
            MeterReading(name, bench.meter(name).read_watts() - levels.meters.get(name, 0.0))
            for name in meters
        ],
    )


def take_dark(bench: BenchByHand) -> DarkLevels:
    """Read everything with all arms shut that have shutters; they are as before afterwards."""
    before = bench.open_arms()
    bench.light.open_arms()
    try:
        reading = take_reading(bench, shots=4 * SHOTS)
    finally:
        bench.light.open_arms(*before)
    return DarkLevels(
        {one.name: one.mean_volts for one in reading.banks},
        {one.name: one.mean_counts for one in reading.cameras},
        {one.name: one.watts for one in reading.meters},
    )


def _bank(bench: BenchByHand, name: str, volts: Floats, dark: DarkLevels) -> BankReading:
    reach = float(bench.light.detectors(name).saturation_volts)
    port = next(
        f"{stage} {port}"
        for stage, section in bench.file.stages.items()
        for port, one in section.taps.present().items()
        if one == name
    )
    return BankReading(
        name,
        port,
        volts.mean(axis=0) - dark.banks.get(name, 0.0),
        volts.std(axis=0, ddof=1) if len(volts) > 1 else np.zeros(volts.shape[1]),
        reach,
        np.asarray(np.abs(volts).max(axis=0) >= _CLOSE * reach, np.bool_),
    )


def _camera(name: str, camera: Camera, frames: Frames, dark: DarkLevels) -> CameraReading:
    regions = camera.regions()
    mean_frame = frames.mean(axis=0) - camera.black_level_counts
    brightest = frames.max(axis=0).astype(np.float64)
    rows = []
    for region in regions:
        part = (
            slice(region.row, region.row + region.height),
            slice(region.column, region.column + region.width),
        )
        seen = mean_frame[part]
        # The dimmest pixels are what the light stands on, and not part of it.
        above = np.clip(seen - np.median(seen), 0.0, None)
        weight = float(above.sum())
        down, across = np.indices(seen.shape)
        centre = (
            (np.nan, np.nan)
            if weight <= 0.0
            else (
                region.row + float((above * down).sum()) / weight,
                region.column + float((above * across).sum()) / weight,
            )
        )
        full = bool(brightest[part].max() >= camera.full_well_counts)
        shots = frames[:, part[0], part[1]].mean(axis=(1, 2), dtype=np.float64)
        rms = float(shots.std(ddof=1)) if len(shots) > 1 else 0.0
        rows.append((float(seen.mean()), rms, float(seen.max()), *centre, full))
    mean, rms_counts, peak, centre_rows, centre_columns, full_wells = np.array(rows, np.float64).T
    return CameraReading(
        name,
        regions,
        mean - dark.cameras.get(name, 0.0),
        rms_counts,
        peak,
        centre_rows,
        centre_columns,
        float(camera.full_well_counts),
        full_wells > 0.5,
    )


def standing(bench: BenchByHand) -> list[tuple[str, str, str]]:
    """Return how everything that was set stands now: what, which, how."""
    arms = bench.open_arms()
    lines = []
    for name in bench.names("laser"):
        laser = bench.laser(name)
        words = "off"
        if laser.enabled():
            words = "on, locked" if laser.locked() else "on, not locked"
        lines.append(("laser", name, f"{words}, detuned by {laser.detuning_hertz():.4g} Hz"))
    for arm in ARMS:
        words = "open" if arm in arms else "shut"
        lines.append(("arm", arm, words if bench.shutter_of(arm) else "has no shutter"))
    for stage in bench.light.stages:
        amplifier = bench.light.amplifier(stage)
        if amplifier is not None:
            amperes = amplifier.currents_amperes()
            state = f"{1e3 * float(amperes.mean()):.4g} mA" if amplifier.enabled() else "off"
            lines.append(("amplifier of", stage, state))
        shown = bench.shown.get(stage)
        lines.append(("panel of", stage, "not set" if shown is None else f"bright: {shown}"))
    for name in bench.light_sources():
        volts = bench.held.get(name, np.zeros(1, np.float32))
        lit = np.flatnonzero(volts)
        kind, unit = ("mirrors", "mirrors") if name in bench.file.mirrors else ("modulators", "V")
        which = f"all at 0 {unit}"
        if lit.size:
            places = "all" if lit.size == volts.size else ", ".join(map(str, lit[:6].tolist()))
            which = f"{places} at {float(volts[lit].mean()):.4g} {unit}"
        lines.append((kind, name, which))
    oven = bench.light.oven
    if oven is not None:
        state = f"{oven.temperature_celsius():.4g} degC"
        target = f", heading for {oven.target_celsius():g} degC" if oven.enabled() else ", off"
        lines.append(("oven", bench.file.absorber.oven or "", state + target))  # type: ignore[union-attr]
    actuator = bench.light.reference_phase
    if actuator is not None:
        for bank, own in zip(bench.light.banks(), actuator.volts().tolist(), strict=False):
            lines.append(("reference of", bank, f"{own:.4g} V"))
    return lines
