"""Fringes by phase steps: how well two beams interfere, detector by detector.

The phase of the light of one stage is stepped through a wave by the offset of its gratings, which
takes no table, only the panel's nominal stroke. From ``N`` readings at even steps
``r_k = level + amplitude cos(phase - 2 pi k / N)`` the first harmonic follows by a discrete
Fourier transform (J. H. Bruning et al., Appl. Opt. 13, 2693 (1974)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from protocols.alignment.bench_by_hand import BenchByHand
from protocols.alignment.patterns import Blocks
from protocols.alignment.readings import SHOTS, DarkLevels, take_reading

Floats = npt.NDArray[np.float64]

STEPS = 8
_ABOVE_NOISE = 5.0


@dataclass(frozen=True)
class Fringes:
    """Fringes of one bank of detectors or camera, ``[n]`` channels or regions.

    Attributes
    ----------
    unit
        Of level and amplitude.
    levels, amplitudes, phases_radians
        Mean over a wave above the dark level, size and phase of the fringe.
    visibilities
        Amplitude over level; NaN where there is no level to speak of, as behind balanced
        detectors, whose amplitude is what counts, or nothing above the noise.
    """

    name: str
    unit: str
    levels: Floats
    amplitudes: Floats
    phases_radians: Floats
    visibilities: Floats


def measure_fringes(
    bench: BenchByHand, stage: str, dark: DarkLevels | None = None, steps: int = STEPS
) -> list[Fringes]:
    """Step the phase of a stage's light; the panel shows what it showed before afterwards."""
    blocks = bench.shown.get(bench.check_stage(stage), Blocks("none"))
    series: dict[str, list[Floats]] = {}
    noises: dict[str, Floats] = {}
    units: dict[str, str] = {}
    names = [*bench.light.banks(), *bench.names("camera")]
    try:
        for step in range(steps):
            bench.show(stage, blocks, step / steps)
            reading = take_reading(bench, names, dark)
            for bank in reading.banks:
                series.setdefault(bank.name, []).append(bank.mean_volts)
                noises[bank.name] = bank.rms_volts
                units[bank.name] = "V"
            for camera in reading.cameras:
                series.setdefault(camera.name, []).append(camera.mean_counts)
                noises[camera.name] = camera.rms_counts
                units[camera.name] = "counts"
    finally:
        bench.show(stage, blocks)
    return [
        _fringes(name, units[name], np.stack(values), noises[name] / np.sqrt(SHOTS))
        for name, values in series.items()
    ]


def _fringes(name: str, unit: str, values: Floats, noise: Floats) -> Fringes:
    steps = len(values)
    turns = np.exp(2j * np.pi * np.arange(steps) / steps)
    first = 2.0 / steps * (turns[:, np.newaxis] * values).sum(axis=0)
    levels, amplitudes = values.mean(axis=0), np.abs(first)
    visibilities = np.full(levels.size, np.nan)
    # More amplitude than level is a balanced detector's: no share of anything.
    least = _ABOVE_NOISE * noise * np.sqrt(2.0 / steps)
    np.divide(amplitudes, levels, out=visibilities, where=levels > np.maximum(amplitudes, least))
    return Fringes(name, unit, levels, amplitudes, np.angle(first), visibilities)
