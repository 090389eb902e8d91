"""The hidden truth of single devices: what differs from nominal, and what it does to light."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from instruments.network import Array
from sim_backends import absorption
from sim_backends.optics.phase_drift import drifted
from sim_backends.optics.semiconductor_amplifier import field_gain, small_signal_gain
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
from sim_backends.twin.noise import NoiseStream

Floats = npt.NDArray[np.float32]


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

    def field(self, volts: Floats) -> Array:
        """Return the field ``[B, n]`` behind modulators at ``volts``."""
        angle = np.empty(volts.shape, np.float32)
        bias = self.bias_radians + self.drift_radians.astype(np.float32)
        turn = np.float32(0.5 * math.pi) / self.half_wave_volts
        _modulator_angle(np.ascontiguousarray(volts), self.step_volts, turn, bias, angle)
        np.sin(angle, out=angle)
        angle += self.leakage
        angle *= self.field_at_full
        return angle


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"})
def _modulator_angle(
    volts: Floats, step: np.float32, turn: Floats, bias: Floats, angle: Floats
) -> None:
    for shot in range(volts.shape[0]):
        if step > np.float32(0):
            for i in range(volts.shape[1]):
                angle[shot, i] = np.rint(volts[shot, i] / step) * step * turn[i] + bias[i]
        else:
            for i in range(volts.shape[1]):
                angle[shot, i] = volts[shot, i] * turn[i] + bias[i]


class AmplifierTruth:
    """Optical amplifiers as they are; one for a stage's whole light, or one a neuron."""

    _SAMPLES = 512
    _LARGEST_POWER = 16.0
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
        self._real = self._imaginary = np.zeros(0, np.float32)
        self.set_current(0.0, enabled=False)

    def small_signal_gain(self, current_amperes: float) -> float:
        """Return the nominal unsaturated power gain at a current."""
        layout = self._layout
        return float(
            small_signal_gain(
                1e3 * current_amperes,
                1e3 * layout.transparency_amperes,
                1e3 * layout.scale_amperes,
                layout.highest_decibels,
            )
        )

    def set_current(self, amperes: float, *, enabled: bool) -> None:
        """Take on a new drive current."""
        self.gain = self.small_signal_gain(amperes) if enabled else self.OFF_GAIN
        own = self._imperfections
        if own.saturates and self.gain > 1:
            powers = np.linspace(0, self._LARGEST_POWER, self._SAMPLES) * self._saturation_watts
            curve = field_gain(powers, self.gain, own.saturation_power, own.linewidth_enhancement)
        else:
            curve = np.full(self._SAMPLES, math.sqrt(self.gain), complex)
        self._real = curve.real.astype(np.float32)
        self._imaginary = curve.imag.astype(np.float32)

    @property
    def noise_field(self) -> float:
        """Rms of the spontaneous emission in each quadrature behind the amplifier."""
        quanta = self._imperfections.inversion_factor * max(0.0, self.gain - 1)
        return math.sqrt(0.5 * quanta / self._photons_per_field)

    @property
    def carrier_gain(self) -> np.float32:
        """Field gain of a single amplifier for the steady light in front of modulators."""
        return np.float32(math.sqrt(self.gain) * float(self.spread[0]))

    def amplified(
        self, real: Floats, imaginary: Floats | None, noise: NoiseStream
    ) -> tuple[Floats, Floats]:
        """Return the field ``[B, n]`` behind an array of amplifiers, noise included."""
        gained, turned = np.empty(real.shape, np.float32), np.empty(real.shape, np.float32)
        if imaginary is None:
            imaginary = np.zeros_like(real)
        scale = np.float32((self._SAMPLES - 1) / self._LARGEST_POWER)
        _amplify(real, imaginary, self._real, self._imaginary, scale, self.spread, gained, turned)
        self.add_noise(gained, turned, noise)
        return gained, turned

    def returned(
        self,
        real: Floats,
        imaginary: Floats,
        pump_real: Floats,
        pump_imaginary: Floats | None,
        noise: NoiseStream,
    ) -> tuple[Floats, Floats]:
        """Return backward light ``[B, n]`` amplified with the gain the pump leaves it."""
        if pump_imaginary is None:
            pump_imaginary = np.zeros_like(pump_real)
        gain_real, gain_imaginary = np.empty_like(real), np.empty_like(real)
        scale = np.float32((self._SAMPLES - 1) / self._LARGEST_POWER)
        _gain(
            pump_real,
            pump_imaginary,
            self._real,
            self._imaginary,
            scale,
            self.spread,
            gain_real,
            gain_imaginary,
        )
        returned_real = real * gain_real - imaginary * gain_imaginary
        returned_imaginary = real * gain_imaginary + imaginary * gain_real
        self.add_noise(returned_real, returned_imaginary, noise)
        return returned_real, returned_imaginary

    def add_noise(self, real: Floats, imaginary: Floats, noise: NoiseStream) -> None:
        """Add spontaneous emission to both quadratures, in place."""
        width = np.float32(self.noise_field)
        if width:
            first, second = noise.complex_normals(real.shape)
            real += width * first
            imaginary += width * second


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"})
def _gain(
    real: Floats,
    imaginary: Floats,
    curve_real: Floats,
    curve_imaginary: Floats,
    scale: np.float32,
    spread: Floats,
    gain_real: Floats,
    gain_imaginary: Floats,
) -> None:
    last = np.float32(len(curve_real) - 1.001)
    for shot in range(real.shape[0]):
        for i in range(real.shape[1]):
            er, ei = real[shot, i], imaginary[shot, i]
            at = min((er * er + ei * ei) * scale, last)
            below = np.int32(at)
            share = at - np.float32(below)
            rest = np.float32(1) - share
            gain_real[shot, i] = spread[i] * (
                rest * curve_real[below] + share * curve_real[below + 1]
            )
            gain_imaginary[shot, i] = spread[i] * (
                rest * curve_imaginary[below] + share * curve_imaginary[below + 1]
            )


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"})
def _amplify(
    real: Floats,
    imaginary: Floats,
    curve_real: Floats,
    curve_imaginary: Floats,
    scale: np.float32,
    spread: Floats,
    gained: Floats,
    turned: Floats,
) -> None:
    _gain(real, imaginary, curve_real, curve_imaginary, scale, spread, gained, turned)
    for shot in range(real.shape[0]):
        for i in range(real.shape[1]):
            gr, gi = gained[shot, i], turned[shot, i]
            er, ei = real[shot, i], imaginary[shot, i]
            gained[shot, i] = gr * er - gi * ei
            turned[shot, i] = gr * ei + gi * er


class AbsorberTruth:
    """The medium as it is in front of one stage's neurons."""

    def __init__(
        self,
        layout: AbsorberLayout,
        neurons: int,
        imperfections: AbsorberImperfections,
        error: float,
        generator: np.random.Generator,
    ) -> None:
        sign = 1.0 if layout.kind == "absorber" else -1.0
        self._nominal = sign * layout.optical_depth * (1 + imperfections.depth_error * error)
        self._relative = _spread(generator, imperfections.depth_spread, neurons)
        self._propagated = layout.model == "propagated"
        self.finite_probe = imperfections.finite_probe
        self.depth = self._nominal * self._relative

    def set_depth_factor(self, factor: float) -> None:
        """Scale the optical depth, as oven and detuning do."""
        self.depth = (self._nominal * factor * self._relative).astype(np.float32)

    def transmission(self, power: Floats) -> Floats:
        """Return the field transmission ``[B, n]`` at powers in units of the saturation power."""
        if self._propagated:
            out = np.empty_like(power)
            for j, depth in enumerate(self.depth):
                field = np.sqrt(power[:, j])
                out[:, j] = absorption.transmission_propagated(field, float(depth))
            return out
        out = power + np.float32(1)
        np.divide(np.float32(-0.5) * self.depth, out, out=out)
        return np.exp(out, out=out)


class DetectorTruth:
    """A bank of taps as it is."""

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
        self._drift = (own.phase_drift, own.phase_drift_time)
        angle = generator.uniform(0, 2 * np.pi, count)
        self.reflection_real = (own.reflection * np.cos(angle)).astype(np.float32)
        self.reflection_imaginary = (own.reflection * np.sin(angle)).astype(np.float32)
        self.reflects = own.reflection > 0
        shot = 0.0
        if own.shot_noise:
            quanta = own.tapped * photons_per_field
            shot = 1 / (2 * math.sqrt(own.efficiency * quanta) * own.visibility)
        self.floor_variance = ((shot * self.gain) ** 2 + own.electronic_noise**2).astype(np.float32)
        # A reference a thousand times the signal of a field of 1.
        self.signal_variance = (1e-3 * (shot * self.gain) ** 2).astype(np.float32)
        self.step_volts = layout.step_volts if own.quantised else 0.0

    def drift(self, elapsed_seconds: float, generator: np.random.Generator) -> None:
        """Let the phase of the bank wander."""
        rms, correlation = self._drift
        if rms:
            normal = generator.normal(size=1)
            self.drift_radians = float(
                drifted(np.array([self.drift_radians]), elapsed_seconds, correlation, rms, normal)[
                    0
                ]
            )

    def quadratures(self) -> tuple[Floats, Floats]:
        """Return volts per real and per imaginary unit of field, ``[n]`` each."""
        phase = self.bank_phase + self.drift_radians + self.neuron_phase
        in_phase = (self.gain * np.cos(phase)).astype(np.float32)
        return in_phase, (self.gain * np.sin(phase)).astype(np.float32)
