"""Sending light back through the stages: the injectors lit one by one, backward taps read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from instruments.exposure import Volts
from protocols.calibration.emitter_view import backward_gain
from protocols.calibration.session import CalibrationSession

Floats = npt.NDArray[np.float64]

_REACH = 0.95
_LARGEST = 0.95


@dataclass
class BackwardFrame:
    """One frame: volts a unit of injected field, and what tables say, ``[taps, n]`` by bank."""

    read: dict[str, Floats]
    predicted: dict[str, Floats]


def backward_banks(session: CalibrationSession, stage: str) -> list[str]:
    """Return the banks that see a stage's injector through weights, the nearest first."""
    names = list(session.light.stages)
    banks = []
    rho = session.section(stage).taps.rho
    if rho is not None:
        banks.append(rho)
    if session.section(stage).inputs is None:
        for name in reversed(names[: names.index(stage)]):
            taps = session.section(name).taps
            banks += [bank for bank in (taps.delta, taps.rho) if bank is not None]
            if session.section(name).inputs is not None:
                break
    return banks


class Injection:
    """Lights injectors behind a stage, each with both signs, the absorber clear.

    Parameters
    ----------
    session, stage, injector
        What is calibrated.
    """

    def __init__(self, session: CalibrationSession, stage: str, injector: str) -> None:
        self._session, self._stage, self._injector = session, stage, injector
        light = session.light
        light.bypass(True)
        light.open_arms("reference", "backward")
        encoder = session.tables.encoders[injector]
        alive = encoder.field_at_full != 0.0
        lowest, highest = light.reach(injector)
        reach = np.minimum(highest, -lowest)
        self.level = _REACH * float(reach[alive].min())
        self.alive = alive
        self._noise: dict[str, Floats] = {}
        names = list(light.stages)
        self._path = [stage]
        if session.section(stage).inputs is None:
            for name in reversed(names[: names.index(stage)]):
                self._path.append(name)
                if session.section(name).inputs is not None:
                    break
        banks = backward_banks(session, stage)
        if banks:
            gain = backward_gain(session, stage, injector, banks[0])
            session.hardware(stage).set_field_gain(gain)

    def expose(self, banks: Sequence[str], repeats: int = 2) -> dict[str, Floats]:
        """Return the responses ``[taps, n]`` in volts a unit of field, by bank."""
        encoder = self._session.tables.encoders[self._injector]
        count = encoder.channels
        basis = self.level * np.eye(count)[self.alive]
        fields = np.tile(np.concatenate([basis, -basis]), (repeats, 1)).astype(np.float32)
        read = self._session.light.take({self._injector: encoder.encode(fields)}, banks)
        responses = {}
        lit = len(basis)
        for bank, volts in read.items():
            mean = volts.reshape(repeats, 2 * lit, -1).mean(axis=0, dtype=np.float64)
            full = np.zeros((mean.shape[1], count))
            full[:, self.alive] = (0.5 * (mean[:lit] - mean[lit:]) / self.level).T
            responses[bank] = full
        return responses

    def noise(self, bank: str, repeats: int = 2) -> Floats:
        """Return the rms noise ``[taps]`` of a response."""
        if bank not in self._noise:
            self._noise[bank] = self._session.noise_in_light(bank)
        single = self._noise[bank]
        noise: Floats = single / (np.sqrt(2.0 * repeats) * self.level)
        return noise

    def random_frame(self, banks: Sequence[str], *, even: bool = False) -> BackwardFrame:
        """Show random weights, or all of them bright, on the whole path and read it."""
        session = self._session
        passed: dict[str, Floats] = {}
        matrices = {}
        for name in self._path:
            hardware = session.hardware(name)
            bank = hardware.bank
            drawn = session.generator.uniform(-_LARGEST, _LARGEST, hardware.geometry.shape)
            if even:
                drawn = np.full(hardware.geometry.shape, _LARGEST)
            largest = np.asarray(bank.largest_weights(hardware.field_gain))
            shown = hardware.encode((drawn * largest).astype(np.float32))
            session.light.show(name, shown.depth, shown.offset)
            gain = 1.0 if hardware.amplifies_source else hardware.field_gain
            matrices[name] = bank.decode(shown.depth, shown.offset, gain).astype(np.float64)
        count = session.tables.encoders[self._injector].channels
        behind = np.eye(session.hardware(self._stage).outputs)[:, :count]
        for name in self._path:
            taps = session.section(name).taps
            if name != self._stage and taps.delta is not None:
                passed[taps.delta] = behind
            behind = matrices[name].T @ behind
            if taps.rho is not None:
                passed[taps.rho] = behind
        read = self.expose(banks)
        wanted = {bank: read[bank][: passed[bank].shape[0]] for bank in banks}
        return BackwardFrame(wanted, {bank: passed[bank] for bank in banks})

    def show_bright(self, except_for: str, *, brighter: bool = False) -> dict[str, Floats]:
        """Show bright blocks at a gain of one on the way, but for one stage.

        ``brighter``: the first stage on the way amplifies probes as far as ``probe_limit`` allows.
        Returns the weights ``[outputs, inputs]`` that the blocks hold without gain, by stage.
        """
        weights = {}
        for name in self._path:
            if name == except_for:
                continue
            hardware = self._session.hardware(name)
            hardware.set_field_gain(1.0)
            largest = _LARGEST * np.asarray(hardware.bank.largest_weights(1.0))
            shown = hardware.encode(largest.astype(np.float32))
            self._session.light.show(name, shown.depth, shown.offset)
            decoded = hardware.bank.decode(shown.depth, shown.offset)
            weights[name] = np.asarray(decoded, np.float64)
            if brighter and name == self._stage and not hardware.amplifies_source:
                injected = self.level * self.alive[: hardware.outputs]
                probes = np.abs(injected @ weights[name][: injected.size]).max()
                gain = self._session.light.file.optics.probe_limit / max(float(probes), 1e-12)
                hardware.set_field_gain(max(1.0, min(gain, hardware.highest_field_gain)))
        return weights

    def both_signs(self, shots: int) -> dict[str, Volts]:
        """Return volts ``[2 shots, n]`` of all injectors lit alike, positive and then negative."""
        encoder = self._session.tables.encoders[self._injector]
        fields = np.where(self.alive, self.level, 0.0) * np.ones((shots, 1))
        signed = np.concatenate([fields, -fields]).astype(np.float32)
        return {self._injector: encoder.encode(signed)}

    def straight(self, bank: str) -> Floats:
        """Return the response ``[n]`` of taps that see one injector each."""
        responses = self.expose([bank])[bank]
        count = min(responses.shape)
        return np.asarray(np.diag(responses[:count, :count]), np.float64)

    def close(self) -> None:
        """Bring absorber and forward light back."""
        self._session.light.bypass(False)
        self._session.light.open_arms("reference", "forward", "backward")
