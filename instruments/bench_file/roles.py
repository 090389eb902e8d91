"""Which instrument a bench file gives which role, and what kinds can play it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from instruments.bench_file.schema import BenchFile

KINDS_OF_ROLE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "inputs": ("modulator_array", "mirror_device"),
        "weights": ("spatial_light_modulator",),
        "amplifier": ("optical_amplifier",),
        "emitter": ("modulator_array", "mirror_device"),
        "injector": ("modulator_array", "mirror_device"),
        "tap": ("photodetector_array", "camera"),
        "oven": ("temperature_controller",),
        "laser": ("laser",),
        "trigger": ("trigger_source",),
        "shutter": ("shutter",),
        "phase": ("reference_phase",),
    }
)


@dataclass(frozen=True, slots=True)
class Role:
    """One role of a bench and who plays it.

    Parameters
    ----------
    key
        Dotted key of the bench file that gives the role: ``"stages.first.inputs"``.
    name
        What has to be done, a key of ``KINDS_OF_ROLE``.
    instrument
        Name of the instrument, which may not exist.
    """

    key: str
    name: str
    instrument: str


def roles(bench: BenchFile) -> tuple[Role, ...]:
    """Return every role the bench file gives, in the order of its sections."""
    return tuple(_roles(bench))


def _roles(bench: BenchFile) -> Iterator[Role]:
    for key, name, instrument in _entries(bench):
        if instrument is not None:
            yield Role(key, name, instrument)


def _entries(bench: BenchFile) -> Iterator[tuple[str, str, str | None]]:
    if bench.absorber is not None:
        yield "absorber.oven", "oven", bench.absorber.oven
        yield "absorber.laser", "laser", bench.absorber.laser
    yield "exposure.trigger", "trigger", bench.exposure.trigger
    arms = bench.arms
    yield "arms.forward.shutter", "shutter", arms.forward.shutter
    yield "arms.backward.shutter", "shutter", arms.backward.shutter
    yield "arms.reference.shutter", "shutter", arms.reference.shutter
    yield "arms.reference.phase", "phase", arms.reference.phase
    for name, stage in bench.stages.items():
        key = f"stages.{name}"
        yield f"{key}.inputs", "inputs", stage.inputs
        yield f"{key}.weights", "weights", stage.weights
        yield f"{key}.amplifier", "amplifier", stage.amplifier
        yield f"{key}.emitter", "emitter", stage.emitter
        yield f"{key}.injector", "injector", stage.injector
        for port, instrument in stage.taps.present().items():
            yield f"{key}.taps.{port}", "tap", instrument
