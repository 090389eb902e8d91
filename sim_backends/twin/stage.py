"""Light through one stage, forward and back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from instruments.read_only import read_only
from sim_backends.optics.slit import apodisation, neuron_positions
from sim_backends.twin import passage
from sim_backends.twin.devices import AbsorberTruth, AmplifierTruth, Field
from sim_backends.twin.imperfections import Imperfections
from sim_backends.twin.layout import PanelLayout, Port, StageLayout
from sim_backends.twin.light_loops import GainCurves
from sim_backends.twin.neuron_plane import Tap, cross
from sim_backends.twin.noise import NoiseStream
from sim_backends.twin.weight_panel import PanelTruth
from sim_backends.twin.workspace import Workspace

Floats = npt.NDArray[np.float32]

Frame = Callable[[Floats, Floats, Floats, Floats], None]
"""Writes what light meets, given the gains of rows and columns, into ``[2 outputs, inputs]``, and
both parts added up into ``[outputs, inputs]``, or nothing into ``[0, inputs]``."""

_SETTLED = 1e-4
_ONE = np.float32(1)


class StageTruth:
    """The hidden optics of one stage and the light in it at the latest exposure.

    Attributes
    ----------
    amplifies_neurons
        Whether every neuron has an amplifier of its own, passed both ways. A single one sits in
        front of the modulators, off the way back.
    x, z, a
        Complex fields at the input side, in front of the absorber and behind it.
    delta, rho
        Backward fields in front of the absorber and at the input side; ``None`` when no light
        came from behind.
    volts
        What taps made of the light on its way, ``[B, n]`` port by port.
    """

    def __init__(
        self,
        layout: StageLayout,
        panel: PanelLayout,
        imperfections: Imperfections,
        amplifier: AmplifierTruth | None,
        absorber: AbsorberTruth | None,
        generator: np.random.Generator,
        alignment: np.random.Generator,
    ) -> None:
        self.layout = layout
        self.amplifier = amplifier
        self.absorber = absorber
        self.amplifies_neurons = amplifier is not None and len(amplifier.spread) > 1
        path = imperfections.path
        self.panel = PanelTruth(
            (layout.outputs, layout.inputs),
            panel.levels,
            panel.period,
            imperfections.panels,
            generator,
        )
        positions = neuron_positions(layout.inputs)
        self.slit_decentring = path.slit_decentring * float(alignment.normal())
        apodised = apodisation(positions, path.slit_half_width, self.slit_decentring)
        # A slit no wider than the unit leaves no column's gain negative: phases are the decentring.
        self.column_turns = np.angle(apodised)
        column = np.abs(apodised) * (1 + path.neuron_spread * generator.normal(size=layout.inputs))
        row = 1 + path.neuron_spread * generator.normal(size=layout.outputs)
        row *= layout.full_scale * (1 + path.loss_spread * float(generator.normal()))
        self.column_gains = column.astype(np.float32)
        self.row_gains = row.astype(np.float32)
        self._settling_time = imperfections.panels.settling_time
        shape = (2 * layout.outputs, layout.inputs)
        # What light meets once the panel stands still, and what it met before.
        self._target = np.zeros(shape, np.float32)
        self._previous = np.zeros(shape, np.float32)
        # A frame that has not met light yet is not worked out: until then ``_target`` is that of
        # the frame before.
        self._awaited: Frame | None = None
        self._blended: Floats | None = None
        self._blended_at = -math.inf
        # What light met last, and how real and how complex light meets it.
        self._met: Floats | None = None
        self._masks: dict[bool, passage.Mask] = {}
        # Both parts added up, and of which mask; room for them once complex light has come.
        self._sums: Floats = np.zeros((0, layout.inputs), np.float32)
        self._summed: Floats | None = None
        self._shown_at = self._still_at = -math.inf
        self.version = 0
        self._workspace = Workspace()
        self.x: Field = np.zeros((1, 0, layout.inputs), np.float32)
        self.z: Field = np.zeros((2, 0, layout.outputs), np.float32)
        self.a: Field = self.z
        self._pump_power = np.zeros((0, layout.outputs), np.float32)
        self._neuron_gains: Field = np.zeros((2, 0, layout.inputs), np.float32)
        self.delta: Field | None = None
        self.rho: Field | None = None
        self.volts: dict[Port, Floats] = {}

    def show(self, depth: npt.NDArray[Any], offset: npt.NDArray[Any], moment: float) -> None:
        """Begin to show new grey levels ``[outputs, inputs]`` at a moment, which may be to come."""
        self._begin(moment)
        self._awaited = partial(self.panel.coefficients, read_only(depth), read_only(offset))

    def show_coefficients(self, real: Floats, imaginary: Floats, moment: float) -> None:
        """Begin to show a frame whose blocks have these coefficients, ``[outputs, inputs]``."""
        self._begin(moment)
        self._awaited = partial(self.panel.mix, real, imaginary)

    def _begin(self, moment: float) -> None:
        """Make ``_target`` what is to be seen until the frame that begins at ``moment`` is on."""
        if moment > self._shown_at:
            seen = self._mask(moment)
            if seen is not self._target:
                self._target, self._previous = seen, self._target
        elif self._awaited is None:
            # The frame before never came on: this one takes its place.
            self._target, self._previous = self._previous, self._target
        self._awaited = None
        self._appear_at(moment)
        self._blended = None
        self.version += 1

    def _work_out(self) -> None:
        """Work out the frame that waits for light, if one does; keep what was seen before."""
        if self._awaited is not None:
            self._target, self._previous = self._previous, self._target
            self._write_target(self._awaited)

    def _write_target(self, frame: Frame) -> None:
        target = self._target
        frame(self.row_gains, self.column_gains, target, self._sums)
        self._awaited = self._met = None
        self._summed = target if len(self._sums) else None
        if self.slit_decentring:
            # A decentred slit turns what light meets in each column.
            real, imaginary = target[: self.layout.outputs], target[self.layout.outputs :]
            turned = (real + 1j * imaginary) * np.exp(1j * self.column_turns)
            real[:], imaginary[:] = turned.real, turned.imag
            self._summed = None

    def state(self) -> dict[str, Any]:
        """Return what the panel shows and showed before."""
        self._work_out()
        return {
            "target": self._target.copy(),
            "previous": self._previous.copy(),
            "shown_at": self._shown_at if math.isfinite(self._shown_at) else None,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what ``state`` returned."""
        self._target = np.array(state["target"], np.float32)
        self._previous = np.array(state["previous"], np.float32)
        self._awaited = self._met = self._summed = None
        shown_at = state["shown_at"]
        self._appear_at(-math.inf if shown_at is None else float(shown_at))
        self._blended = None
        self.version += 1

    def go_dark(self) -> None:
        """Show a pattern that sends nothing into the first order."""
        self._target[:] = self._previous[:] = 0
        self._awaited = self._met = self._summed = None
        self._appear_at(-math.inf)
        self._blended = None
        self.version += 1

    def _appear_at(self, moment: float) -> None:
        self._shown_at = moment
        self._still_at = moment + self._settling_time * math.log(1 / _SETTLED)

    def _share_left(self, moment: float) -> float:
        """Return how much of the frame before is still to be seen."""
        if moment < self._shown_at:
            return 1.0
        return math.exp((self._shown_at - moment) / self._settling_time)

    def is_settled(self, moment: float) -> bool:
        """Whether the panel stands still."""
        return moment >= self._still_at

    @property
    def settled_mask(self) -> Floats:
        """What light meets once the panel stands still, ``[2 outputs, inputs]``."""
        self._work_out()
        return self._target

    def _mask(self, moment: float) -> Floats:
        """Return the coefficients ``[2 outputs, inputs]`` as settled at ``moment``."""
        if moment >= self._still_at:
            if self._awaited is not None:
                # Nothing is left of the frame before: its place in memory is taken, since two in
                # turn would be twice as much for the caches of the processor.
                self._write_target(self._awaited)
            return self._target
        self._work_out()
        left = self._share_left(moment)
        if self._blended is None or self._blended_at != moment:
            self._blended = self._target + np.float32(left) * (self._previous - self._target)
            self._blended_at = moment
        return self._blended

    def _mask_for(self, light: Field, moment: float, *, amplified: bool = False) -> passage.Mask:
        """Return what light meets at ``moment``; behind amplifiers it is complex."""
        met = self._mask(moment)
        if met is not self._met:
            self._met, self._masks = met, {}
        is_complex = amplified or len(light) == 2
        mask = self._masks.get(is_complex)
        if mask is None:
            parts = met.reshape(2, self.layout.outputs, -1)
            sums = self._sums_of(met, parts) if is_complex else self._sums[:0]
            mask = self._masks[is_complex] = passage.Mask(parts, sums)
        return mask

    def _sums_of(self, mask: Floats, parts: Floats) -> Floats:
        if mask is self._summed:
            return self._sums
        if not len(self._sums):
            self._sums = np.empty_like(parts[0])
        sums: Floats = parts[0] + parts[1]
        return sums

    def shine(
        self,
        x: Field,
        emitted: Field | None,
        moment: float,
        noise: NoiseStream,
        taps: Mapping[Port, Tap],
    ) -> None:
        """Let light ``x`` through the stage; ``emitted`` joins it in front of the absorber.

        ``taps`` on the way read it.
        """
        self.x = x
        amplifier, carrier_gain = self.amplifier, _ONE
        if amplifier is not None and not self.amplifies_neurons:
            carrier_gain = amplifier.carrier_gain
        shone = passage.shine(
            x,
            self._mask_for(x, moment, amplified=self.amplifies_neurons),
            self._curves(),
            carrier_gain,
            emitted,
            noise,
            self._workspace,
        )
        self._neuron_gains, self.z, power = shone
        self._pump_power = power
        absorber, medium = self.absorber, None
        if absorber is None:
            self.a = self.z
        else:
            medium = absorber.medium_for(power, probe=False)
            if medium is None:
                self.a = absorber.passed(self.z, power, saturates=False)
            else:
                self.a = self._workspace.array("a", *self.z.shape)
        before, after = cross(
            self.z, self.a, noise, medium=medium, before=taps.get("z"), after=taps.get("a")
        )
        if before is not None:
            self.volts["z"] = before
        if after is not None:
            self.volts["a"] = after

    def send_back(self, arriving: Field, noise: NoiseStream, taps: Mapping[Port, Tap]) -> None:
        """Let light ``arriving`` from behind back to the port in front of the absorber."""
        self.rho = None
        absorber, medium = self.absorber, None
        if absorber is None:
            self.delta = arriving
        else:
            medium = absorber.medium_for(self._pump_power, probe=True)
            if medium is None:
                self.delta = absorber.probed(arriving, self._pump_power)
            else:
                self.delta = self._workspace.array("delta", *arriving.shape)
        _, volts = cross(
            arriving, self.delta, noise, medium=medium, after=taps.get("delta"), pump=self.z
        )
        if volts is not None:
            self.volts["delta"] = volts

    def return_to_source(self, moment: float, noise: NoiseStream) -> Field:
        """Let the backward light on through the weights to the input side."""
        if self.delta is None:
            raise ValueError("no light came from behind")
        mask = self._mask_for(self.delta, moment)
        self.rho = passage.return_to_source(
            self.delta, mask, self._curves(), self._neuron_gains, noise, self._workspace
        )
        return self.rho

    def _curves(self) -> GainCurves | None:
        amplifier = self.amplifier
        return amplifier.curves if amplifier is not None and self.amplifies_neurons else None
