"""The hidden truth of single devices: what differs from nominal, and what it does to light."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from instruments.network import Array
from instruments.shared_loops import SharedLoop, rows_of
from sim_backends import absorption
from sim_backends.optics.phase_drift import drifted
from sim_backends.optics.semiconductor_amplifier import field_gain, small_signal_gain
from sim_backends.twin.elementary_functions import sine
from sim_backends.twin.imperfections import (
    AbsorberImperfections,
    AmplifierImperfections,
    ModulatorImperfections,
    TapImperfections,
)
from sim_backends.twin.layout import (
    AbsorberLayout,
    AmplifierLayout,
    DetectorLayout,
    ModulatorLayout,
)
from sim_backends.twin.light_loops import GAIN_TERMS, LARGEST_POWER, GainCurves
from sim_backends.twin.neuron_plane import Medium, absorb
from sim_backends.twin.readout import Digitiser

Floats = npt.NDArray[np.float32]
Field = Floats
"""Complex fields as ``[2, B, n]``, real parts before imaginary ones; ``[1, B, n]`` if real."""


def _spread(generator: np.random.Generator, width: float, count: int, centre: float = 1.0) -> Array:
    return (centre + width * generator.normal(size=count)).astype(np.float32)


class ModulatorTruth:
    """Modulators as they are: ``field_at_full (sin(pi V / (2 V_pi) + bias) + leakage)``."""

    def __init__(
        self,
        layout: ModulatorLayout,
        imperfections: ModulatorImperfections,
        generator: np.random.Generator,
    ) -> None:
        count = layout.channels
        self.half_wave_volts = layout.half_wave_volts * _spread(
            generator, imperfections.half_wave_spread, count
        )
        self.bias_radians = _spread(generator, imperfections.bias_spread, count, 0.0)
        # Unequal arms leave a field of either sign.
        self.leakage = (imperfections.leakage * generator.choice((-1.0, 1.0), count)).astype("f")
        self.field_at_full = np.float32(layout.field_at_full)
        self.step_volts = np.float32(layout.step_volts if imperfections.quantised else 0.0)
        self.drift_radians = np.zeros(count)
        self._drift = (imperfections.bias_drift, imperfections.bias_drift_time)

    def drift(self, elapsed_seconds: float, generator: np.random.Generator) -> None:
        """Let the bias wander."""
        rms, correlation = self._drift
        if rms:
            normals = generator.normal(size=len(self.drift_radians))
            self.drift_radians = drifted(
                self.drift_radians, elapsed_seconds, correlation, rms, normals
            )

    def field(self, volts: Floats, out: Floats | None = None) -> Floats:
        """Return the field ``[B, n]`` behind modulators at ``volts``, in ``out`` if given."""
        field = np.empty(volts.shape, np.float32) if out is None else out
        _modulate(
            volts.size,
            np.ascontiguousarray(volts),
            self.step_volts,
            self.half_wave_volts,
            self.bias_radians,
            self.drift_radians,
            self.leakage,
            self.field_at_full,
            field,
        )
        return field


@SharedLoop
def _modulate(
    shares: int,
    volts: Floats,
    step: np.float32,
    half_wave_volts: Floats,
    bias: Floats,
    drift: npt.NDArray[np.float64],
    leakage: Floats,
    field_at_full: np.float32,
    field: Floats,
) -> None:
    turn, start = np.empty_like(bias), np.empty_like(bias)
    for i in range(bias.size):
        turn[i] = np.float32(0.5 * math.pi) / half_wave_volts[i]
        start[i] = bias[i] + np.float32(drift[i])
    for share in prange(shares):
        first, last = rows_of(share, shares, len(volts))
        _modulate_rows(first, last, volts, step, turn, start, leakage, field_at_full, field)


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"}, forceinline=True)
def _modulate_rows(
    first: int,
    last: int,
    volts: Floats,
    step: np.float32,
    turn: Floats,
    start: Floats,
    leakage: Floats,
    field_at_full: np.float32,
    field: Floats,
) -> None:
    for shot in range(first, last):
        given, row = volts[shot], field[shot]
        if step > np.float32(0):
            inverse = np.float32(1) / step
            for i in range(row.size):
                row[i] = np.rint(given[i] * inverse) * step
        else:
            row[:] = given
        for i in range(row.size):
            row[i] = (sine(row[i] * turn[i] + start[i]) + leakage[i]) * field_at_full


class AmplifierTruth:
    """Optical amplifiers as they are; one for a stage's whole light, or one a neuron.

    Attributes
    ----------
    spread
        Field gain of each channel, relative to nominal.
    curves
        How gains depend on the light, and the noise of each channel.
    carrier_gain
        Field gain of a single amplifier for the steady light in front of modulators.
    gain, noise_field
        Unsaturated power gain, and rms of the spontaneous emission in each quadrature behind it:
        one value for all channels, or one each.
    """

    OFF_GAIN = 1e-4

    def __init__(
        self,
        layout: AmplifierLayout,
        imperfections: AmplifierImperfections,
        photons_per_field: float,
        saturation_watts: float,
        generator: np.random.Generator,
    ) -> None:
        self._layout = layout
        self._imperfections = imperfections
        self._photons_per_field = photons_per_field
        self._saturation_watts = saturation_watts
        self.spread = _spread(generator, imperfections.gain_spread, layout.channels)
        self.set_current(0.0, enabled=False)

    def small_signal_gain(self, current_amperes: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return the nominal unsaturated power gain at a current, any shape."""
        layout = self._layout
        return small_signal_gain(
            1e3 * np.asarray(current_amperes, np.float64),
            1e3 * layout.transparency_amperes,
            1e3 * layout.scale_amperes,
            layout.highest_decibels,
        )

    def set_current(self, amperes: npt.ArrayLike, *, enabled: bool) -> None:
        """Take on new drive currents ``[channels]``, or one for all."""
        currents = np.unique(np.atleast_1d(np.asarray(amperes, np.float64)))
        if len(currents) > 1:
            currents = np.asarray(amperes, np.float64)
        # One curve serves all channels where they are driven alike.
        gains = self.small_signal_gain(currents) if enabled else np.zeros(1)
        # No current leaves at least as much light as being switched off.
        gains = np.maximum(gains, self.OFF_GAIN)
        self.gain = gains
        self.carrier_gain = np.float32(math.sqrt(gains[0]) * float(self.spread[0]))
        own = self._imperfections
        curves = np.zeros((GAIN_TERMS, len(gains)), complex)
        curves[-1] = np.sqrt(gains)
        knees = own.saturation_power / (gains * self._saturation_watts)
        for channel, (gain, knee) in enumerate(zip(gains.tolist(), knees.tolist(), strict=True)):
            if own.saturates and gain > 1:
                curves[:, channel] = self._fitted_curve(gain, knee)
        quanta = own.inversion_factor * np.maximum(gains - 1, 0.0)
        self.noise_field = np.sqrt(0.5 * quanta / self._photons_per_field).astype(np.float32)
        # Nothing at all where there is no noise, so that none is drawn.
        widths = self.noise_field if self.noise_field.any() else np.zeros(0)
        self.curves = GainCurves(
            self._for_every_channel(curves.real),
            self._for_every_channel(curves.imag),
            self._for_every_channel(knees),
            self.spread,
            self._for_every_channel(widths) if len(widths) else np.zeros(0, np.float32),
        )

    def _for_every_channel(self, values: npt.NDArray[np.floating]) -> Floats:
        """Return values ``[..., 1 or n]`` as ``[..., n]``."""
        shape = (*values.shape[:-1], len(self.spread))
        return np.ascontiguousarray(np.broadcast_to(values, shape), np.float32)

    def _fitted_curve(self, gain: float, knee: float) -> npt.NDArray[np.complex128]:
        """Return a polynomial for the field gain against input power, highest term first.

        In ``P / (P + knee)``, in which the curve is smooth, brought to the range -1 to 1. The
        terms left out are below 1e-6 of it up to 30 dB and 1e-3 up to 40 dB.
        """
        own = self._imperfections
        nodes = 0.5 * (1 - np.cos(np.pi * (np.arange(64) + 0.5) / 64))
        shares = nodes * LARGEST_POWER / (LARGEST_POWER + knee)
        places = 2 * nodes - 1
        watts = knee * shares / (1 - shares) * self._saturation_watts
        fields = field_gain(watts, gain, own.saturation_power, own.linewidth_enhancement)
        real = np.polyfit(places, fields.real, GAIN_TERMS - 1)
        imaginary = np.polyfit(places, fields.imag, GAIN_TERMS - 1)
        return np.asarray(real + 1j * imaginary, np.complex128)


class AbsorberTruth:
    """The medium as it is in front of one stage's neurons.

    Attributes
    ----------
    overlap
        ``[n]`` share of each probe's power that lies within its pump. The tap behind projects the
        probe on its mode, ``integral of |u|^2 t``, so that parts of the beam add up as fields, in
        proportion to the power they hold: what lies beside the pump sees the medium unbleached.
    """

    def __init__(
        self,
        layout: AbsorberLayout,
        neurons: int,
        imperfections: AbsorberImperfections,
        error: float,
        generator: np.random.Generator,
        alignment: np.random.Generator,
    ) -> None:
        sign = 1.0 if layout.kind == "absorber" else -1.0
        self._nominal = sign * layout.optical_depth * (1 + imperfections.depth_error * error)
        self._relative = _spread(generator, imperfections.depth_spread, neurons)
        self._propagated = layout.model == "propagated"
        self.finite_probe = imperfections.finite_probe
        displaced = imperfections.probe_displacement * alignment.normal(size=2)
        share = np.exp(-float(displaced @ displaced))
        self.overlap = np.full(neurons, share, np.float32)
        self.set_depth_factor(1.0)

    @property
    def overlap(self) -> Floats:
        """``[n]`` share of each probe's power that lies within its pump."""
        return self._overlap

    @overlap.setter
    def overlap(self, shares: Floats) -> None:
        self._overlap = np.array(shares, np.float32)
        self._overlap.flags.writeable = False
        self._is_displaced = bool(np.min(shares) < 1)

    def set_depth_factor(self, factor: float) -> None:
        """Scale the optical depth, as oven and detuning do."""
        self.depth = (self._nominal * factor * self._relative).astype(np.float32)

    def medium_for(self, power: Floats, *, probe: bool) -> Medium | None:
        """Return what pump or probe cross where ``power [B, n]`` saturates the medium.

        ``None`` where that is not all there is to it: then ``passed`` and ``probed`` say.
        """
        if self._propagated or (probe and self._is_displaced):
            return None
        return Medium(self.depth, power, probe and self.finite_probe)

    def passed(self, light: Field, power: Floats, *, saturates: bool) -> Field:
        """Return ``light [1 or 2, B, n]`` behind the medium.

        Parameters
        ----------
        light
            What passes, either way.
        power
            ``[B, n]`` that saturates the medium, in units of the saturation power.
        saturates
            Whether the power of ``light`` itself comes on top of that.
        """
        behind = np.empty_like(light)
        if self._propagated:
            if saturates:
                power = power + np.square(light).sum(axis=0)
            passed = absorption.transmission_propagated(np.sqrt(power), self.depth)
            np.multiply(light, passed, out=behind)
        else:
            absorb(light, behind, Medium(self.depth, power, saturates))
        return behind

    def probed(self, light: Field, power: Floats) -> Field:
        """Return a probe ``[1 or 2, B, n]`` behind the medium that ``power [B, n]`` bleaches."""
        within = self.passed(light, power, saturates=self.finite_probe)
        if not self._is_displaced:
            return within
        beside = self.passed(light, np.zeros_like(power), saturates=self.finite_probe)
        return self.overlap * within + (np.float32(1) - self.overlap) * beside


class DetectorTruth:
    """A bank of taps as it is.

    Attributes
    ----------
    bank_phase, neuron_phase, drift_radians, actuator_radians
        Phase of the reference against the light: as aligned, of each detector, as it drifts, and
        as an actuator turns it.
    noise_variance, dark_variance
        Noise with and without the reference, ``[2, n]`` as ``Tap`` has it.
    """

    def __init__(
        self,
        layout: DetectorLayout,
        imperfections: TapImperfections,
        photons_per_field: float,
        generator: np.random.Generator,
    ) -> None:
        count = layout.channels
        own = imperfections
        self.layout = layout
        self.gain = (layout.volts_per_field * _spread(generator, own.gain_spread, count)).astype(
            np.float32
        )
        self.offset_volts = _spread(generator, own.offset, count, 0.0)
        self.bank_phase = own.bank_phase * float(generator.normal())
        self.neuron_phase = own.neuron_phase * generator.normal(size=count)
        self.drift_radians = 0.0
        self.actuator_radians = 0.0
        angle = generator.uniform(0, 2 * np.pi, count)
        self.reflection = own.reflection * np.exp(1j * angle)
        self.reflects = own.reflection > 0
        self.reflection_wander = np.zeros(count)
        shot = 0.0
        if own.shot_noise:
            quanta = own.tapped * photons_per_field
            shot = 1 / (2 * math.sqrt(own.efficiency * quanta) * own.visibility)
        shot_variance = (shot * self.gain) ** 2
        # A reference a thousand times the signal of a field of 1.
        self.noise_variance = np.stack(
            [shot_variance + own.electronic_noise**2, 1e-3 * shot_variance]
        ).astype(np.float32)
        self.dark_variance = np.zeros_like(self.noise_variance)
        self.dark_variance[0] = own.electronic_noise**2
        self.digitiser = Digitiser(
            layout.full_scale_volts, layout.step_volts if own.quantised else 0.0
        )
        self.correlation_seconds = own.phase_drift_time
        self.drift_rms = own.phase_drift
        self.response = np.stack(
            [
                self.gain * np.cos(self.neuron_phase),
                self.gain * np.sin(self.neuron_phase),
                self.offset_volts,
                self.reflection.real,
                self.reflection.imag,
            ]
        ).astype(np.float32)

    def wander(self, kept: float, spread: float, normals: npt.NDArray[np.float64]) -> None:
        """Let reflections keep a share of their wander and add ``spread`` times ``normals [n]``."""
        self.reflect(kept * self.reflection_wander + spread * normals)

    def reflect(self, wander: npt.NDArray[np.float64]) -> None:
        """Let each reflection be off by a share ``wander [n]`` of itself."""
        self.reflection_wander = wander
        reflection = self.reflection * (1 + wander)
        self.response[3], self.response[4] = reflection.real, reflection.imag

    def without_reference(self) -> DarkTap:
        """Return the taps as they are where no reference arrives."""
        return DarkTap(self)

    @property
    def phase_radians(self) -> float:
        """Phase of the bank's reference now."""
        return self.bank_phase + self.drift_radians + self.actuator_radians


class DarkTap:
    """Balanced detectors without their reference: they see nothing but their own offset."""

    def __init__(self, bank: DetectorTruth) -> None:
        self.response = bank.response * np.array([[0], [0], [1], [1], [1]], np.float32)
        self.noise_variance = bank.dark_variance
        self.phase_radians = bank.phase_radians
        self.digitiser = bank.digitiser
        self.reflects = bank.reflects
