"""Putting light on the inputs of a stage, one after the other, and reading what its weights make.

The first stage of a bench has modulators at its inputs. The inputs of a later one are the
activations of the stage before, which passes them on through a clear absorber: that stage shows
orthogonal rows, so that every activation can be set, and its taps say what each really is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.linalg import hadamard

from instruments.calibration.weight_bank import WeightsShown
from instruments.errors import CalibrationError
from instruments.exposure import Volts
from protocols.calibration.session import WANDER_SECONDS, CalibrationSession

Floats = npt.NDArray[np.float64]

_REACH = 0.95
"""Share of what modulators reach that is used."""


_HEAD_ROOM = 1.05
"""By which gain exceeds what weights need, so that their rounding does not clip them."""

_LONG_LOOK = 128
_LEAST_TURN = 0.5
_REST_SHOTS = 8
_AT_REST = 0.33


class StageDrive:
    """Lights the inputs of one stage, each with both signs.

    Parameters
    ----------
    session, stage
        What is calibrated.
    level
        Field of a lit input; what modulators or amplifiers in front do not reach is asked of them
        only as far as they do.
    patterns
        ``[k, n]`` what is to be lit, in units of the level: every input alone by default. Stages
        in front give as much of their light as these take: a thousand modulators that each add a
        little light one input to full, but not all of them at once.

    Attributes
    ----------
    level
        The field really asked for.
    quadrature
        ``[n, n]`` what is in quadrature at input k while input i is lit at 1, which taps in phase
        do not see: measured with their reference turned, or else what the tables say; ``None``
        where the stage emits its inputs itself.
    """

    def __init__(
        self,
        session: CalibrationSession,
        stage: str,
        level: float,
        patterns: Floats | None = None,
    ) -> None:
        self._session = session
        names = list(session.light.stages)
        self._before: list[str] = []
        if session.section(stage).inputs is None:
            self._before = names[: names.index(stage)]
        self.stage = stage
        for name in self._before:
            if session.section(name).absorber and not session.light.can_bypass:
                raise CalibrationError(
                    f"stages.{stage}: it is lit through the absorber of stage '{name}', which "
                    "nothing makes clear; say how (absorber.laser and absorber.bypass_detuning)"
                )
        first = self._before[0] if self._before else stage
        source = session.section(first).inputs
        if source is None:
            raise CalibrationError(
                f"stages.{first}.inputs: missing; without modulators no stage behind can be lit"
            )
        self._source = source
        encoder = session.tables.encoders[source]
        alive = encoder.field_at_full != 0.0
        lowest, highest = session.light.reach(source)
        reach = np.minimum(highest, -lowest) if encoder.is_signed else highest
        self._reach = _REACH * float(reach[alive].min())
        # Of light without a sign the negative half stays dark, and differences are half as large.
        self._lowest = -self._reach if encoder.is_signed else 0.0
        self.level = level if self._before else min(level, self._reach)
        self._inverses: list[Floats] = []
        self._turns = np.zeros(0)
        self._lit = np.zeros((0, 0))
        self.quadrature: Floats | None = None
        session.light.bypass(bool(self._before) or session.section(stage).taps.z is None)
        self._show_orthogonal_rows(np.eye(self.inputs) if patterns is None else patterns)
        self._readings: list[Floats] = []
        self._repeats: list[int] = []
        self._noise: dict[str, Floats] = {}

    @property
    def input_turns(self) -> Floats:
        """Phase ``[n]`` of the light at each input while it is lit, as far as is known."""
        return self._turns if self._turns.size else np.zeros(self.inputs)

    @property
    def inputs(self) -> int:
        """How many inputs the stage has."""
        return self._session.hardware(self.stage).inputs

    def _show_orthogonal_rows(self, patterns: Floats) -> None:
        """Let the stages before show rows that make every activation accessible."""
        session = self._session
        drawn = [self._orthogonal_rows(name) for name in self._before]
        sizes = self._sizes(patterns, drawn)
        for name, (rows, inverse), size in zip(self._before, drawn, sizes, strict=True):
            hardware = session.hardware(name)
            weights = (size * rows).astype(np.float32)
            needed = _HEAD_ROOM * hardware.bank.required_field_gain(weights)
            hardware.set_field_gain(max(1.0, min(hardware.highest_field_gain, needed)))
            shown = hardware.encode(weights)
            session.light.show(name, shown.depth, shown.offset)
            self._inverses.append(inverse / size)
            self._note_quadrature(name, shown)

    def _orthogonal_rows(self, name: str) -> tuple[Floats, Floats]:
        """Draw rows for a stage in front, and their inverse."""
        hardware = self._session.hardware(name)
        if hardware.outputs > hardware.inputs:
            raise CalibrationError(
                f"stages.{name}: {hardware.outputs} outputs of {hardware.inputs} inputs cannot "
                "be set one by one, so that the stage behind cannot be measured"
            )
        return sign_rows(hardware.outputs, self._living_inputs(name), self._session.generator)

    def _sizes(self, patterns: Floats, drawn: Sequence[tuple[Floats, Floats]]) -> list[float]:
        """Return the weights of the stages before with which their inputs reach the patterns.

        From the last to the first, as each has to make what the one behind it takes. Lit alone, an
        input takes the same share of every input in front; through two stages, or with others, it
        takes sums of many, and weights that are as much larger. Where an amplifier does not give
        those, the level is lowered.
        """
        sizes: list[float] = []
        asked, behind = self.level * patterns, self.level
        for name, (rows, inverse) in reversed(list(zip(self._before, drawn, strict=True))):
            hardware = self._session.hardware(name)
            # How far the field in front has to go for a field of 1 behind.
            reach = self._reach if name == self._before[0] else behind
            asked = asked @ inverse.T
            wanted = float(np.abs(asked).max()) / reach
            needed = _HEAD_ROOM * hardware.bank.required_field_gain(rows.astype(np.float32))
            size = min(wanted, hardware.highest_field_gain / needed)
            self.level *= size / wanted
            asked = asked / wanted
            sizes.insert(0, size)
        return sizes

    def _living_inputs(self, name: str) -> npt.NDArray[np.bool_]:
        """Return which inputs ``[n]`` of a stage can be lit."""
        source = self._session.section(name).inputs
        if source is None:
            return np.ones(self._session.hardware(name).inputs, np.bool_)
        full = self._session.tables.encoders[source].field_at_full
        return np.asarray(full[: self._session.hardware(name).inputs] != 0.0, np.bool_)

    def _note_quadrature(self, name: str, shown: WeightsShown) -> None:
        """Work out, from the tables, the phases of activations while one of them is lit."""
        hardware = self._session.hardware(name)
        bank = hardware.bank
        gratings = bank.coefficient_weights(shown.depth, shown.offset, hardware.field_gain)
        # Gains of columns are those in phase; what is in quadrature stands beside them.
        lag = self._session.column_phases.get(name, np.zeros(hardware.inputs))
        columns = bank.column_gains * (1.0 - 1j * np.tan(lag))
        weights = gratings * np.outer(bank.row_gains, columns)
        lit = weights @ self._inverses[-1]
        self._lit = lit.real
        self._turns = np.angle(np.diag(lit))
        self.quadrature = (lit * np.exp(-1j * self._turns)).imag
        np.fill_diagonal(self.quadrature, 0.0)

    def wanted(self) -> Floats:
        """Return the fields ``[2 n, n]``: every input alone, first positive, then negative."""
        basis = self.level * np.eye(self.inputs)
        return np.concatenate([basis, -basis])

    def expose(self, banks: Sequence[str], repeats: int = 1) -> dict[str, Floats]:
        """Light every input with both signs; return the mean volts ``[2 n, channels]`` of banks."""
        if self._before and not self._readings:
            # What enters the stage is as good as its taps: they get a long look to begin with.
            self._keep(self.expose_fields(self.wanted(), [], _LONG_LOOK)[0], _LONG_LOOK)
            self._look_in_quadrature()
        inputs, volts = self.expose_fields(self.wanted(), banks, repeats)
        self._keep(inputs, repeats)
        return volts

    def _look_in_quadrature(self) -> None:
        """Read the inputs with the reference of their taps turned, if an actuator can turn it.

        What emitters and panels add in quadrature cancels in no orthogonal row, and the tables
        know of the panels' share only.
        """
        session = self._session
        monitor = session.section(self._before[-1]).taps.a
        slope = None if monitor is None else session.radians_per_volt.get(monitor)
        if monitor is None or slope is None or self.quadrature is None:
            return
        rest = session.rest_volts.get(monitor, 0.0)
        volts = session.within_reach(monitor, rest + 0.5 * np.pi / slope)
        turned = slope * (volts - rest)
        if abs(np.sin(turned)) < _LEAST_TURN:
            return
        table, emitted = session.tables.taps[monitor], self.volts(self.wanted())
        repeated = {name: np.tile(one, (_LONG_LOOK, 1)) for name, one in emitted.items()}

        def seen() -> Floats:
            read = _mean(session.light.take(repeated, [monitor])[monitor], _LONG_LOOK)
            fields = np.asarray(table.read(read).fields, np.float64)[:, : self.inputs]
            half = 0.5 * (fields[: self.inputs] - fields[self.inputs :]) / self.level
            return np.asarray(half.T, np.float64)

        in_phase = seen()
        session.light.turn_references({monitor: volts})
        in_quadrature = seen()
        session.light.turn_references({monitor: rest})
        # A tap at phi reads Re(E exp(-i phi)); its table divides by cos(phi).
        phases = np.zeros(self.inputs)
        known = session.tap_phases.get(monitor, phases)[: self.inputs]
        phases[: known.size] = known
        own = np.cos(phases)[:, np.newaxis]
        after, before = phases[:, np.newaxis] + turned, phases[:, np.newaxis]
        real = own * (in_phase * np.sin(after) - in_quadrature * np.sin(before)) / np.sin(turned)
        imaginary = own * (in_quadrature * np.cos(before) - in_phase * np.cos(after))
        light = real + 1j * imaginary / np.sin(turned)
        self._turns = np.angle(np.diag(light))
        measured = (light * np.exp(-1j * self._turns)).imag
        np.fill_diagonal(measured, 0.0)
        # Taps that see nothing leave what the tables say.
        usable = session.banks[monitor].usable[: self.inputs]
        self.quadrature = np.where(usable[:, np.newaxis], measured, self.quadrature)

    def _keep(self, inputs: Floats, repeats: int) -> None:
        self._readings.append(inputs)
        self._repeats.append(repeats)

    def expose_fields(
        self, fields: Floats, banks: Sequence[str], repeats: int = 1
    ) -> tuple[Floats, dict[str, Floats]]:
        """Put fields ``[shots, n]`` on the inputs; return them as they were and the mean volts."""
        session = self._session
        encoder = session.tables.encoders[self._source]
        volts = self.volts(fields)[self._source]
        wanted = list(banks)
        monitor = session.section(self._before[-1]).taps.a if self._before else None
        if self._before and monitor is None:
            raise CalibrationError(
                f"stages.{self._before[-1]}.taps.a: missing; what enters the stage behind is "
                "not known without it"
            )
        asked = wanted if monitor is None or monitor in wanted else [*wanted, monitor]
        read = session.light.take({self._source: np.tile(volts, (repeats, 1))}, asked)
        mean = {bank: _mean(values, repeats) for bank, values in read.items()}
        if monitor is None:
            inputs = np.asarray(encoder.decode(volts), np.float64)
        else:
            table = session.tables.taps[monitor]
            inputs = np.asarray(table.read(mean[monitor]).fields, np.float64)
            inputs = inputs * session.along_light(monitor, self._turns)
            blind = ~session.banks[monitor].usable
            # Where no tap looks, the tables have to do.
            inputs[:, blind] = fields @ self._lit[blind].T
        return inputs, {bank: mean[bank] for bank in wanted}

    def volts(self, fields: Floats) -> dict[str, Volts]:
        """Return the volts ``[shots, channels]`` of modulators that put fields on the inputs."""
        sent = fields
        for inverse in reversed(self._inverses):
            sent = sent @ inverse.T
        encoder = self._session.tables.encoders[self._source]
        bounded = np.clip(sent, self._lowest, self._reach).astype(np.float32)
        return {self._source: encoder.encode(bounded)}

    def matrix(self, volts: Floats) -> Floats:
        """Return the response ``[channels, n]`` in volts a unit of field, from ``expose``."""
        inputs = np.average(self._readings, axis=0, weights=self._repeats)
        half = self.inputs
        steps = 0.5 * (inputs[:half] - inputs[half:])
        differences = 0.5 * (volts[:half] - volts[half:])
        if not self._before:
            sizes = np.diag(steps)
            alive = sizes != 0.0
            responses = np.zeros_like(differences)
            np.divide(differences, sizes[:, np.newaxis], out=responses, where=alive[:, np.newaxis])
            mirrors = self._session.mirror_maps.get(self.stage)
            if mirrors is not None:
                # A mirror block lights its neighbours' columns too: these are those of columns.
                columns = np.linalg.solve(mirrors.onto_columns(), responses)
                return np.asarray(columns.T, np.float64)
            return np.asarray(responses.T, np.float64)
        found = np.linalg.lstsq(steps, differences, rcond=1e-6)[0]
        return np.asarray(found.T, np.float64)

    def responses(self, share: float, bank: str, repeats: int) -> tuple[Floats, Floats]:
        """Return the response at a share of the level, and its noise, both ``[channels, n]``.

        What the stages before show stays the same at every share, so that responses at different
        ones can be compared: whatever is not known of the gratings cancels. The inputs are those
        of the same shots.
        """
        inputs, volts = self.expose_fields(share * self.wanted(), [bank], repeats)
        half = self.inputs
        steps = 0.5 * (inputs[:half] - inputs[half:])
        differences = 0.5 * (volts[bank][:half] - volts[bank][half:])
        found = np.asarray(np.linalg.lstsq(steps, differences, rcond=1e-6)[0].T, np.float64)
        own = self.noise(bank, repeats)[:, np.newaxis] / share
        # Inputs that are not lit are known no better than the one that is: each row adds them up.
        of_inputs = self._input_noise(share, repeats) * np.linalg.norm(found, axis=1, keepdims=True)
        return found, np.hypot(own, of_inputs) * np.ones_like(found)

    def _input_noise(self, share: float, repeats: int) -> float:
        """Return the noise of inputs that taps in front tell, relative to a lit one."""
        monitor = self._session.section(self._before[-1]).taps.a if self._before else None
        if monitor is None:
            return 0.0
        state, table = self._session.banks[monitor], self._session.tables.taps[monitor]
        alive = state.usable & (table.volts_per_field != 0.0)
        noise = np.median(state.noise_volts[alive] / np.abs(table.volts_per_field[alive]))
        return float(noise / (np.sqrt(2.0 * repeats) * share * self.level))

    def noise(self, bank: str, repeats: int = 1) -> Floats:
        """Return the rms noise ``[channels]`` of an entry of ``matrix``, in the light there is."""
        if bank not in self._noise:
            self._noise[bank] = self._session.noise_in_light(bank)
        single = self._noise[bank]
        step = 0.5 * (self.level - max(-self.level, self._lowest))
        noise: Floats = single / (np.sqrt(2.0 * repeats) * step)
        return noise

    def inputs_wander(self, seconds: float = WANDER_SECONDS) -> Floats:
        """Return the relative error ``[n]`` of inputs whose taps' references wander for a time."""
        monitor = self._session.section(self._before[-1]).taps.a if self._before else None
        if monitor is None:
            return np.zeros(self.inputs)
        return self._session.wander(monitor, self.inputs, seconds)

    def close(self) -> None:
        """Bring the absorber back."""
        self._session.light.bypass(False)


def _mean(values: Volts, repeats: int) -> Floats:
    shots = len(values) // repeats
    mean: Floats = values.reshape(repeats, shots, -1).mean(axis=0, dtype=np.float64)
    return mean


def sign_rows(
    outputs: int, living: npt.NDArray[np.bool_], generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """Return rows ``[outputs, inputs]`` of signs, and inputs ``[inputs, outputs]`` that lift one.

    Signs alone, so that every block shows one of two gratings, and what those leave in quadrature
    is the same share of every sum. Orthogonal where a power of two between both numbers is to be
    had; columns beyond it, and those of inputs that are not ``living``, stay dark.
    """
    used = np.flatnonzero(living)
    rows = np.zeros((outputs, living.size))
    power = 1 << max(0, used.size.bit_length() - 1)
    if outputs <= power:
        used = used[:power]
        first = min(1, power - outputs)
        signs = hadamard(power)[first : first + outputs] * generator.choice([-1.0, 1.0], power)
        rows[:, used] = signs
        return rows, rows.T / power
    rows[:, used] = generator.choice([-1.0, 1.0], (outputs, used.size))
    return rows, np.asarray(np.linalg.pinv(rows), np.float64)


def show_bright(session: CalibrationSession, stage: str, *, signed: bool = False) -> None:
    """Show gratings of one depth in all blocks, whatever the gain; ``signed``: random signs."""
    hardware = session.hardware(stage)
    largest = 0.95 * np.asarray(hardware.bank.largest_weights(1.0))
    if signed:
        largest = largest * session.generator.choice([-1.0, 1.0], largest.shape)
    shown = hardware.bank.encode(largest.astype(np.float32), 1.0)
    session.light.show(stage, shown.depth, shown.offset)


def lower_gain_at_rest(session: CalibrationSession, stage: str, banks: Sequence[str]) -> None:
    """Halve a stage's gain until what passes at rest takes less than a third of the taps' range.

    Before the nulls are known, all that modulators let through adds up.
    """
    hardware = session.hardware(stage)
    while hardware.field_gain > 1.0:
        read = session.light.take({}, banks, _REST_SHOTS)
        highest = max(
            float(np.abs(np.median(volts, axis=0))[session.banks[bank].usable].max())
            / session.range_volts(bank)
            for bank, volts in read.items()
        )
        if highest < _AT_REST:
            return
        hardware.set_field_gain(max(1.0, 0.5 * hardware.field_gain))


def measuring_gain(
    session: CalibrationSession,
    stage: str,
    level: float,
    share: float,
    banks: Sequence[str] = (),
) -> float:
    """Return the field gain at which one bright block takes a share of the taps' range.

    Bounded by what the amplifier gives and, where every neuron has its own, by what does not
    saturate it. ``banks`` are those that read; by default the one weights are measured with.
    """
    hardware = session.hardware(stage)
    if hardware.amplifier is None or hardware.amplifier_table is None:
        return 1.0
    reach = min(
        session.range_volts(bank)
        / float(
            np.median(np.abs(session.tables.taps[bank].volts_per_field[session.banks[bank].usable]))
        )
        for bank in banks or [session.forward_bank(stage)]
    )
    wanted = share * reach / (hardware.bank.full_scale * level)
    limits = [wanted, 10 ** (float(np.min(hardware.amplifier_table.highest_decibels)) / 20)]
    if not hardware.amplifies_source:
        limits.append(session.weak_output(stage) / level)
    return max(1.0, min(limits))
