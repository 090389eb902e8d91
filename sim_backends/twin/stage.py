"""Light through one stage, forward and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from sim_backends.optics.slit import apodisation, neuron_positions
from sim_backends.twin.devices import AbsorberTruth, AmplifierTruth
from sim_backends.twin.imperfections import Imperfections
from sim_backends.twin.layout import PanelLayout, StageLayout
from sim_backends.twin.noise import NoiseStream
from sim_backends.twin.weight_panel import PanelTruth

Floats = npt.NDArray[np.float32]
Field = tuple[Floats, Floats | None]
"""Real and imaginary parts ``[B, n]``; ``None`` stands for no imaginary part."""

_SETTLED = 1e-4


class StageTruth:
    """The hidden optics of one stage and the light in it at the latest exposure.

    Attributes
    ----------
    x, z, a
        Complex fields at the input side, in front of the absorber and behind it.
    delta, rho
        Backward fields in front of the absorber and at the input side; ``None`` when no light
        came from behind.
    """

    def __init__(
        self,
        layout: StageLayout,
        panel: PanelLayout,
        imperfections: Imperfections,
        amplifier: AmplifierTruth | None,
        absorber: AbsorberTruth | None,
        generator: np.random.Generator,
    ) -> None:
        self.layout = layout
        self.amplifier = amplifier
        self.absorber = absorber
        path = imperfections.path
        self.panel = PanelTruth(
            (layout.outputs, layout.inputs),
            panel.levels,
            panel.period,
            imperfections.panels,
            generator,
        )
        positions = neuron_positions(layout.inputs)
        apodised = apodisation(positions, path.slit_half_width).real
        column = apodised * (1 + path.neuron_spread * generator.normal(size=layout.inputs))
        row = 1 + path.neuron_spread * generator.normal(size=layout.outputs)
        row *= layout.full_scale * (1 + path.loss_spread * float(generator.normal()))
        self.column_gains = column.astype(np.float32)
        self.row_gains = row.astype(np.float32)
        self._settling_time = imperfections.panels.settling_time
        shape = (2 * layout.outputs, layout.inputs)
        self._target = np.zeros(shape, np.float32)
        self._previous = np.zeros(shape, np.float32)
        self._blended: Floats | None = None
        self._shown_at = -math.inf
        self.version = 0
        self.x: Field = (np.zeros((0, layout.inputs), np.float32), None)
        self.z: Field = (np.zeros((0, layout.outputs), np.float32), None)
        self.a: Field = self.z
        self._transmission = np.zeros((0, layout.outputs), np.float32)
        self.delta: Field | None = None
        self.rho: Field | None = None

    @property
    def carrier_gain(self) -> np.float32:
        """Field gain of an amplifier in front of the modulators."""
        if self.amplifier is None or len(self.amplifier.spread) != 1:
            return np.float32(1)
        return self.amplifier.carrier_gain

    @property
    def _amplifies_neurons(self) -> bool:
        return self.amplifier is not None and len(self.amplifier.spread) > 1

    def show(self, depth: npt.NDArray[Any], offset: npt.NDArray[Any], moment: float) -> None:
        """Begin to show new grey levels ``[outputs, inputs]``."""
        self._previous, self._target = self._mask(moment), self._previous
        if self._previous is self._target:
            self._target = np.empty_like(self._previous)
        self.panel.coefficients(depth, offset, self.row_gains, self.column_gains, self._target)
        self._shown_at = moment
        self._blended = None
        self.version += 1

    def state(self) -> dict[str, Any]:
        """Return what the panel shows and showed before."""
        return {
            "target": self._target.copy(),
            "previous": self._previous.copy(),
            "shown_at": self._shown_at if math.isfinite(self._shown_at) else None,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what ``state`` returned."""
        self._target = np.array(state["target"], np.float32)
        self._previous = np.array(state["previous"], np.float32)
        shown_at = state["shown_at"]
        self._shown_at = -math.inf if shown_at is None else float(shown_at)
        self._blended = None
        self.version += 1

    def go_dark(self) -> None:
        """Show a pattern that sends nothing into the first order."""
        self._target = np.zeros_like(self._target)
        self._previous = np.zeros_like(self._target)
        self._blended = None
        self.version += 1

    def _mask(self, moment: float) -> Floats:
        """Return the coefficients ``[2 outputs, inputs]`` as settled at ``moment``."""
        left = 0.0
        if self._settling_time:
            left = math.exp(-max(0.0, moment - self._shown_at) / self._settling_time)
        if left < _SETTLED:
            return self._target
        if self._blended is None:
            self._blended = self._target + np.float32(left) * (self._previous - self._target)
        return self._blended

    def shine(self, x: Field, emitted: Floats | None, moment: float, noise: NoiseStream) -> None:
        """Let light ``x`` through the stage; ``emitted`` joins it in front of the absorber."""
        self.x = x
        mask = self._mask(moment)
        outputs = self.layout.outputs
        real, imaginary = x
        if self._amplifies_neurons and self.amplifier is not None:
            real, imaginary = self.amplifier.amplified(real, imaginary, noise)
        both = real @ mask.T
        z_real, z_imaginary = both[:, :outputs], both[:, outputs:]
        if imaginary is not None:
            turned = imaginary @ mask.T
            z_real = z_real - turned[:, outputs:]
            z_imaginary = z_imaginary + turned[:, :outputs]
        carrier = self.carrier_gain
        z_real = z_real * carrier
        z_imaginary = z_imaginary * carrier
        if emitted is not None:
            z_real += emitted
        self.z = (z_real, z_imaginary)
        self.a = self.z
        if self.absorber is not None:
            power = z_real * z_real
            power += z_imaginary * z_imaginary
            self._transmission = self.absorber.transmission(power)
            self.a = (z_real * self._transmission, z_imaginary * self._transmission)

    def send_back(self, arriving: Field) -> None:
        """Let light ``arriving`` from behind back through the stage."""
        real, imaginary = arriving
        if self.absorber is not None:
            transmission = self._transmission
            if self.absorber.finite_probe:
                z_real, z_imaginary = self.z
                power = z_real * z_real + real * real
                if z_imaginary is not None:
                    power += z_imaginary * z_imaginary
                if imaginary is not None:
                    power += imaginary * imaginary
                transmission = self.absorber.transmission(power)
            real = real * transmission
            imaginary = None if imaginary is None else imaginary * transmission
        self.delta = (real, imaginary)
        self.rho = None

    def return_to_source(self, moment: float, noise: NoiseStream) -> Field:
        """Let the backward light on through the weights to the input side."""
        if self.delta is None:
            raise ValueError("no light came from behind")
        real, imaginary = self.delta
        mask = self._mask(moment)
        outputs = self.layout.outputs
        upper, lower = mask[:outputs], mask[outputs:]
        rho_real, rho_imaginary = real @ upper, real @ lower
        if imaginary is not None:
            rho_real -= imaginary @ lower
            rho_imaginary += imaginary @ upper
        if self._amplifies_neurons and self.amplifier is not None:
            rho_real, rho_imaginary = self.amplifier.returned(
                rho_real, rho_imaginary, *self.x, noise
            )
        # An amplifier in front of the modulators is not on the way back.
        self.rho = (rho_real, rho_imaginary)
        return self.rho
