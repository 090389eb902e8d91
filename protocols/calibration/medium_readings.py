"""Readings on both sides of a medium, on resonance and with the medium clear.

The two are taken in turns, clear, resonant, resonant, clear, so that a reference that drifts
steadily between them cancels; what a random walk leaves of it goes into the uncertainties.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from instruments.calibration.absorber import Model
from protocols.calibration.fitting import EachFit
from protocols.calibration.session import CalibrationSession
from protocols.calibration.taps import common_levels, highest_field, unsaturated
from protocols.calibration.transmission import TRANSMISSIONS, fit_transmission

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Part = Literal["all", "weak", "strong"]

_LEVELS = 32
_REPEATS = 24
_MOST_REPEATS = 96
_WANTED = 0.002
"""Relative uncertainty of the optical depth for the sake of which readings are repeated."""

_WALK_SHARE = 1.0 / 6.0
"""Share of the time on resonance for which a random walk counts: a third of a quarter, twice."""


@dataclass(frozen=True)
class MediumReadings:
    """Volts ``[k, n]``, offsets subtracted, of ``k`` levels of light and ``n`` neurons.

    Attributes
    ----------
    front, behind, clear_front, clear_behind
        On resonance, and with the medium clear.
    noise_front, noise_behind
        ``[n]`` rms of these means.
    whole, clear_whole
        ``[k, n]`` which are clear of the edge of the range in front and behind.
    usable
        ``[n]`` neurons with living taps on both sides.
    wander_front, wander_behind
        ``[n]`` relative error of readings on resonance against the clear ones, from references
        that wander; the same for all levels.
    seconds
        From the first of them to the last.
    depth, scale
        Nominal optical depth, negative for gain, and ``[n]`` volts in front at saturation, to
        begin with.
    """

    front: Floats
    behind: Floats
    clear_front: Floats
    clear_behind: Floats
    noise_front: Floats
    noise_behind: Floats
    whole: Flags
    clear_whole: Flags
    usable: Flags
    wander_front: Floats
    wander_behind: Floats
    seconds: float
    depth: float
    scale: Floats

    def fitted(
        self, model: Model, part: Part = "all", start: npt.NDArray[np.float64] | None = None
    ) -> EachFit:
        """Fit optical depth, saturation voltage and ratio of the taps, neuron by neuron.

        With ``part`` only the weaker or the stronger two thirds of the light are looked at.
        """
        if start is None:
            above = (self.clear_front * self.clear_behind * self.clear_whole).sum(axis=0)
            below = np.maximum((self.clear_front**2 * self.clear_whole).sum(axis=0), 1e-300)
            start = np.stack(
                [np.full(self.scale.size, self.depth), self.scale, above / below], axis=1
            )
        return fit_transmission(
            TRANSMISSIONS[model],
            self.front,
            self.behind,
            self.clear_front,
            self.clear_behind,
            start,
            self.noise_front,
            self.noise_behind,
            self.whole & _part(self.front, part),
            self.clear_whole,
        )

    def with_wander(self, model: Model, found: EachFit) -> EachFit:
        """Enlarge the uncertainties by what references that wandered would have done.

        A reading that is off by the same share at every level passes for another depth, and no
        residual tells of it.
        """
        covariance = found.covariance.copy()
        for moved in (
            replace(self, front=self.front * (1.0 + self.wander_front)),
            replace(self, behind=self.behind * (1.0 + self.wander_behind)),
        ):
            apart = moved.fitted(model, start=found.parameters).parameters - found.parameters
            covariance += apart[:, :, np.newaxis] * apart[:, np.newaxis, :]
        return replace(found, covariance=covariance)


def _part(front: Floats, part: Part) -> Flags:
    sizes = np.abs(front)
    if part == "weak":
        return np.asarray(sizes <= np.quantile(sizes, 2 / 3, axis=0), np.bool_)
    if part == "strong":
        return np.asarray(sizes >= np.quantile(sizes, 1 / 3, axis=0), np.bool_)
    return np.ones(sizes.shape, np.bool_)


def take_medium_readings(
    session: CalibrationSession, stage: str, z: str, a: str
) -> tuple[MediumReadings, dict[Model, EachFit]]:
    """Read both sides of a stage's medium at levels that all neurons share.

    Readings are repeated as far as the optical depth needs it: a shallow medium takes more. The
    fits of all models to what was read come along.
    """
    light = session.light
    light.open_arms("reference", "forward")
    outputs = session.hardware(stage).outputs
    highest = min(highest_field(session, z), highest_field(session, a))
    inputs, drive, turns = common_levels(session, stage, highest, _LEVELS, resonant=True)
    scale = np.abs(session.tables.taps[z].volts_per_field[:outputs])
    usable = session.banks[z].usable[:outputs] & session.banks[a].usable[:outputs]
    scale = np.where(usable & (scale > 0.0), scale, np.median(scale[usable]))
    absorber = light.file.absorber
    depth = absorber.optical_depth if absorber is not None else 1.0
    if absorber is not None and absorber.kind == "gain":
        depth = -depth
    sums: dict[tuple[bool, str], Floats] = {}
    taken = 0
    repeats = _REPEATS
    while True:
        for transparent in (True, False, False, True):
            light.bypass(transparent)
            read = drive.expose_fields(inputs, [z, a], repeats // 2)[1]
            for bank, turn in ((z, turns), (a, turns)):
                volts = read[bank][:, :outputs] - session.banks[bank].offset_volts[:outputs]
                volts = volts * session.along_light(bank, turn) * (repeats // 2)
                sums[transparent, bank] = sums.get((transparent, bank), 0.0) + volts
        taken += 2 * (repeats // 2)
        front, behind = sums[False, z] / taken, sums[False, a] / taken
        clear_front, clear_behind = sums[True, z] / taken, sums[True, a] / taken
        noise_z, noise_a = (
            session.banks[bank].noise_volts[:outputs] / np.sqrt(taken) for bank in (z, a)
        )
        seconds = taken * len(inputs) * light.file.exposure.shot_period
        readings = MediumReadings(
            front,
            behind,
            clear_front,
            clear_behind,
            noise_z,
            noise_a,
            unsaturated(session, z, front) & unsaturated(session, a, behind),
            unsaturated(session, z, clear_front) & unsaturated(session, a, clear_behind),
            usable,
            session.wander(z, outputs, _WALK_SHARE * seconds, with_misfit=False),
            session.wander(a, outputs, _WALK_SHARE * seconds, with_misfit=False),
            2.0 * seconds,
            depth,
            scale,
        )
        fits = {model: readings.fitted(model) for model in TRANSMISSIONS}
        more = _more_repeats(fits, usable, taken)
        if not more:
            break
        repeats = more
    drive.close()
    light.open_arms("reference", "forward", "backward")
    return readings, fits


def _more_repeats(fits: dict[Model, EachFit], usable: Flags, taken: int) -> int:
    """Return how many more repeats, an even number, the better model's depth wants."""
    best = min(fits.values(), key=lambda one: float(one.reduced_chi_square[usable].sum()))
    depths = np.maximum(np.abs(best.parameters[usable, 0]), 1e-9)
    relative = float(np.median(best.sigmas[usable, 0] / depths))
    wanted = taken * min(_MOST_REPEATS, (relative / _WANTED) ** 2)
    return 2 * max(0, round(0.5 * (min(wanted, _MOST_REPEATS) - taken)))
