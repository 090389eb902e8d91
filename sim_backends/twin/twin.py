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
from sim_backends.optics.phase_drift import transition
from sim_backends.twin.camera import CameraTruth
from sim_backends.twin.clock import SimulatedClock
from sim_backends.twin.devices import (
    AbsorberTruth,
    AmplifierTruth,
    DetectorTruth,
    Field,
    ModulatorTruth,
)
from sim_backends.twin.faults import Faults
from sim_backends.twin.imperfections import Imperfections
from sim_backends.twin.layout import Port, TwinLayout
from sim_backends.twin.mirrors import MirrorTruth
from sim_backends.twin.neuron_plane import Tap, read
from sim_backends.twin.noise import NoiseStream
from sim_backends.twin.stage import StageTruth
from sim_backends.twin.weight_panel import PanelTruth
from sim_backends.twin.workspace import Workspace

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
    faults
        What has been broken on purpose.
    noise
        Where all noise of light comes from.
    shot_period_seconds
        Time from one shot to the next.
    stages, modulators, mirrors, amplifiers, detectors, cameras
        The truth itself, for tests and reports; no calibration looks here.
    """

    def __init__(self, layout: TwinLayout, imperfections: Imperfections) -> None:
        self.layout = layout
        self.imperfections = imperfections
        self.clock = SimulatedClock()
        self.faults = Faults()
        self.shot_period_seconds = layout.shot_period_seconds
        seeds = np.random.SeedSequence(imperfections.seed).spawn(3)
        truth_seed, drift_seed, alignment_seed = seeds
        generator = np.random.default_rng(truth_seed)
        # Where beams are is drawn apart: what instruments are like does not depend on it.
        alignment = np.random.default_rng(alignment_seed)
        self._generator = np.random.default_rng(drift_seed)
        self.noise = NoiseStream(imperfections.seed)
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
                    layout.absorber,
                    one.outputs,
                    imperfections.absorber,
                    depth_error,
                    generator,
                    alignment,
                )
                if one.absorber
                else None,
                generator,
                alignment,
            )
            for one in layout.stages
        ]
        self.detectors = {
            name: DetectorTruth(one, imperfections.taps, layout.photons_per_field, generator)
            for name, one in sorted(layout.detectors.items())
        }
        self.mirrors = {
            name: MirrorTruth(one, imperfections.mirrors, generator, alignment)
            for name, one in sorted(layout.mirrors.items())
        }
        self.cameras = {
            name: CameraTruth(one, imperfections.cameras, imperfections.taps.visibility, generator)
            for name, one in sorted(layout.cameras.items())
        }
        self._stage_of_panel = {stage.layout.panel: stage for stage in self.stages}
        self._drives: dict[str, npt.NDArray[Any]] = {
            name: np.zeros((1, one.channels), np.float32) for name, one in layout.modulators.items()
        }
        for name, mirrors in layout.mirrors.items():
            self._drives[name] = np.zeros((1, mirrors.channels), np.complex64)
        self._versions = dict.fromkeys(self._drives, 0)
        self._medium_version = 0
        shutters = (layout.pump_shutter, layout.probe_shutter, layout.reference_shutter)
        self._open = {name: True for name in shutters if name is not None}
        self.laser_on = True
        self._laser_amplitude = np.float32(1)
        self._workspace = Workspace()
        self._detuning_hertz = 0.0
        self._oven_celsius = layout.absorber.oven_celsius
        self._keys: list[object] = [None] * len(self.stages)
        self._lit_taps: dict[frozenset[str], list[dict[Port, Tap]]] = {}
        self._since_bias_drift = 0.0
        self._drifted_to = 0.0

    # What instruments do ---------------------------------------------------------------------

    def drive(self, name: str, drive: npt.NDArray[Any]) -> None:
        """Let an emitter step through ``drive [shots, n]``, or hold ``[1, n]``.

        Volts of modulators; of mirrors the complex share of the light on each block that the
        frames send on.
        """
        self._drives[name] = drive
        self._versions[name] += 1

    def show(
        self,
        panel: str,
        depth: npt.NDArray[Any],
        offset: npt.NDArray[Any],
        moment: float | None = None,
    ) -> None:
        """Let a panel show blocks of grating from a moment on, by default from now on."""
        begin = self.clock.now() if moment is None else moment
        self._stage_of_panel[panel].show(depth, offset, begin)

    def show_coefficients(
        self, panel: str, real: Floats, imaginary: Floats, moment: float | None = None
    ) -> None:
        """Let a panel show a frame of pixels whose blocks diffract with these coefficients."""
        begin = self.clock.now() if moment is None else moment
        self._stage_of_panel[panel].show_coefficients(real, imaginary, begin)

    def panel_truth(self, panel: str) -> PanelTruth:
        """Return the hidden optics of a panel, for whoever works out the light of its pixels."""
        return self._stage_of_panel[panel].panel

    def darken(self, panel: str) -> None:
        """Let a panel show one level everywhere."""
        self._stage_of_panel[panel].go_dark()

    def set_current(self, amplifier: str, amperes: npt.ArrayLike, *, enabled: bool) -> None:
        """Drive an amplifier with currents ``[channels]``, or with one for all."""
        self.amplifiers[amplifier].set_current(amperes, enabled=enabled)
        self._medium_version += 1

    def set_shutter(self, name: str, is_open: bool) -> None:
        """Open or close a shutter."""
        if name in self._open:
            self._open[name] = is_open
            self._medium_version += 1

    def set_reference_phase(self, bank: str, radians: float) -> None:
        """Turn the phase of a bank's references by an actuator."""
        self.detectors[bank].actuator_radians = radians

    def set_laser(
        self, *, enabled: bool, detuning_hertz: float, relative_power: float = 1.0
    ) -> None:
        """Switch, detune or attenuate the laser; power relative to what fields are stated for."""
        self.laser_on = enabled
        self._laser_amplitude = np.float32(np.sqrt(relative_power))
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
        self.clock.wait(shots * self.shot_period_seconds)
        # Time passes between exposures too, while panels settle.
        self._drift(self.clock.now() - self._drifted_to)
        self._drifted_to = self.clock.now()
        taps = self._taps_of(frozenset(banks))
        for stage in self.stages:
            stage.volts = {}
        self._shine(shots, taps)
        self._send_back(shots, taps)
        volts = {}
        for stage, own in zip(self.stages, taps, strict=True):
            for port, tap in own.items():
                readings = stage.volts.get(port)
                if readings is None:
                    readings = read(*self._light_at(stage, port), tap, self.noise)
                name = stage.layout.taps[port]
                full_scale = self.detectors[name].layout.full_scale_volts
                volts[name] = self.faults.read(name, readings, full_scale)
        return volts

    def _taps_of(self, banks: frozenset[str]) -> list[dict[Port, Tap]]:
        """Return the taps of each stage that belong to these banks, as they are now."""
        references = self._is_open(self.layout.reference_shutter)
        taps = self._lit_taps.get(banks) if references else None
        if taps is None:
            taps = [
                {
                    port: bank if references else bank.without_reference()
                    for port, bank in (
                        (port, self.detectors[name])
                        for port, name in stage.layout.taps.items()
                        if name in banks
                    )
                }
                for stage in self.stages
            ]
        if references:
            self._lit_taps[banks] = taps
        return taps

    def _drift(self, elapsed: float) -> None:
        self._since_bias_drift += elapsed
        if self._since_bias_drift >= BIAS_DRIFT_INTERVAL_SECONDS:
            for name, modulator in self.modulators.items():
                modulator.drift(self._since_bias_drift, self._generator)
                self._versions[name] += 1
            self._since_bias_drift = 0.0
        self._drift_phases(elapsed)

    def _drift_phases(self, elapsed: float) -> None:
        taps = self.imperfections.taps
        if taps.phase_drift:
            kept, spread = transition(elapsed, taps.phase_drift_time, taps.phase_drift)
            normals = self._generator.standard_normal(len(self.detectors)).tolist()
            for bank, normal in zip(self.detectors.values(), normals, strict=True):
                bank.drift_radians = kept * bank.drift_radians + spread * normal
        if taps.reflection_drift:
            kept, spread = transition(elapsed, taps.phase_drift_time, taps.reflection_drift)
            for bank in self.detectors.values():
                normals_of_bank = self._generator.standard_normal(bank.layout.channels)
                bank.wander(kept, spread, normals_of_bank)

    def _field_of(self, emitter: str, shots: int) -> Field:
        drive = self._drives[emitter][:shots]
        field: npt.NDArray[Any]
        if emitter in self.mirrors:
            field = self.mirrors[emitter].field(drive)
        else:
            out = self._workspace.array(emitter, *drive.shape)
            field = self.modulators[emitter].field(drive, out)
        if self._laser_amplitude != 1:
            field *= self._laser_amplitude
        if len(field) < shots:
            # A held setting, or a sequence shorter than the shots: the last one stays.
            rest = np.repeat(field[-1:], shots - len(field), axis=0)
            field = np.concatenate([field, rest])
        field = self.faults.driven(emitter, field)
        if np.iscomplexobj(field):
            return np.stack([field.real, field.imag])
        return field[np.newaxis]

    def _is_open(self, shutter: str | None) -> bool:
        return self.laser_on and (shutter is None or self._open[shutter])

    def _shine(self, shots: int, taps: list[dict[Port, Tap]]) -> None:
        """Work out the forward light, stage by stage.

        A sequence fired again finds the optics unchanged, so its forward light is taken over from
        the first firing, spontaneous emission included: fresh emission would change what the
        second firing measures, the transmission of the absorber, by well under a per cent.
        """
        moment = self.clock.now()
        pump = self._is_open(self.layout.pump_shutter)
        fresh = False
        for index, stage in enumerate(self.stages):
            one = stage.layout
            key = (
                shots,
                pump,
                self.faults.version,
                stage.version,
                self._medium_version,
                one.source and self._versions[one.source],
                one.emitter and self._versions[one.emitter],
            )
            follows_fresh_light = one.source is None and fresh
            lasts = stage.is_settled(moment)
            if key == self._keys[index] and not follows_fresh_light and lasts:
                fresh = False
                continue
            fresh = True
            x: Field
            if one.source is None:
                x = self.stages[index - 1].a
            elif pump:
                x = self._field_of(one.source, shots)
                if one.source in self.mirrors:
                    x = self.mirrors[one.source].imaged(x)
            else:
                x = np.zeros((1, shots, one.inputs), np.float32)
            emitted = None
            if one.emitter is not None and pump:
                emitted = self._field_of(one.emitter, shots)
            stage.shine(x, emitted, moment, self.noise, taps[index])
            # Light through a panel that still moves is worth nothing to the next exposure.
            self._keys[index] = key if lasts else None

    def _send_back(self, shots: int, taps: list[dict[Port, Tap]]) -> None:
        moment = self.clock.now()
        probe = self._is_open(self.layout.probe_shutter)
        returning: Field | None = None
        for index in range(len(self.stages) - 1, -1, -1):
            stage = self.stages[index]
            one = stage.layout
            arriving = returning
            if one.injector is not None and probe:
                injected = self._field_of(one.injector, shots)
                # The light of the stage behind stays what its own tap sees.
                arriving = injected if arriving is None else _joined(arriving, injected)
            returning = None
            stage.delta = stage.rho = None
            if arriving is None:
                continue
            stage.send_back(arriving, self.noise, taps[index])
            if one.source is None or "rho" in one.taps:
                back = stage.return_to_source(moment, self.noise)
                returning = back if one.source is None else None

    def photograph(self, camera: str, shots: int, share: float) -> npt.NDArray[np.uint16]:
        """Return the frames ``[shots, rows, columns]`` that a camera at a tap took of these shots.

        ``share`` is the length of its exposure, relative to the one its counts are stated for.
        """
        bank = self.detectors[camera]
        stage, port = next(
            (stage, port)
            for stage in self.stages
            for port, name in stage.layout.taps.items()
            if name == camera
        )
        light, pump = self._light_at(stage, port)
        field = _complex(light[:, :shots])
        if pump is not None and bank.reflects:
            field = field + (bank.response[3] + 1j * bank.response[4]) * _complex(pump[:, :shots])
        relative = bank.gain / bank.layout.volts_per_field
        phases = bank.phase_radians + bank.neuron_phase
        seen = (field * (relative * np.exp(-1j * phases)).astype(np.complex64)).astype(np.complex64)
        # What a camera has no pixels for stays unseen, such as the dark level of a detector.
        return self.cameras[camera].frames(
            np.stack([seen.real, seen.imag]),
            reference=self._is_open(self.layout.reference_shutter),
            share=share,
            noise=self.noise,
        )

    def _light_at(self, stage: StageTruth, port: Port) -> tuple[Field, Field | None]:
        """Return the light at a port and the pump of which a part is reflected into it."""
        if port == "z":
            return stage.z, None
        if port == "a":
            return stage.a, None
        back = stage.delta if port == "delta" else stage.rho
        pump = stage.z if port == "delta" else stage.x
        return (np.zeros_like(pump) if back is None else back), pump

    # State -----------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return everything the next exposure depends on besides what instruments hold."""
        # Whoever continues from this state works the light out anew, and so does this twin.
        self._keys = [None] * len(self.stages)
        state: dict[str, Any] = {
            "clock": self.clock.seconds,
            "since_bias_drift": self._since_bias_drift,
            "drifted_to": self._drifted_to,
            "noise": self.noise.place,
            "generator": self._generator.bit_generator.state,
            "detectors": {name: one.drift_radians for name, one in self.detectors.items()},
        }
        for name, bank in self.detectors.items():
            state[f"reflections/{name}"] = bank.reflection_wander.copy()
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
        self._drifted_to = float(state["drifted_to"])
        self.noise.place = int(state["noise"])
        self._generator.bit_generator.state = state["generator"]
        for name, drift in state["detectors"].items():
            self.detectors[name].drift_radians = float(drift)
            self.detectors[name].reflect(np.array(state[f"reflections/{name}"]))
        for name, modulator in self.modulators.items():
            modulator.drift_radians = np.array(state[f"modulators/{name}"])
        for index, stage in enumerate(self.stages):
            stage.restore({name: state[f"stages/{index}/{name}"] for name in stage.state()})
        self._keys = [None] * len(self.stages)


def _joined(one: Field, other: Field) -> Field:
    """Return two fields together, ``[1 or 2, B, n]`` each."""
    more, fewer = (one, other) if len(one) >= len(other) else (other, one)
    together = more.copy()
    together[: len(fewer)] += fewer
    return together


def _complex(field: Field) -> npt.NDArray[np.complex64]:
    """Return a field ``[1 or 2, B, n]`` as complex numbers ``[B, n]``."""
    turned: npt.NDArray[np.complex64] = field[0].astype(np.complex64)
    if len(field) == 2:
        turned += 1j * field[1]
    return turned
