"""Keep the reference of every tap bank in phase with the light it is compared with.

A homodyne reading goes with the cosine of the phase between reference and light, and that phase
drifts: by a little it costs signal, by a quarter of a wave all of it, by half a wave the sign.
From time to time a pilot is shown, a few samples and the same samples turned over, and read with
the references as they stand and turned by a quarter wave. The two readings are the two quadratures
of light whose own phase is 0 or pi, so that half the phase of their square is the drift, but for
half a wave. That is settled by the signs the weights let expect; tables may be far off before so
many signs are. The actuator takes the drift back. Both need samples that agree: where every one
says something else, the reference stays.

The samples are those the bench is about to show, with signs drawn at random. Amplifiers turn the
phase of light by their own saturation, so that brighter light than usual has another phase than
what the references are for: after patterns as bright as modulators can be, a run of a thousand
epochs was followed a quarter wave away. And samples as they are have much in common, which is
where tables err most: their signs agreed with what was expected hardly more often than not.
Errors go back as patterns of signs: what they pass is saturated by the forward light.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from instruments.bank_phases import ReferencePhases
from instruments.calibration.tap import TapTable
from instruments.exposure import Volts
from instruments.network import Array
from instruments.stage_hardware import Emitter

logger = logging.getLogger(__name__)

Floats = npt.NDArray[np.float64]

Take = Callable[[int, Sequence[Emitter], Sequence[str]], Mapping[str, Volts]]

Expectation = Callable[[Floats, Floats, Mapping[str, Floats]], Mapping[str, Floats]]

SAMPLES = 16
"""Samples in a pilot: several, because the light of one may happen to cancel."""

LEAST_SIGNAL = 0.003
"""Share of a detector's range below which a pilot tells nothing."""

IN_COMMON = 0.6
"""From where on samples are taken to agree: 1 is all alike, and 16 at random make 0.25. Benches
whose light is real make 0.75 and more, light that amplifiers have turned 0.5 and less."""

APART_RADIANS = 0.25
"""By how much the phase of bright samples may differ from that of all."""

_QUARTER = 0.5 * math.pi
_TURN = 2.0 * math.pi
_TINY = 1e-300


@dataclass(frozen=True)
class PilotBank:
    """One bank of taps under watch.

    Attributes
    ----------
    bank
        Name of its detectors.
    channel
        Which actuator turns its reference.
    light
        Whether its pilot comes from the inputs or from the error injector.
    """

    bank: str
    channel: int
    light: Literal["forward", "backward"]


class PhaseTracker:
    """Follows the reference phases of a bench and turns them back.

    Parameters
    ----------
    take
        Takes an exposure of so many shots: emitters, and the banks that read. One that is out of
        step is its business, for a pilot read out of step would turn references anywhere.
    sources, injectors
        Emitters whose light the forward and the backward pilots turn over.
    banks
        The banks under watch.
    taps
        Their tables in use: the phases in them are restored.
    actuator, radians_per_volt
        What turns the references, and by how much, ``[channels]``.
    every
        Batches from one pilot to the next.
    timeout_seconds
        How long an actuator may take to settle.
    """

    def __init__(
        self,
        take: Take,
        sources: Sequence[Emitter],
        injectors: Sequence[Emitter],
        banks: Sequence[PilotBank],
        taps: Mapping[str, TapTable],
        actuator: ReferencePhases,
        radians_per_volt: Floats,
        every: int,
        timeout_seconds: float,
    ) -> None:
        self._take = take
        self._sources, self._injectors = list(sources), list(injectors)
        self._banks = list(banks)
        self._taps = taps
        self._actuator = actuator
        self._radians_per_volt = radians_per_volt
        self._every = every
        self._timeout_seconds = timeout_seconds
        self._batches = every
        self._volts: Floats | None = None
        self._told: set[str] = set()

    def before_batch(self, fields: Callable[[], Array], expect: Expectation) -> None:
        """Show a pilot if it is time again, or for the first time; see ``track``."""
        if self._batches >= self._every:
            self.track(fields(), expect)
        self._batches += 1

    def resume(self) -> None:
        """Bring actuators back to where they were before the safe state."""
        if self._volts is not None:
            self._turn(self._volts)

    def state(self) -> dict[str, Any]:
        """Return what the next pilot depends on."""
        volts = None if self._volts is None else self._volts.tolist()
        return {"batches": self._batches, "volts": volts}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what ``state`` returned."""
        self._batches = state["batches"]
        self._volts = None if state["volts"] is None else np.array(state["volts"], np.float64)
        self.resume()

    def track(self, fields: Array, expect: Expectation) -> dict[str, float]:
        """Show a pilot, turn every reference back, and return the drifts found, in radians.

        Parameters
        ----------
        fields
            ``[B, n]`` fields at the inputs, as large as those of the samples to come; the first of
            them are shown, few ones again and again, with signs of their own.
        expect
            Says, from fields ``[samples, n]`` of inputs and signs of errors and from the
            magnitudes read, which sign each reading should have; banks it leaves out are taken to
            have drifted by less than a quarter wave.
        """
        start = np.array(self._actuator.volts(), np.float64)
        samples = fields[np.arange(SAMPLES) % len(fields)] * _signs(fields.shape[1])
        in_phase = self._pilot(samples)
        self._turn(self._within_range(start + _QUARTER / self._radians_per_volt))
        in_quadrature = self._pilot(samples)
        # A reference turned forward by a quarter wave reads minus the sine.
        quadratures = {bank: read - 1j * in_quadrature[bank] for bank, read in in_phase.items()}
        expected = expect(
            samples,
            _signs(self._injectors[0].table.channels if self._injectors else 0),
            {bank: np.abs(seen) for bank, seen in quadratures.items()},
        )
        drifts: dict[str, float] = {}
        volts = start.copy()
        for watched in self._banks:
            seen, table = quadratures[watched.bank], self._taps[watched.bank]
            if _rms(np.abs(seen)) < LEAST_SIGNAL * table.saturation_volts:
                continue
            own_phases = np.exp(-1j * table.phase_radians)
            turned = seen * own_phases
            drift = drift_within_a_quarter(turned)
            if drift is None:
                self._tell_once(watched.bank)
                continue
            signs = expected.get(watched.bank)
            if signs is not None and is_turned_over(turned * np.exp(-1j * drift), signs):
                drift -= math.copysign(math.pi, drift)
            drifts[watched.bank] = drift
            volts[watched.channel] -= drift / self._radians_per_volt[watched.channel]
        self._volts = self._within_range(volts)
        self._turn(self._volts)
        # Not before: a pilot that was given up half way is due still.
        self._batches = 0
        logger.debug("reference phases had drifted by %s", drifts)
        return drifts

    def _tell_once(self, bank: str) -> None:
        if bank not in self._told:
            self._told.add(bank)
            logger.warning(
                "%s: samples have no phase in common, so that its reference is left where it is; "
                "most likely amplifiers saturate: lower the weights or the input field",
                bank,
            )

    def _pilot(self, samples: Floats) -> dict[str, Floats]:
        """Return what each bank reads of the pilot, ``[samples, n]``.

        It is half the difference between a sample and the same turned over, of the inputs for
        taps of activations and of the injector for taps of errors: nothing else turns over.
        """
        forward, backward = np.array([1.0, -1.0, 1.0]), np.array([1.0, 1.0, -1.0])
        for emitter in self._sources:
            emitter.load(_bounded(emitter, _turned(samples, forward)))
        for emitter in self._injectors:
            signs = _signs(emitter.table.channels)
            emitter.load(emitter.patterned(_turned(signs, backward)))
        emitters = [*self._sources, *self._injectors]
        volts = self._take(3 * SAMPLES, emitters, [one.bank for one in self._banks])
        read = {}
        for watched in self._banks:
            rows = volts[watched.bank].astype(np.float64)
            rows = rows.reshape(SAMPLES, 3, -1)
            other = rows[:, 1] if watched.light == "forward" else rows[:, 2]
            read[watched.bank] = 0.5 * (rows[:, 0] - other)
        return read

    def _within_range(self, volts: Floats) -> Floats:
        """Return volts of the same phase that the actuators take."""
        limit = self._actuator.limits()["volts"]
        wave = _TURN / self._radians_per_volt
        too_low = np.ceil(np.maximum(limit.low - volts, 0.0) / wave)
        too_high = np.ceil(np.maximum(volts - limit.high, 0.0) / wave)
        moved: Floats = np.clip(volts + (too_low - too_high) * wave, limit.low, limit.high)
        return moved

    def _turn(self, volts: Floats) -> None:
        self._actuator.set_volts(volts)
        self._actuator.wait_until_settled(self._timeout_seconds)


def drift_within_a_quarter(readings: npt.NDArray[np.complex128]) -> float | None:
    """Return the phase that readings ``[samples, n]`` have in common, but for half a wave.

    Bright light, which counts most in what is computed, counts most here. ``None`` if samples have
    none in common, or bright ones another than all: amplifiers in saturation turn every sample by
    a phase of its own, and a reference that runs after single ones is worse than one that stays.
    """
    # The square of noise in both quadratures is nothing in the mean.
    squares = np.sum(readings * readings, axis=1)
    alike = squares / _power(readings)
    apart = 0.5 * float(np.angle(np.sum(squares) * np.conj(np.sum(alike))))
    if _in_common(alike) < IN_COMMON or abs(apart) > APART_RADIANS:
        return None
    return 0.5 * float(np.angle(np.sum(squares)))


def is_turned_over(readings: npt.NDArray[np.complex128], signs: Floats) -> bool:
    """Return whether samples agree that readings ``[samples, n]`` have signs opposite to these."""
    votes = np.sum(readings.real * signs, axis=1) / np.sqrt(_power(readings) * _power(signs))
    return bool(np.sum(votes) < 0.0) and _in_common(votes) > IN_COMMON


def _power(values: npt.NDArray[Any]) -> Floats:
    """Return the sum of squares ``[samples]`` of each, never nothing."""
    return np.asarray(np.maximum(np.sum(np.abs(values) ** 2, axis=1), _TINY), np.float64)


def _in_common(values: npt.NDArray[Any]) -> float:
    """Return 1 for values that are all the same, about ``1 / sqrt(n)`` for any."""
    length = math.sqrt(len(values)) * float(np.linalg.norm(values))
    return abs(complex(np.sum(values))) / max(length, _TINY)


def _turned(samples: npt.NDArray[np.floating], turns: Floats) -> Floats:
    """Return every sample three times, turned over as told, ``[3 samples, n]``."""
    every = samples[:, np.newaxis, :] * turns[:, np.newaxis]
    return every.reshape(-1, samples.shape[1])


def _bounded(emitter: Emitter, fields: Floats) -> Array:
    """Clip fields to what there is: a source that knows no sign goes dark where it turns over."""
    low, high = emitter.reach()
    width = fields.shape[1]
    return np.clip(fields, low[:width], high[:width]).astype(np.float32)


def _signs(channels: int) -> Floats:
    """Return the patterns ``[samples, channels]``, always the same."""
    generator = np.random.default_rng(channels)
    return np.asarray(generator.choice([-1.0, 1.0], (SAMPLES, channels)), np.float64)


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(values * values)))
