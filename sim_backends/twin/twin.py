"""The twin of a bench: given what every instrument shows now, what does every detector see?

It is told nothing but what instruments do in device units: volts, grey levels, amperes, degrees.
Weights, inputs and tables stay with the software that drives the instruments, which has to find
out the truth hidden here by measuring.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from sim_backends.optics.atomic_vapour import detuned_optical_depth, optical_depth_at
from sim_backends.twin.clock import SimulatedClock
from sim_backends.twin.devices import AbsorberTruth, AmplifierTruth, DetectorTruth, ModulatorTruth
from sim_backends.twin.imperfections import Imperfections
from sim_backends.twin.layout import Port, TwinLayout
from sim_backends.twin.noise import NoiseStream
from sim_backends.twin.readout import read_bank
from sim_backends.twin.stage import Field, StageTruth

Floats = npt.NDArray[np.float32]

BIAS_DRIFT_INTERVAL_SECONDS = 1.0
"""Biases wander over minutes: moving them in steps of a second saves work in between."""


class Twin:
    """All that simulated instruments of one bench share.

    Parameters
    ----------
    layout
        Which instrument sits where, with nominal properties.
    imperfections
        How far the truth may be from nominal; its seed draws the truth and all noise.

    Attributes
    ----------
    clock
        The bench's time.
    stages, modulators, amplifiers, detectors
        The truth itself, for tests and reports; no calibration looks here.
    """

    def __init__(self, layout: TwinLayout, imperfections: Imperfections) -> None:
        self.layout = layout
        self.imperfections = imperfections
        self.clock = SimulatedClock()
        truth_seed, drift_seed = np.random.SeedSequence(imperfections.seed).spawn(2)
        generator = np.random.default_rng(truth_seed)
        self._generator = np.random.default_rng(drift_seed)
        self._noise = NoiseStream(imperfections.seed)
        self.modulators = {
            name: ModulatorTruth(one, imperfections.modulators, generator)
            for name, one in sorted(layout.modulators.items())
        }
        self.amplifiers = {
            name: AmplifierTruth(
                one,
                imperfections.amplifiers,
                layout.photons_per_field,
                layout.saturation_watts,
                generator,
            )
            for name, one in sorted(layout.amplifiers.items())
        }
        depth_error = float(generator.normal())
        self.stages = [
            StageTruth(
                one,
                layout.panels[one.panel],
                imperfections,
                None if one.amplifier is None else self.amplifiers[one.amplifier],
                AbsorberTruth(
                    layout.absorber, one.outputs, imperfections.absorber, depth_error, generator
                )
                if one.absorber
                else None,
                generator,
            )
            for one in layout.stages
        ]
        self.detectors = {
            name: DetectorTruth(one, imperfections.taps, layout.photons_per_field, generator)
            for name, one in sorted(layout.detectors.items())
        }
        self._stage_of_panel = {stage.layout.panel: stage for stage in self.stages}
        self._drives: dict[str, Floats] = {
            name: np.zeros((1, one.channels), np.float32) for name, one in layout.modulators.items()
        }
        self._versions = dict.fromkeys(layout.modulators, 0)
        self._medium_version = 0
        self._open = {
            name: True for name in (layout.pump_shutter, layout.probe_shutter) if name is not None
        }
        self.laser_on = True
        self._detuning_hertz = 0.0
        self._oven_celsius = layout.absorber.oven_celsius
        self._keys: list[object] = [None] * len(self.stages)
        self._since_bias_drift = 0.0

    # What instruments do ---------------------------------------------------------------------

    def drive(self, name: str, volts: Floats) -> None:
        """Let modulators step through ``volts [shots, n]``, or hold ``[1, n]``."""
        self._drives[name] = volts
        self._versions[name] += 1

    def show(self, panel: str, depth: npt.NDArray[Any], offset: npt.NDArray[Any]) -> None:
        """Let a panel show blocks of grating from now on."""
        self._stage_of_panel[panel].show(depth, offset, self.clock.now())

    def darken(self, panel: str) -> None:
        """Let a panel show one level everywhere."""
        self._stage_of_panel[panel].go_dark()

    def set_current(self, amplifier: str, amperes: float, *, enabled: bool) -> None:
        """Drive an amplifier (all its channels) with a current."""
        self.amplifiers[amplifier].set_current(amperes, enabled=enabled)
        self._medium_version += 1

    def set_shutter(self, name: str, is_open: bool) -> None:
        """Open or close a shutter."""
        if name in self._open:
            self._open[name] = is_open
            self._medium_version += 1

    def set_laser(self, *, enabled: bool, detuning_hertz: float) -> None:
        """Switch or detune the laser."""
        self.laser_on = enabled
        self._detuning_hertz = detuning_hertz
        self._update_medium()

    def set_oven(self, celsius: float) -> None:
        """Bring the vapour cell to a temperature."""
        self._oven_celsius = celsius
        self._update_medium()

    def _update_medium(self) -> None:
        nominal = self.layout.absorber.oven_celsius
        factor = 1.0
        if self._oven_celsius != nominal:
            factor = float(optical_depth_at(self._oven_celsius, nominal, 1.0))
        if self._detuning_hertz:
            width = 2 * np.pi * self.layout.linewidth_hertz
            turned = 2 * np.pi * self._detuning_hertz
            factor *= float(detuned_optical_depth(1.0, turned, width))
        for stage in self.stages:
            if stage.absorber is not None:
                stage.absorber.set_depth_factor(factor)
        self._medium_version += 1

    # What detectors see ----------------------------------------------------------------------

    def expose(self, shots: int, banks: Iterable[str]) -> dict[str, Floats]:
        """Take ``shots`` shots; return the volts ``[shots, n]`` of the banks named."""
        wanted = set(banks)
        elapsed = shots * self.layout.shot_period_seconds
        self.clock.wait(elapsed)
        self._drift(elapsed)
        self._shine(shots)
        self._send_back(shots)
        volts = {}
        for stage in self.stages:
            for port, name in stage.layout.taps.items():
                if name in wanted:
                    volts[name] = self._read(stage, port, self.detectors[name], shots)
        return volts

    def _drift(self, elapsed: float) -> None:
        self._since_bias_drift += elapsed
        if self._since_bias_drift >= BIAS_DRIFT_INTERVAL_SECONDS:
            for name, modulator in self.modulators.items():
                modulator.drift(self._since_bias_drift, self._generator)
                self._versions[name] += 1
            self._since_bias_drift = 0.0
        for detector in self.detectors.values():
            detector.drift(elapsed, self._generator)

    def _field_of(self, modulators: str, shots: int) -> Floats:
        drive = self._drives[modulators]
        field = self.modulators[modulators].field(drive[:shots])
        if len(field) == shots:
            return field
        # A held setting, or a sequence shorter than the shots: the last one stays.
        rest = np.repeat(field[-1:], shots - len(field), axis=0)
        return np.concatenate([field, rest])

    def _is_open(self, shutter: str | None) -> bool:
        return self.laser_on and (shutter is None or self._open[shutter])

    def _shine(self, shots: int) -> None:
        moment = self.clock.now()
        pump = self._is_open(self.layout.pump_shutter)
        fresh = False
        for index, stage in enumerate(self.stages):
            one = stage.layout
            noisy = stage._amplifies_neurons and bool(
                stage.amplifier is not None and stage.amplifier.noise_field
            )
            key = (
                shots,
                pump,
                stage.version,
                self._medium_version,
                one.source and self._versions[one.source],
                one.emitter and self._versions[one.emitter],
            )
            follows_fresh_light = one.source is None and fresh
            if key == self._keys[index] and not follows_fresh_light and not noisy:
                fresh = False
                continue
            fresh = True
            x: Field
            if one.source is None:
                x = self.stages[index - 1].a
            elif pump:
                x = (self._field_of(one.source, shots), None)
            else:
                x = (np.zeros((shots, one.inputs), np.float32), None)
            emitted = None
            if one.emitter is not None and pump:
                emitted = self._field_of(one.emitter, shots)
            stage.shine(x, emitted, moment, self._noise)
            self._keys[index] = key

    def _send_back(self, shots: int) -> None:
        moment = self.clock.now()
        probe = self._is_open(self.layout.probe_shutter)
        returning: Field | None = None
        for index in range(len(self.stages) - 1, -1, -1):
            stage = self.stages[index]
            one = stage.layout
            arriving = returning
            if one.injector is not None and probe:
                injected = self._field_of(one.injector, shots)
                if arriving is None:
                    arriving = (injected, None)
                else:
                    arriving = (arriving[0] + injected, arriving[1])
            returning = None
            stage.delta = stage.rho = None
            if arriving is None:
                continue
            stage.send_back(arriving)
            if one.source is None or "rho" in one.taps:
                back = stage.return_to_source(moment, self._noise)
                returning = back if one.source is None else None

    def _read(self, stage: StageTruth, port: Port, bank: DetectorTruth, shots: int) -> Floats:
        light, pump = self._light_at(stage, port, shots)
        real, imaginary = light
        if imaginary is None:
            imaginary = np.zeros_like(real)
        if pump is not None and bank.reflects:
            real, imaginary = _with_reflection(real, imaginary, pump, bank)
        return read_bank(
            np.ascontiguousarray(real),
            np.ascontiguousarray(imaginary),
            *bank.quadratures(),
            bank.offset_volts,
            bank.floor_variance,
            bank.signal_variance,
            bank.layout.full_scale_volts,
            bank.step_volts,
            self._noise,
        )

    def _light_at(self, stage: StageTruth, port: Port, shots: int) -> tuple[Field, Field | None]:
        """Return the light at a port and the pump that is reflected into it."""
        if port == "z":
            return stage.z, None
        if port == "a":
            return stage.a, None
        back = stage.delta if port == "delta" else stage.rho
        pump = stage.z if port == "delta" else stage.x
        if back is None:
            dark = np.zeros((shots, len(pump[0][0])), np.float32)
            return (dark, dark), pump
        return back, pump

    # State -----------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return everything the next exposure depends on besides what instruments hold."""
        state: dict[str, Any] = {
            "clock": self.clock.seconds,
            "since_bias_drift": self._since_bias_drift,
            "noise": self._noise.place,
            "generator": self._generator.bit_generator.state,
            "detectors": {name: one.drift_radians for name, one in self.detectors.items()},
        }
        for name, modulator in self.modulators.items():
            state[f"modulators/{name}"] = modulator.drift_radians.copy()
        for index, stage in enumerate(self.stages):
            for name, value in stage.state().items():
                state[f"stages/{index}/{name}"] = value
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what ``state`` returned."""
        self.clock.seconds = float(state["clock"])
        self._since_bias_drift = float(state["since_bias_drift"])
        self._noise.place = int(state["noise"])
        self._generator.bit_generator.state = state["generator"]
        for name, drift in state["detectors"].items():
            self.detectors[name].drift_radians = float(drift)
        for name, modulator in self.modulators.items():
            modulator.drift_radians = np.array(state[f"modulators/{name}"])
        for index, stage in enumerate(self.stages):
            stage.restore({name: state[f"stages/{index}/{name}"] for name in stage.state()})
        self._keys = [None] * len(self.stages)


def _with_reflection(
    real: Floats, imaginary: Floats, pump: Field, bank: DetectorTruth
) -> tuple[Floats, Floats]:
    """Add the pump that coatings and windows send back, each neuron with its own phase."""
    pump_real, pump_imaginary = pump
    real = real + pump_real * bank.reflection_real
    imaginary = imaginary + pump_real * bank.reflection_imaginary
    if pump_imaginary is not None:
        real -= pump_imaginary * bank.reflection_imaginary
        imaginary += pump_imaginary * bank.reflection_real
    return real, imaginary
