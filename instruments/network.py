"""The network seam: what everything that can be trained looks like to a protocol.

A real bench, a simulated bench and the paper's ideal algebra stand behind the same
interface. Whole minibatches cross it, never single samples, so that hardware-timed
sequences and fast simulation are both possible.

Symbols follow arXiv:1912.12256: ``a(l)`` activations, ``z(l)`` inputs of the nonlinear
units (Eq. 1), ``delta(l) = dL/dz(l)`` errors (Eq. 3). All fields are real, signed and in
units of the saturation field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

UnitKind = Literal["absorber", "gain", "relu", "tanh", "sigmoid", "linear"]
UnitModel = Literal["eq4", "propagated"]
Derivative = Literal["probe", "exact", "one"]


@dataclass(frozen=True)
class NonlinearUnit:
    """The nonlinear element between two layers.

    Parameters
    ----------
    kind
        ``absorber`` (saturable absorption), ``gain`` (gain saturation) or a computational
        activation function.
    strength
        Resonant optical depth of an absorber or small-signal gain ``g0``; unused otherwise.
    model
        ``eq4`` keeps the pump at its input intensity over the whole medium, as the paper's
        Eq. 4 does; ``propagated`` follows the two-level medium slice by slice.
    derivative
        What multiplies an error on its way back: ``probe`` is the transmission a weak probe
        sees (Eq. 5), ``exact`` the true derivative (Eq. 6), ``one`` a control experiment.
    """

    kind: UnitKind
    strength: float = 0.0
    model: UnitModel = "eq4"
    derivative: Derivative = "exact"


@dataclass(frozen=True)
class Layer:
    """One trainable layer: a weight matrix ``[outputs, inputs]`` and the unit behind it."""

    inputs: int
    outputs: int
    unit: NonlinearUnit | None
    kind: Literal["dense"] = "dense"


@dataclass(frozen=True)
class Pass:
    """What the taps saw while a minibatch of B samples went forward.

    Parameters
    ----------
    activations
        ``a(0) .. a(L-1)``, each ``[B, N_l]``; ``a(0)`` are the fields that show the inputs.
    output
        ``z(L)``, ``[B, N_L]``.
    unit_inputs
        ``z(1) .. z(L-1)`` where the bench has taps in front of the units, else ``None``.
    exposure
        Whatever the network needs to send errors back through the same light. Opaque.
    """

    activations: tuple[Array, ...]
    output: Array
    unit_inputs: tuple[Array, ...] | None = None
    exposure: Any = field(default=None, repr=False, compare=False)


class Network(Protocol):
    """Anything a protocol can train."""

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The trainable layers, first to last."""
        ...

    def parameters(self) -> list[Array]:
        """Return copies of the weights last written, one ``[outputs, inputs]`` a layer."""
        ...

    def write(
        self, parameters: Sequence[Array], operating_point: Mapping[str, float] | None = None
    ) -> None:
        """Write new weights; ``NetworkError`` if their shapes do not fit.

        ``operating_point`` holds the rest as it was when these weights were good; without it the
        network finds one that holds them.
        """
        ...

    def operating_point(self) -> dict[str, float]:
        """Return what writing has set besides the weights: the gains of amplifiers.

        Weights learn to live with the errors of the tables at the gains they were trained with;
        at other gains the same numbers make other light.
        """
        ...

    def forward(self, inputs: Array) -> Pass:
        """Show inputs ``[B, N_0]`` and read every forward tap."""
        ...

    def backward(self, passed: Pass, output_errors: Array) -> list[Array]:
        """Send errors ``[B, N_L]`` back; return ``delta(1) .. delta(L)``, each ``[B, N_l]``."""
        ...

    def gradient(self, passed: Pass, errors: Sequence[Array]) -> list[Array]:
        """Average the gradient over the minibatch, one array a layer, shaped like the weights."""
        ...

    def call_before_exposures(self, hook: Callable[[], None]) -> None:
        """Call ``hook`` before every exposure from now on.

        What it raises gives up the pass in hand. A network that takes no exposures calls it before
        every pass.
        """
        ...

    def readings(self) -> Mapping[str, float]:
        """Return named scalars worth a column of the record; the names never change."""
        ...

    def epoch_readings(self) -> Mapping[str, float]:
        """Return the same of what is too dear for every step; read once an epoch."""
        ...

    def state(self) -> dict[str, Any]:
        """Return all the next exposure depends on besides weights: numpy arrays and JSON values."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what ``state`` returned."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return what the record should say about this network, as JSON values."""
        ...

    def make_safe(self) -> object:
        """Put the hardware in its safe state. Called on every way out of a protocol."""
        ...

    def close(self) -> None:
        """Make safe and let go of the hardware; it cannot be used any more."""
        ...
